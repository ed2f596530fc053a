"""Bodies of messages."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message, ReceivedBody, StreamBody
from netshare.transport.xml import Element, Name, XmlWriter


def two(writer: XmlWriter) -> None:
    for name in ("a", "b"):
        writer.element(name, 1, "urn:x")


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_received_is_written_as_it_came(kind: str) -> None:
    """A message that was received can be sent on, with all the elements of its body."""
    encoder = encoder_for(kind)
    data = encoder.encode(Message("urn:a", two, version=encoder.version))
    received = encoder.decode(data)
    assert type(received.body_content) is ReceivedBody
    assert encoder.encode(received) == data


def test_nothing_in_it() -> None:
    """A body without an element has no cursor."""
    message = encoder_for("binary").decode(encoder_for("binary").encode(Message("urn:a")))
    assert type(message.body_content) is ReceivedBody
    assert message.body() is None
    assert message.is_empty


def test_a_body_of_another() -> None:
    """The body of a received message can become another message's."""
    encoder = encoder_for("binary")
    received = encoder.decode(encoder.encode(Message("urn:a", Element(Name("", "x")))))
    again = encoder.decode(encoder.encode(Message("urn:b", received.body_content)))
    assert again.action == "urn:b"
    assert again.body_element() == received.body_element()


def test_a_stream_needs_a_place() -> None:
    """A streamed body needs an element to be in."""
    with pytest.raises(ValueError, match="needs an element"):
        StreamBody(())
