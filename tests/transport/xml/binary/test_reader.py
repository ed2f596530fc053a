"""Reading binary XML: what .NET accepts and refuses, limits, and never any other error."""

from __future__ import annotations

import dataclasses
import random
import time
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.xml import (
    BINDING_QUOTAS,
    BUFFERED_QUOTAS,
    ArrayElements,
    DateTime,
    DateTimeKind,
    Event,
    QuotaExceeded,
    ReaderQuotas,
    Single,
    XmlException,
    build_tree,
    to_xml,
)
from netshare.transport.xml.binary import ReaderSession, read_document, read_events
from netshare.transport.xml.binary.dictionary import STATIC_STRINGS
from netshare.transport.xml.binary.reader import WindowReader
from netshare.transport.xml.binary.recordreader import RecordReader
from tests.helpers.binary_documents import SESSION, Maker, mutate
from tests.helpers.binary_vectors import (
    MESSAGE,
    MESSAGE_IN_SESSION,
    MESSAGE_XML,
    VECTORS,
    RecordedSession,
    conversations,
    oracle_documents,
)

DOC = "4003646f63"  # <doc>


def xml(hexadecimal: str, session: list[str] | None = None) -> str:
    """A document as text."""
    table = None if session is None else ReaderSession.of(session)
    return to_xml(read_document(bytes.fromhex(hexadecimal.replace(" ", "")), table))


def carefully(data: bytes, session: ReaderSession | None = None) -> list[Event]:
    """The events by the record-by-record reader alone."""
    return RecordReader(data, session, BUFFERED_QUOTAS, 0).read()


@pytest.mark.parametrize("document", oracle_documents(), ids=lambda d: str(d["name"]))
def test_oracle_document(document: dict[str, Any]) -> None:
    """Each document that Microsoft's reader was asked about reads the same, or is refused too."""
    if "error" in document:
        with pytest.raises(XmlException):
            xml(document["hex"], document.get("session"))
    else:
        assert xml(document["hex"], document.get("session")) == document["xml"]


def test_message_with_static_dictionary() -> None:
    """The recorded order message reads as its text form."""
    assert to_xml(read_document(MESSAGE)) == MESSAGE_XML


def test_message_with_session_table() -> None:
    """The same message with a string table in front reads the same."""
    session = ReaderSession()
    start = session.read_table(MESSAGE_IN_SESSION)
    assert to_xml(read_document(MESSAGE_IN_SESSION, session, start=start)) == MESSAGE_XML


@pytest.mark.parametrize(("name", "recorded"), list(conversations()))
def test_recorded_conversation(name: str, recorded: RecordedSession) -> None:
    """Every envelope .NET and CoreWCF exchanged reads as .NET's own reader shows it."""
    assert recorded.frames
    session = ReaderSession()
    for frame, shown, strings in zip(recorded.frames, recorded.xml, recorded.strings, strict=True):
        known = len(session.strings)
        start = session.read_table(frame)
        assert session.strings[known:] == strings, name
        assert to_xml(read_document(frame, session, start=start)) == shown


