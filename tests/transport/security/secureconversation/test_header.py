"""The Security header: times, and where elements are found."""

from __future__ import annotations

import pytest

from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.header import (
    SecurityHeader,
    seconds_of,
    security_header,
    timestamp_writer,
    xml_time,
)
from netshare.transport.soap import Message
from netshare.transport.xml import parse
from tests.helpers.security import over_the_wire, recorded_messages

NOW = 1_795_600_000.25


def test_times() -> None:
    """Times are written as WCF does, and read back; one without a zone is refused."""
    assert xml_time(NOW) == "2026-11-25T09:46:40.250Z"
    assert seconds_of(parse(f"<a>{xml_time(NOW)}</a>".encode()).root) == NOW
    assert seconds_of(parse(b"<a>2026-11-25T10:46:40.25+01:00</a>").root) == NOW
    for text in ("2026-11-25T09:46:40", "now", "", "9" * 5000):
        with pytest.raises(SecurityInvalid):
            seconds_of(parse(f"<a>{text}</a>".encode()).root)


def test_a_recorded_header() -> None:
    """A recorded header is read, and gone from the message's headers."""
    _, message = next(recorded_messages("twmc-username"))
    header = SecurityHeader.take(message, 1_795_393_230.0)
    assert message.headers == []
    assert header.timestamp_id == "_0"
    found = header.find("_0")
    assert found is not None
    assert found.local == "Timestamp"
    assert header.find("_1") is None
    assert header.child("Nothing", "urn:x") is None


def test_validity() -> None:
    """A message that wants to be good for long is refused."""
    message = Message("urn:do")
    message.headers.append(security_header(timestamp_writer(NOW)))
    with pytest.raises(SecurityInvalid, match="the future"):
        SecurityHeader.take(over_the_wire(message), NOW - 301)
