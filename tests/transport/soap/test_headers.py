"""Headers of programs."""

from __future__ import annotations

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import SOAP11_WSA10, Message, MessageHeader
from tests.helpers.messages import envelope


def test_must_understand() -> None:
    """Headers for us that have to be understood are listed unless somebody knows them."""
    role = "http://www.w3.org/2003/05/soap-envelope/role/"
    message = encoder_for("text").decode(
        envelope(
            "<a:Action s:mustUnderstand='1'>urn:a</a:Action>"
            "<h xmlns='urn:h' s:mustUnderstand='1'/><i xmlns='urn:h' s:mustUnderstand='true'/>"
            "<j xmlns='urn:h' s:mustUnderstand='0'/><k xmlns='urn:h'/>"
            f"<l xmlns='urn:h' s:mustUnderstand='1' s:role='{role}next'/>"
            "<m xmlns='urn:h' s:mustUnderstand='1' s:role='urn:somebody' s:relay='1'/>"
        )
    )
    assert [h.name for h in message.not_understood()] == ["h", "i", "l"]
    assert [h.name for h in message.not_understood({("urn:h", "i"), ("urn:h", "l")})] == ["h"]
    last = message.headers[-1]
    assert (last.actor, last.relay) == ("urn:somebody", True)


def test_headers_written() -> None:
    """A header is written with its attributes, and a received one is passed on as it came."""
    encoder = encoder_for("text/xml")
    sent = Message(
        "urn:a",
        version=SOAP11_WSA10,
        headers=[
            MessageHeader("plain", "urn:h", "1"),
            MessageHeader("must", "urn:h", 5, must_understand=True, actor="urn:x", prefix="h"),
            MessageHeader("made", "", write=lambda w: w.element("in", True)),
        ],
    )
    text = encoder.encode(sent).decode()
    assert (
        '<plain xmlns="urn:h">1</plain><h:must s:mustUnderstand="1" s:actor="urn:x" '
        'xmlns:h="urn:h">5</h:must><made><in>true</in></made>'
    ) in text
    received = encoder.decode(text.encode())
    assert received.header("must", "urn:h").actor == "urn:x"
    assert [h.element() for h in encoder.decode(encoder.encode(received)).headers] == [
        h.element() for h in received.headers
    ]


def test_headers_of_any_name() -> None:
    """A header's name that XML does not have is encoded, and the header found by it."""
    message = Message("urn:a")
    message.headers.append(MessageHeader("a b", "urn:h", 7))
    read = encoder_for("text").decode(encoder_for("text").encode(message))
    found = read.header("a b", "urn:h")
    assert found is not None
    assert (found.name, found.value) == ("a_x0020_b", "7")
