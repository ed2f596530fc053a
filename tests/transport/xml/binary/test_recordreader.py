"""Record by record: what is accepted, what is refused, and where."""

from __future__ import annotations

import time
from typing import Any

import pytest

from netshare.transport.xml import (
    BINDING_QUOTAS,
    BUFFERED_QUOTAS,
    ArrayElements,
    DateTime,
    DateTimeKind,
    QuotaExceeded,
    ReaderQuotas,
    Single,
    XmlException,
    to_xml,
)
from netshare.transport.xml.binary import read_document, read_events
from tests.helpers.binary_vectors import (
    MESSAGE,
    oracle_documents,
)
from tests.helpers.reading import DOC, nested, xml


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
