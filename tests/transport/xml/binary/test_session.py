"""String tables of a session."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.xml import (
    Element,
    Name,
    NamespaceDeclaration,
    QuotaExceeded,
    SessionInvalid,
    XmlException,
)
from netshare.transport.xml.binary import (
    ReaderSession,
    WriterSession,
    encode_envelope,
)


def test_session_table() -> None:
    """Strings get odd ids in order of use, and the table goes out once."""
    session = WriterSession()
    tree = Element(Name("", "one", "urn:x"), (NamespaceDeclaration("", "urn:x"),))
    assert encode_envelope(tree, session).hex() == "0a036f6e650575726e3a7842010a0301"
    assert encode_envelope(tree, session).hex() == "0042010a0301"


def test_session_writer_stops_for_good() -> None:
    """Once a string does not fit, that one and all later ones are written inline."""
    session = WriterSession(max_size=10)
    assert session.id_of("abcd") == 1
    assert session.id_of("abcdef") is None
    assert session.id_of("x") is None
    assert session.id_of("abcd") == 1
    assert session.id_of("Envelope") == 2
    assert session.take_table().hex() == "050461626364"


def test_session_reader_quota() -> None:
    """Tables may have 2048 bytes together, lengths included, and not one more."""
    session = ReaderSession()
    table = b"\x7f" + b"s" * 127
    for _ in range(16):
        session.read_table(b"\x80\x01" + table + b"@\x01a\x01")
    with pytest.raises(QuotaExceeded):
        session.read_table(b"\x01\x00")
    with pytest.raises(SessionInvalid):
        session.read_table(b"\x00")


@pytest.mark.parametrize(
    "envelope", ["", "80", "05", "0301", "020561", "8080808008", "018080", "0280808080 08"]
)
def test_malformed_table_spoils_the_session(envelope: str) -> None:
    """A malformed table is refused, and so is everything after it."""
    session = ReaderSession()
    with pytest.raises(SessionInvalid):
        session.read_table(bytes.fromhex(envelope))
    with pytest.raises(SessionInvalid, match="earlier"):
        session.read_table(b"\x00@\x01a\x01")


def test_table_strings_as_dotnet_takes_them() -> None:
    """Empty and repeated strings count; what is not UTF-8 is replaced, as in .NET."""
    session = ReaderSession()
    assert session.read_table(bytes.fromhex("070001610161 01ff".replace(" ", "")) + b"xyz") == 8
    assert session.strings == ["", "a", "a", "\ufffd"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_arbitrary_tables(data: bytes) -> None:
    """Any bytes give a table or our exception."""
    try:
        start = ReaderSession(max_size=30).read_table(data)
    except XmlException:
        return
    assert 0 < start <= len(data)
