"""Reading envelopes."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, MessageInvalid, SoapVersion
from netshare.transport.xml import (
    UniqueId,
)
from tests.helpers.messages import envelope


def test_headers_in_any_order() -> None:
    """Headers are understood in any order, between others, with blanks, with other prefixes."""
    anonymous = MESSAGE_VERSION_DEFAULT.addressing.anonymous
    message = encoder_for("text").decode(
        envelope(
            " <q:h xmlns:q='urn:q'>1</q:h> <a:To> net.tcp://h/x</a:To>\n"
            "<z:RelatesTo xmlns:z='http://www.w3.org/2005/08/addressing' RelationshipType='urn:o'>"
            "urn:other</z:RelatesTo><a:RelatesTo>urn:1</a:RelatesTo>"
            f"<a:ReplyTo><a:Address>{anonymous}</a:Address><a:Metadata><x/></a:Metadata></a:ReplyTo>"
            "<!-- c --><a:MessageID> urn:uuid:00112233-4455-6677-8899-aabbccddeeff </a:MessageID>"
            "<a:FaultTo><a:Address>f</a:Address></a:FaultTo><a:From/><a:Action>urn:a</a:Action>"
        )
    )
    assert message.action == "urn:a"
    assert message.to == "net.tcp://h/x"
    assert str(message.message_id) == "urn:uuid:00112233-4455-6677-8899-aabbccddeeff"
    assert isinstance(message.message_id, UniqueId)
    assert message.relates_to == "urn:1"
    assert message.reply_to == anonymous
    assert message.fault_to == "f"
    assert message.from_ is None
    assert [h.name for h in message.headers] == ["h", "RelatesTo"]
    header = message.header("h", "urn:q")
    assert header is not None
    assert header.text == "1"
    assert message.header("h", "urn:z") is None


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"<x/>", "not an envelope"),
        (envelope("", soap="urn:soap"), "not SOAP's"),
        (envelope("", soap=SoapVersion.SOAP11.namespace), "SOAP11, not SOAP12"),
        (b"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'/>", "no body"),
        (envelope("").replace(b"s:Body", b"s:Torso"), "Torso"),
        (envelope("").replace(b"<s:Body>", b"text<s:Body>"), "Text stands"),
        (envelope("<a:Action>1</a:Action><a:Action>2</a:Action>"), "more than one 'Action'"),
        (envelope("<a:MessageID/>"), "UniqueId"),
        (envelope("<a:To><x/></a:To>"), "the element 'x'"),
        (envelope("<h s:mustUnderstand='perhaps'/>"), "Boolean"),
    ],
)
def test_no_messages(data: bytes, complaint: str) -> None:
    """What is no message of this version is refused with a reason."""
    with pytest.raises(MessageInvalid, match=complaint):
        encoder_for("text").decode(data)
