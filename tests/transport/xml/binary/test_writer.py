"""Writing binary XML."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.xml import (
    ArrayElements,
    Attribute,
    Comment,
    DateTime,
    DateTimeKind,
    DictionaryString,
    Document,
    Element,
    Guid,
    Name,
    QualifiedName,
    Single,
    TimeSpan,
    UniqueId,
    ValueList,
    XmlException,
    lexical,
    to_xml,
)
from netshare.transport.xml.binary import (
    BinaryWriter,
    ReaderSession,
    WriterSession,
    encode,
    encode_envelope,
    read_document,
)
from netshare.transport.xml.binary.encode import encode_text
from tests.helpers.binary_vectors import MESSAGE, MESSAGE_XML, RecordedSession, conversations


def test_records_by_hand() -> None:
    """Names, declarations, attributes and arrays take the records they should."""
    writer = BinaryWriter()
    writer.start_element("Envelope", "http://www.w3.org/2003/05/soap-envelope", "s")
    writer.attribute("mine", 5, "urn:m", "pre")
    writer.attribute("other", b"abcd")
    writer.start_element("own")
    writer.declare("q", "urn:q")
    writer.text(QualifiedName("q", "Envelope"))
    writer.end_element()
    writer.element("x1", DictionaryString("To"), "urn:d")
    writer.array(ArrayElements(Name("b", "i1", "urn:b"), (), 0x8A, (1, 2)))
    writer.text(ValueList((0, b"a")))
    writer.comment("c")
    writer.end_element()
    assert writer.getvalue() == bytes.fromhex(
        "5602"
        "05 03707265 046d696e65 8805"
        "04 056f74686572 9e0461626364"
        "0b0173 04"
        "09 03707265 0575726e3a6d"
        "40036f776e 090171 0575726e3a71 bd10 02"
        "40027831 080575726e3a64 ab0c"
        "03 5f026931 09016205 75726e3a62 01 8b02 01000200"
        "a4 80 9e0161 a6"
        "02 0163"
        "01"
    )


@pytest.mark.parametrize(
    "misuse",
    [
        lambda w: w.end_element(),
        lambda w: w.attribute("a", 1),
        lambda w: w.declare("a", "urn:a"),
        lambda w: w.text("outside"),
        lambda w: w.start_element(""),
        lambda w: w.start_element("a", "urn:a", "xmlns"),
        lambda w: w.start_element("a", "", "p"),
        lambda w: w.comment("a--b"),
        lambda w: (w.start_element("a"), w.getvalue()),
        lambda w: (w.start_element("a"), w.attribute("b", 1, "urn:a")),
        lambda w: (w.start_element("a"), w.attribute("xmlns", "urn:a")),
        lambda w: (w.start_element("a"), w.attribute("space", "x",
                   "http://www.w3.org/XML/1998/namespace", "xml")),
        lambda w: (w.start_element("a", "urn:a", "p"), w.declare("p", "urn:b")),
        lambda w: (w.start_element("a"), w.declare("p", "http://www.w3.org/2000/xmlns/")),
        lambda w: w.array(ArrayElements(Name("", "a"), (), 0x88, (1,))),
        lambda w: w.array(ArrayElements(Name("", "a"), (), 0x8A, (40000,))),
        lambda w: w.array(ArrayElements(Name("", "a"), (), 0x96, ("today",))),
    ],
)  # fmt: skip
def test_misuse_of_a_writer(misuse: Any) -> None:
    """A writer refuses what would not be a document."""
    with pytest.raises(XmlException):
        misuse(BinaryWriter())


def test_template_of_raw_fragments() -> None:
    """Headers and records made once can be put together by hand."""
    maker = BinaryWriter()
    field = maker.header("b", "Id")
    fragment = field + encode_text(7, 1) + field + encode_text("x", 1)
    writer = BinaryWriter()
    writer.start_element("r", "urn:r")
    writer.declare("b", "urn:b")
    writer.raw(fragment)
    writer.end_element()
    assert to_xml(read_document(writer.getvalue())) == (
        '<r xmlns="urn:r" xmlns:b="urn:b"><b:Id>7</b:Id><b:Id>x</b:Id></r>'
    )


def test_mixed_content_is_not_closed_by_an_earlier_text() -> None:
    """Only the text directly before the end closes the element."""
    tree = Element(
        Name("", "r"), (), ("t", Element(Name("", "q")), Element(Name("", "q"), (), (5,)))
    )
    assert read_document(encode(tree)).root == tree


def test_message_round_trip() -> None:
    """The order message, read and written, reads the same, smaller than .NET wrote it."""
    tree = read_document(MESSAGE)
    again = encode(tree)
    assert to_xml(read_document(again)) == MESSAGE_XML
    assert len(again) <= len(MESSAGE)


@pytest.mark.parametrize(("name", "recorded"), list(conversations()))
def test_conversation_round_trip(name: str, recorded: RecordedSession) -> None:
    """Everything .NET and CoreWCF said survives being written in a session of ours."""
    theirs, ours, back = ReaderSession(), WriterSession(), ReaderSession()
    for frame, shown in zip(recorded.frames, recorded.xml, strict=True):
        tree = read_document(frame, theirs, start=theirs.read_table(frame))
        envelope = encode_envelope(tree, ours)
        start = back.read_table(envelope)
        assert to_xml(read_document(envelope, back, start=start)) == shown, name


_names = st.sampled_from(["a", "Envelope", "x1", "été", "n" * 130])
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_decimals = st.builds(
    lambda sign, number, scale: Decimal((sign, tuple(map(int, str(number))), -scale)),
    st.integers(0, 1), st.integers(0, 2**96 - 1), st.integers(0, 28),
)  # fmt: skip
_sixteen = st.binary(min_size=16, max_size=16)
_moments = st.builds(
    DateTime,
    st.integers(0, 3155378975999999999),
    st.sampled_from([DateTimeKind.UNSPECIFIED, DateTimeKind.UTC]),
)
_simple: st.SearchStrategy[Any] = st.one_of(
    _texts, st.integers(-(2**63), 2**64 - 1), st.booleans(), st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Single), _decimals, _moments,
    st.builds(TimeSpan, st.integers(-(2**63), 2**63 - 1)), st.builds(Guid, _sixteen),
    st.builds(UniqueId, _sixteen), st.builds(QualifiedName, st.sampled_from("az"), _names),
)  # fmt: skip
_values = _simple | st.binary(max_size=20) | st.lists(_simple, max_size=3).map(ValueList)
_uris = st.sampled_from(["", "urn:a", "http://www.w3.org/2005/08/addressing"])


def _name(prefix: str, local: str, uri: str) -> Name:
    return Name(prefix if uri else "", local, uri)


_qnames = st.builds(_name, st.sampled_from(["", "a", "pre"]), _names, _uris)
_attributes = st.builds(lambda local, value: Attribute(Name("", local), value), _names, _simple)
_arrays = st.builds(
    ArrayElements, _qnames, st.just(()), st.just(0x8E),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4).map(tuple),
)  # fmt: skip
_leaves = _values | _arrays | st.builds(Comment, st.just("c"))
_elements = st.recursive(
    st.builds(Element, _qnames, _attributes.map(lambda a: (a,)), st.just(())),
    lambda inner: st.builds(
        Element, _qnames, st.just(()), st.lists(inner | _leaves, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(_elements)
def test_round_trip_of_any_tree(tree: Element) -> None:
    """A tree written and read again says the same, with and without a session."""
    data = encode(tree)
    document = read_document(data)
    session, back = WriterSession(), ReaderSession()
    envelope = encode_envelope(tree, session)
    start = back.read_table(envelope)
    second = read_document(envelope, back, start=start)
    assert to_xml(second) == to_xml(document)
    # What was read is written as it was: nothing changes any more.
    assert encode(document) == encode(read_document(encode(document)))
    assert to_xml(read_document(encode(document))) == to_xml(document)


@settings(max_examples=500, deadline=None)
@given(_values)
def test_round_trip_of_any_value(value: Any) -> None:
    """A value comes back as the same value, or as the number that it is."""
    root = read_document(encode(Element(Name("", "r"), (), (value,)))).root
    back = root.value
    if isinstance(value, str) and value in ("0", "1"):
        assert back == int(value)
    elif isinstance(value, bytes) and not value:
        assert back == ""
    elif isinstance(value, QualifiedName):
        assert lexical(back) == lexical(value)  # as characters if the name has no id
    elif isinstance(value, ValueList):
        assert to_xml(root) == to_xml(Element(Name("", "r"), (), (value,))) or any(
            isinstance(v, float) for v in value
        )
    else:
        assert back == value
        if isinstance(value, Decimal) and isinstance(back, Decimal):
            assert back.as_tuple() == value.as_tuple()
        elif isinstance(value, float):
            assert math.copysign(1, back) == math.copysign(1, value)  # type: ignore[arg-type]
        else:
            assert type(back) is type(value)


def test_deep_trees_need_no_deep_stack() -> None:
    """A tree far deeper than Python's stack can be written."""
    element = Element(Name("", "r"))
    for _ in range(20_000):
        element = Element(Name("", "r"), (), (element,))
    assert encode(Document((element,))).count(b"\x01") >= 20_000


