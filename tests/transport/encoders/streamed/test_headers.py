"""The headers of messages whose body cannot be read."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.encoders.streamed import read_headers
from netshare.transport.soap import Message, MessageHeader
from netshare.transport.xml import ReaderQuotas, XmlException, XmlWriter

TIGHT = ReaderQuotas(max_string_content_length=100, max_depth=8)


def long(writer: XmlWriter) -> None:
    """Writes a text that is too long."""
    writer.element("n", "x" * 200, "urn:test")


def deep(writer: XmlWriter) -> None:
    """Writes elements that are too deep."""
    for _ in range(20):
        writer.start_element("n", "urn:test")
    for _ in range(20):
        writer.end_element()


@pytest.mark.parametrize("kind", ["binary-session", "binary", "text"])
@pytest.mark.parametrize("body", [long, deep])
def test_they_are_read(kind: str, body: object) -> None:
    """Action, identifier and the program's own headers are there; the body is empty."""
    writing = encoder_for(kind).session()
    reading = encoder_for(kind, quotas=TIGHT).session()
    for _ in range(2):
        message = Message(
            "urn:action", body, message_id="urn:1", headers=[MessageHeader("h", "urn:h", "v")]
        )
        payload = writing.encode(message)
        with pytest.raises(XmlException):
            reading.decode(payload)
        headers = read_headers(reading, payload)
        assert headers is not None
        assert (headers.action, headers.message_id) == ("urn:action", "urn:1")
        assert [one.text for one in headers.headers] == ["v"]
        assert headers.body() is None
    # The session goes on.
    assert reading.decode(writing.encode(Message("urn:action"))).action == "urn:action"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("binary-session", b"\x7f\x01x"),
        ("binary-session", b"\0\xff\xff"),
        ("binary-session", b"\0"),
        ("binary", b"\x56\x02"),
        ("text", b"<a"),
        ("text", b"<a/>"),
        ("text", b""),
    ],
)
def test_they_cannot_be_read(kind: str, payload: bytes) -> None:
    """Without headers, or with a string table that was not read whole, there is no message."""
    encoder = encoder_for(kind).session()
    with pytest.raises(Exception):  # noqa: B017, PT011
        encoder.decode(payload)
    assert read_headers(encoder, payload) is None
