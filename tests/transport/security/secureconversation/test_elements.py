"""Elements of security headers are read strictly."""

from __future__ import annotations

import pytest

from netshare.transport.security.secureconversation.elements import (
    base64_of,
    body_of,
    identifier_of,
    needed,
    text_of,
)
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import WSU
from netshare.transport.soap import Message
from netshare.transport.soap.body import ReceivedBody
from netshare.transport.xml import Element, Name, XmlException, parse


def element(text: str) -> Element:
    return parse(text.encode()).root


def test_one_child() -> None:
    """A child has to be there once: what stands twice could be read in one place or the other."""
    parent = element('<a xmlns="urn:x"><b>1</b><c/><c/></a>')
    assert needed(parent, "b", "urn:x").text == "1"
    for local in ("c", "d"):
        with pytest.raises(SecurityInvalid, match=f"elements {local}"):
            needed(parent, local, "urn:x")
    with pytest.raises(SecurityInvalid):
        needed(parent, "b", "urn:y")


class Unreadable:
    """A body that is read when it is asked for, and turns out to be bad."""

    def read(self) -> ReceivedBody:
        raise XmlException("a record that is none")


def test_bodies() -> None:
    """A body that is bad XML is a fault of the message's, not of this side."""
    message = Message("urn:x")
    assert body_of(message) is None
    message.body_content = ReceivedBody.later(Unreadable())
    with pytest.raises(SecurityInvalid, match="the body cannot be read: a record that is none"):
        body_of(message)


def test_texts() -> None:
    """White space around a text does not count, elements in it do."""
    assert text_of(element("<a> x\n</a>")) == "x"
    with pytest.raises(SecurityInvalid):
        text_of(element("<a>x<b/></a>"))


def test_base64() -> None:
    """Bytes come as text, or as the record of bytes that binary encodings have."""
    assert base64_of(element("<a> AAEC\n AwQ= </a>")) == bytes(range(5))
    assert base64_of(Element(Name("", "a"), (), (b"\x00\x01",))) == b"\x00\x01"
    for text in ("A", "AA!=", "ÄÄÄÄ"):
        with pytest.raises(SecurityInvalid, match="not base64"):
            base64_of(element(f"<a>{text}</a>"))


def test_identifiers() -> None:
    """Only u:Id is an identifier."""
    assert identifier_of(element(f'<a xmlns:u="{WSU}" u:Id="_0" Id="x"/>')) == "_0"
    assert identifier_of(element('<a Id="x"/>')) is None