_LONG = bytes(range(256)) * 400


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 65539, len(_LONG)])
@pytest.mark.parametrize("count", [1, 3])
def test_pieces_are_the_document(size: int, count: int) -> None:
    """In pieces a document has the same bytes as in one."""
    value = _LONG[:size]
    root = Element(Name("", "a", ""), (), (Element(Name("", "b", ""), (), (value,)),) * count)
    writer = BinaryWriter()
    writer.node(root)
    assert b"".join(writer.pieces()) == writer.getvalue() == encode(root)


def test_long_bytes_are_not_copied() -> None:
    """A long value is a piece of its own: the very bytes that were written."""
    writer = BinaryWriter(WriterSession())
    writer.start_element("a")
    for value in (_LONG, b"short", _LONG[1:], "text"):
        writer.element("b", value)
    writer.end_element()
    pieces = writer.pieces()
    assert [len(piece) > 1000 for piece in pieces] == [False, True, False, True, False]
    assert pieces[1].obj is _LONG  # type: ignore[union-attr]


def test_what_may_change_is_copied() -> None:
    """A piece of what its owner may change later is no view of it."""
    value = bytearray(_LONG)
    writer = BinaryWriter()
    writer.element("b", value)  # type: ignore[arg-type]
    pieces = writer.pieces()
    value[:] = bytes(len(value))
    assert _LONG[:1000] in b"".join(pieces)


def test_pieces_of_an_open_element() -> None:
    """An element that is not closed is no document, in pieces either."""
    writer = BinaryWriter()
    writer.start_element("a")
    writer.text(_LONG)
    with pytest.raises(XmlException):
        writer.pieces()
