"""What all encoders do alike."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.calls.formatter import MessageFormatter
from netshare.transport.contracts.derivation import describe
from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import Message, StreamBody, new_message_id
from netshare.transport.xml import (
    XmlException,
)
from tests.peers.contracts import IBasic


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("templates", [False, True])
@pytest.mark.parametrize(
    "kind", ["binary-session", "binary", "application/soap+msbinsession1+gzip", "text"]
)
def test_pieces_are_the_message(kind: str, templates: bool, size: int) -> None:
    """In pieces a message has the same bytes as in one, in each encoding, and as a reply, too."""
    value = bytes(n & 0xFF for n in range(size))
    request = next(o for o in describe(IBasic).operations if o.name == "Count").request
    formatter = MessageFormatter(request, (), True, "Count")

    def body(writer: Any) -> None:
        writer.start_element("Count", "urn:peers:basic")
        writer.element("data", value, "urn:peers:basic")
        writer.end_element()

    encoder = encoder_for(kind)
    one, other = encoder.session(), encoder.session()
    for _ in range(3):
        message = (
            formatter.write({"data": value}, False) if templates else Message("urn:a/Count", body)
        )
        message.version, message.to = encoder.version, "net.tcp://there/is"
        message.message_id = new_message_id()
        pieces = one.pieces(message)
        assert b"".join(pieces) == other.encode(message)
        if size > 65536 and kind.startswith("binary-session"):
            assert any(type(p) is memoryview and p.obj is value for p in pieces)


def test_streamed_body_needs_a_stream_encoder() -> None:
    """A streamed body cannot be written at once, and needs an element to be in."""
    message = Message("urn:a", StreamBody((("x", ""),)), message_id=new_message_id())
    with pytest.raises(XmlException, match="stream encoder"):
        encoder_for("binary").encode(message)