def test_static_dictionary_is_the_published_one() -> None:
    """All 487 strings stand at their places, the one with a leading blank included."""
    lines = (VECTORS / "static_dictionary_487.txt").read_text(encoding="utf-8").split("\n")
    assert [line[1:] for line in lines if line] == list(STATIC_STRINGS)
    assert STATIC_STRINGS[212].startswith(" http")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("400161 0801 78 400162 0801 78 01 01", '<a xmlns="x"><b></b></a>'),
        ("400161 0801 78 400162 0800 01 01", '<a xmlns="x"><b xmlns=""></b></a>'),
        ("5e0161 09016101 78 26016280 27016382 09016201 79 01",
         '<a:a a:b="0" b:c="1" xmlns:a="x" xmlns:b="y"></a:a>'),
        ("4103786d6c0161 01", "<xml:a></xml:a>"),
        ("400161 9e0161 9e0162 9f0163", "<a>YQ==Yg==Yw==</a>"),
        ("400161 80 82 990178", "<a>01x</a>"),
        ("0201 61 4001 61 01 980120 0200", "<!--a--><a></a> <!---->"),
        ("03400169018b0201000200", "<i>1</i><i>2</i>"),
        (DOC + "a480829601000000000000009801 78 a601",
         "<doc>0 1 0001-01-01T00:00:00.0000001 x</doc>"),
        (DOC + "ab8280808000", "<doc>Envelope</doc>"),
        (DOC + "950000 1c80 00000000 0500000000000000",
         "<doc>-0.0000000000000000000000000005</doc>"),
        (DOC + "9500000080000000000000000000000000", "<doc>0</doc>"),
        (DOC + "b502", "<doc>true</doc>"),
        (DOC + "9905010 90a0d7f".replace(" ", ""), "<doc>&#x1;\t\n&#xD;\x7f</doc>"),
        (DOC + "04016b980b3c3e2226270a0d09c3a92001",
         '<doc k="&lt;&gt;&quot;&amp;\'&#xA;&#xD;&#x9;é "></doc>'),
        ("", ""),
        ("a8", ""),
    ],
)  # fmt: skip
def test_accepts_what_dotnet_accepts(data: str, shown: str) -> None:
    """Unusual but acceptable documents read and print as in .NET."""
    assert xml(data) == shown


@pytest.mark.parametrize(
    ("data", "offset", "says"),
    [
        (DOC + "a4 88 07 88 f8 a7", 10, "0xA7"),
        (DOC + "a5", 5, "0xA5"),
        (DOC + "a4a4a6a601", 6, "in a list"),
        (DOC + "a4bc0002a601", 6, "in a list"),
        (DOC + "be", 5, "0xBE"),
        (DOC + "00", 5, "0x00"),
        (DOC + "04016b8101", 8, "0x81"),
        (DOC + "40c328 01", 9, "Unexpected end"),
        ("4002c32801", 2, "UTF-8"),
        (DOC + "9902c328", 7, "UTF-8"),
        (DOC + "9906eda0bdedb880", 7, "UTF-8"),
        (DOC + "9902c080", 7, "UTF-8"),
        (DOC + "b70200d8", 7, "UTF-16"),
        (DOC + "b70161", 7, "odd number"),
        (DOC + "9dffffffff", 6, "negative"),
        (DOC + "ab01", 6, "not defined in the session"),
        (DOC + "abce07", 6, "not defined in the static"),
        (DOC + "ab8280808008", 6, "31 bits"),
        (DOC + "bd1a02", 6, "prefix"),
        (DOC + "9700408ef95b47cc2b", 5, "DateTime"),
        (DOC + "950000 1d00 00000000 0500000000000000", 5, "decimal"),
        (DOC + "950100 0000 00000000 0500000000000000", 5, "decimal"),
        (DOC + "970040d6f428cabbff", 5, "DateTime"),
        ("5e016101", 0, "prefix 'a'"),
        (DOC + "26016280 01", 5, "prefix 'a'"),
        (DOC + "0901700001", 5, "empty namespace"),
        (DOC + "0903786d6c017801", 5, "prefix 'xml'"),
        (DOC + "090170017809017001 7901", 10, "Duplicate"),
        (DOC + "040162800401628001", 9, "Duplicate attribute"),
        ("400001", 0, "without a name"),
        (DOC + "04008001", 5, "without a name"),
        ("4001610140016201", 4, "multiple root"),
        ("01", 0, "without a beginning"),
        ("40016101a9", 4, "without a beginning"),
        ("400161019801 61", 4, "outside of the root"),
        ("4001610180", 4, "outside of the root"),
        ("81", 0, "outside of the root"),
        ("ff", 0, "0xFF"),
        (DOC, 5, "Unexpected end"),
        ("0303400169018b010100", 0, "array"),
        ("03400169818b010100", 4, "array"),
        ("034001690189010500", 5, "array of record type 0x89"),
        ("03400169018b00", 7, "without elements"),
        ("03400169018b80", 7, "Unexpected end"),
        ("03400169018b02010002", 10, "Unexpected end"),
        (DOC + "034001690197010000000000 00002c" + "01", 12, "DateTime"),
    ],
)
def test_refuses_and_says_where(data: str, offset: int, says: str) -> None:
    """Malformed documents are refused with what is wrong and the offset where."""
    with pytest.raises(XmlException, match=says) as caught:
        xml(data)
    assert caught.value.offset == offset
    assert str(offset) in str(caught.value)


