"""What can be given as the body of a message."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message
from netshare.transport.xml import Element, parse

XML = '<p:Order xmlns:p="urn:o" Id="3"><p:Item>a &lt; b</p:Item><Other/></p:Order>'


@pytest.mark.parametrize("kind", ["binary-session", "text"])
@pytest.mark.parametrize(
    "body",
    [
        XML,
        '<?xml version="1.0" encoding="utf-8"?>' + XML,
        ElementTree.fromstring(XML),
        ElementTree.ElementTree(ElementTree.fromstring(XML)),
        parse(XML).root,
    ],
    ids=["text", "document", "element", "tree", "own"],
)
def test_xml(kind: str, body: Any) -> None:
    """Text, elements of ElementTree and our own elements are the same body."""
    encoder = encoder_for(kind)
    version = encoder.version
    data = encoder.session().encode(Message("urn:a", body, version=version))
    element = encoder.session().decode(data).body_element()
    assert element is not None
    assert (element.name.local, element.name.namespace) == ("Order", "urn:o")
    item, other = (one for one in element.children if isinstance(one, Element))
    assert str(item.value) == "a < b"
    assert (other.name.local, other.name.namespace) == ("Other", "")


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        ("hello", ValueError, "is an XML document, and this is none"),
        ("<a>", ValueError, "is an XML document, and this is none"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', ValueError, "this is none"),
        (5, TypeError, "not int"),
        (b"<a/>", TypeError, "not bytes"),
        ({"a": 1}, TypeError, "not dict"),
    ],
)
def test_what_is_no_body(body: Any, error: type[Exception], sentence: str) -> None:
    """What cannot be a body is refused when the message is made, with what could."""
    with pytest.raises(error, match=sentence):
        Message("urn:a", body)
