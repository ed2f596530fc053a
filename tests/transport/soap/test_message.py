"""Messages of all versions."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import (
    SOAP11_AUGUST2004,
    SOAP11_WSA10,
    SOAP12,
    SOAP12_AUGUST2004,
    Message,
    MessageInvalid,
    MessageVersion,
)
from netshare.transport.xml import (
    Element,
    Name,
    XmlException,
)

VERSIONS = [
    (SOAP12, 'xmlns="http://schemas.microsoft.com/ws/2005/05/addressing/none">urn:a</Action>'),
    (SOAP12_AUGUST2004, "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
    (SOAP11_AUGUST2004, "http://schemas.xmlsoap.org/soap/envelope/"),
    (SOAP11_WSA10, "http://www.w3.org/2005/08/addressing"),
]


@pytest.mark.parametrize(("version", "part"), VERSIONS)
def test_versions(version: MessageVersion, part: str) -> None:
    """Every version of SOAP and WS-Addressing is written and read; others are refused."""
    encoder = encoder_for("text", version=version)
    data = encoder.encode(Message("urn:a", version=version, to="urn:to", message_id="urn:1"))
    assert part in data.decode()
    message = encoder.decode(data)
    assert (message.action, message.to) == ("urn:a", "urn:to")
    assert message.message_id == (None if version is SOAP12 else "urn:1")
    assert message.is_empty
    assert message.body() is None
    for other, _ in VERSIONS:
        if other.soap is not version.soap:
            with pytest.raises(MessageInvalid, match="SOAP1"):
                encoder_for("text", version=other).decode(data)
    with pytest.raises(XmlException, match="the channel"):
        encoder.encode(Message("urn:a"))


def test_as_dotnet_without_addressing() -> None:
    """Without WS-Addressing the bytes are those that .NET was seen to send."""
    basic = "urn:peers:basic"
    text = Element(Name("", "text", basic), (), ("a",))
    message = Message(
        "urn:peers:basic/IBasic/Notify",
        Element(Name("", "Notify", basic), (), (text,)),
        version=SOAP12,
        to="net.tcp://127.0.0.1:42073/x",
    )
    none = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
    assert encoder_for("text", version=SOAP12).encode(message).decode() == (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>'
        f'<Action s:mustUnderstand="1" xmlns="{none}">urn:peers:basic/IBasic/Notify</Action>'
        f'<To s:mustUnderstand="1" xmlns="{none}">net.tcp://127.0.0.1:42073/x</To></s:Header>'
        '<s:Body><Notify xmlns="urn:peers:basic"><text>a</text></Notify></s:Body></s:Envelope>'
    )