def test_values_keep_their_types() -> None:
    """Values arrive as what the record said, floats of 32 bits and date kinds apart."""
    document = read_document(
        bytes.fromhex(DOC + "90cdcc8c3f 92000000000000f03f 960100000000000040 9e0161 01")
    )
    values = document.root.children
    assert values == (Single(1.100000023841858), 1.0, DateTime(1, DateTimeKind.UTC), b"a")
    assert [type(v) for v in values] == [Single, float, DateTime, bytes]


def test_array_is_one_node() -> None:
    """An array record stays one node that stands for its elements."""
    root = read_document(bytes.fromhex(DOC + "03400169018b030100feff2c0101")).root
    (array,) = root.children
    assert type(array) is ArrayElements
    assert array.values == (1, -2, 300)
    assert [e.text for e in root.elements()] == ["1", "-2", "300"]


def nested(depth: int) -> bytes:
    """So many elements in one another."""
    return b"@\x01a" * depth + b"\x01" * depth


@pytest.mark.parametrize(
    ("quotas", "good", "bad"),
    [
        (ReaderQuotas(max_depth=5), nested(5), nested(6)),
        (ReaderQuotas(max_depth=5), nested(4)[:12] + b"@\x01b\x81" + b"\x01" * 4,
         nested(5)[:15] + b"@\x01b\x81" + b"\x01" * 5),
        (BUFFERED_QUOTAS, nested(128), nested(129)),
        (BINDING_QUOTAS, nested(32), nested(33)),
        (ReaderQuotas(max_string_content_length=3), b"@\x01a\x99\x03abc", b"@\x01a\x99\x04abcd"),
        (ReaderQuotas(max_string_content_length=3), b"@\x01a\x98\x02ab\x99\x01c",
         b"@\x01a\x98\x02ab\x99\x02cd"),
        (ReaderQuotas(max_string_content_length=3), b"@\x01a\x04\x01k\x98\x03abc\x01",
         b"@\x01a\x04\x01k\x98\x04abcd\x01"),
        (ReaderQuotas(max_array_length=2), b"@\x01a\x9e\x01x\x9f\x01y",
         b"@\x01a\x9e\x02xx\x9f\x01y"),
        (ReaderQuotas(max_array_length=2), b"\x03@\x01a\x01\xb5\x02\0\0",
         b"\x03@\x01a\x01\xb5\x03\0\0\0"),
        (ReaderQuotas(max_bytes_per_read=4), b"@\x01a\x04\x01k\x80\x01",
         b"@\x01a\x04\x02kk\x80\x01"),
        (ReaderQuotas(max_name_table_char_count=3), b"@\x03abc\x01", b"@\x02ab@\x02cd\x01\x01"),
        (ReaderQuotas(max_nodes=3), b"@\x01a@\x01b\x01\x01", b"@\x01a@\x01b\x01@\x01b\x01\x01"),
        (ReaderQuotas(max_nodes=3), b"\x03@\x01a\x01\xb5\x02\0\0",
         b"\x03@\x01a\x01\xb5\x04\0\0\0\0"),
    ],
)  # fmt: skip
def test_quota(quotas: ReaderQuotas, good: bytes, bad: bytes) -> None:
    """Each quota lets through what just fits and refuses what just does not."""
    read_events(good, quotas=quotas)
    with pytest.raises(QuotaExceeded):
        read_events(bad, quotas=quotas)


