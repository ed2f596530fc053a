"""Reading binary documents in tests."""

from __future__ import annotations

from netshare.transport.xml import (
    BUFFERED_QUOTAS,
    Event,
    to_xml,
)
from netshare.transport.xml.binary import ReaderSession, read_document
from netshare.transport.xml.binary.recordreader import RecordReader

DOC = "4003646f63"  # <doc>


def xml(hexadecimal: str, session: list[str] | None = None) -> str:
    """A document as text."""
    table = None if session is None else ReaderSession.of(session)
    return to_xml(read_document(bytes.fromhex(hexadecimal.replace(" ", "")), table))


def carefully(data: bytes, session: ReaderSession | None = None) -> list[Event]:
    """The events by the record-by-record reader alone."""
    return RecordReader(data, session, BUFFERED_QUOTAS, 0).read()


def nested(depth: int) -> bytes:
    """So many elements in one another."""
    return b"@\x01a" * depth + b"\x01" * depth