def test_quotas_must_be_positive() -> None:
    """A quota of zero is a mistake."""
    with pytest.raises(ValueError, match="max_depth"):
        ReaderQuotas(max_depth=0)


def test_text_of_a_small_document_is_limited() -> None:
    """An array of bools under a long name stands for a text a thousand times its size: refused."""
    name = b"@\xa0\x9c\x01" + b"n" * 20_000
    data = b"@\x01r\x03" + name + b"\x01\xb5\xa0\x9c\x01" + b"\0" * 20_000 + b"\x01"
    document = read_document(data)
    with pytest.raises(QuotaExceeded):
        to_xml(document, max_length=1_000_000)


def test_namespaces_cannot_be_copied_without_end() -> None:
    """Thousands of declarations, and new scopes inside of them, do not cost quadratic time."""
    data = b"@\x01r"
    data += b"".join(b"\x09\x05%05d\x01u" % i for i in range(20_000))
    data += b"@\x01a\x08\x01v\x01" * 20_000 + b"\x01"
    began = time.process_time()
    with pytest.raises(QuotaExceeded):
        read_events(data)
    assert time.process_time() - began < 10


def test_both_ways_of_reading_agree() -> None:
    """With and without the scanner the same tree, and the same refusals, come out."""
    rng = random.Random(7)
    read = refused = 0
    for _ in range(1500):
        data = Maker(rng, rng.choice([0, 0.01])).document()
        if rng.random() < 0.3:
            data = mutate(rng, data)
        try:
            slow = to_xml(build_tree(carefully(data, ReaderSession.of(SESSION))))
        except XmlException:
            refused += 1
            with pytest.raises(XmlException):
                to_xml(read_document(data, ReaderSession.of(SESSION)))
        else:
            read += 1
            assert to_xml(read_document(data, ReaderSession.of(SESSION))) == slow
    assert read > 400
    assert refused > 200


@pytest.mark.parametrize(("name", "recorded"), list(conversations()))
def test_ordinary_messages_need_no_second_reading(name: str, recorded: RecordedSession) -> None:
    """The scanner never stumbles over what .NET sends."""
    session = ReaderSession()
    for frame in recorded.frames:
        start = session.read_table(frame)
        assert WindowReader(frame, session, BUFFERED_QUOTAS, start).read(), name


def test_large_message_crosses_windows() -> None:
    """A message of many windows reads the same with and without the scanner."""
    begin = MESSAGE.index(b"@\x04Line")
    end = MESSAGE.index(b"@\x04Line", begin + 1)
    line = MESSAGE[begin:end]
    data = MESSAGE[:begin] + b"".join(
        line.replace(b"medium", b"m" * (i % 60)).replace(b"\x991", bytes([0x99, 0x2B + i % 60]))
        for i in range(700)
    ) + b"\x01" * 4  # fmt: skip
    assert len(data) > 100_000
    assert build_tree(read_events(data)) == build_tree(carefully(data))


def test_truncation_at_every_offset() -> None:
    """A message cut anywhere is refused, at the cut or before."""
    for at in range(1, len(MESSAGE)):
        if at > 1200 and at % 97:
            continue
        with pytest.raises(XmlException) as caught:
            read_events(MESSAGE[:at])
        assert caught.value.offset is not None
        assert caught.value.offset <= at


@pytest.mark.parametrize("document", oracle_documents(), ids=lambda d: str(d["name"]))
def test_truncated_oracle_document(document: dict[str, Any]) -> None:
    """Each oracle document cut anywhere is refused, or is nothing but blank text."""
    data = bytes.fromhex(document["hex"])
    for at in range(1, min(len(data), 300)):
        with pytest.raises(XmlException):
            read_events(data[:at])


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    """Any bytes give a document or our exception."""
    try:
        to_xml(read_document(data, ReaderSession.of(SESSION)))
    except XmlException:
        pass


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_mutations_of_a_message(seed: int, data: st.DataObject) -> None:
    """A real message with damage gives a document or our exception, both ways the same."""
    damaged = mutate(random.Random(seed), MESSAGE[: data.draw(st.integers(1, 900))] + b"\x01" * 5)
    try:
        expected: list[Event] | None = carefully(damaged)
    except XmlException:
        expected = None
    try:
        events: list[Event] | None = read_events(damaged)
    except XmlException:
        events = None
    assert (events is None) == (expected is None)
    if events is not None and expected is not None:
        assert repr(build_tree(events)) == repr(build_tree(expected))


def test_nodes_are_counted_when_names_are_remembered() -> None:
    """A document of too many nodes is refused each time, also when its start tags are known."""
    # <r> with nine times <x a="" b="" c="" d=""/>: 47 nodes.
    tag = b"\x40\x01x" + b"".join(b"\x04\x01" + a + b"\xa8" for a in (b"a", b"b", b"c", b"d"))
    data = b"\x40\x01r" + (tag + b"\x01") * 9 + b"\x01"
    session = ReaderSession()
    for quotas in (ReaderQuotas(max_nodes=47), ReaderQuotas(max_nodes=46)) * 2:
        for _ in range(3):
            if quotas.max_nodes == 47:
                assert len(read_events(data, session, quotas)) == 11
            else:
                with pytest.raises(QuotaExceeded):
                    read_events(data, session, quotas)


def test_memory_of_names_is_bounded() -> None:
    """A peer that never repeats a name does not make a session grow."""
    session = ReaderSession()
    for i in range(5000):
        read_events(b"@\x01r\x08\x05%05d@\x05%05d\x81\x01" % (i, i), session)
    assert len(session.memory) <= 1100


def test_every_quota_has_dotnets_default() -> None:
    """The defaults are those WCF shows and those it really uses."""
    assert dataclasses.astuple(BINDING_QUOTAS)[:5] == (32, 8192, 16384, 4096, 16384)
    assert dataclasses.astuple(BUFFERED_QUOTAS)[:5] == (128, *[2**31 - 1] * 4)


_A300 = bytes(range(250)) + bytes(50)


@pytest.mark.parametrize(
    ("records", "values"),
    [
        # What .NET writes: whole groups of three, and what remains.
        ("a02c01" + _A300.hex() + "9f0207f8", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9f0107", [_A300 + b"\x07"]),
        ("a22c010000" + _A300.hex() + "9f0207f8", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9e0207f8 01", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9f00", [_A300]),
        # What does not end with a group is base64 of its own.
        ("a02b01" + _A300[1:].hex() + "9f0207f8", [_A300[1:], b"\x07\xf8"]),
        # Somebody else's ways.
        ("a02c01" + _A300.hex() + "01", [_A300]),
        ("a12c01" + _A300.hex(), [_A300]),
        ("a02c01" + _A300.hex() + "a10100ff", [_A300, b"\xff"]),
        ("a02c01" + _A300.hex() + "990161", [_A300, "a"]),
        ("a02c01" + _A300.hex() + "9e0161 9f0162", [_A300 + b"a", b"b"]),
    ],
)
def test_long_bytes(records: str, values: list[Any]) -> None:
    """Bytes that .NET writes in two records are one value; as text nothing is different."""
    data = bytes.fromhex((DOC + records).replace(" ", ""))
    for events in (read_events(data), carefully(data)):
        root = build_tree(events).root
        assert list(root.children) == values
        text = "".join(b64encode(v).decode() if isinstance(v, bytes) else v for v in values)
        assert to_xml(read_document(data)) == f"<doc>{text}</doc>"


@pytest.mark.parametrize("rest", ["", "9f", "9f02", "9f0207", "9e0207f8", "a1", "8000"])
def test_long_bytes_that_end_early(rest: str) -> None:
    """Whatever is missing behind long bytes, it is an unexpected end, or another complaint."""
    with pytest.raises(XmlException):
        read_events(bytes.fromhex(DOC + "a02c01" + _A300.hex() + rest))
    with pytest.raises(XmlException):
        read_events(bytes.fromhex(DOC + "a02c01" + _A300[:-1].hex()))
