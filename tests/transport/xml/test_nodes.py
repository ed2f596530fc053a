"""Trees."""

from __future__ import annotations

import pytest

from netshare.transport.xml import (
    XSI,
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
    XmlException,
)
from netshare.transport.xml.binary import encode, read_document

TREE = Element(
    Name("", "r", "urn:r"),
    (NamespaceDeclaration("i", XSI), NamespaceDeclaration("b", "urn:b")),
    (
        Comment("first"),
        Element(Name("", "nil", "urn:r"), (Attribute(Name("i", "nil", XSI), True),)),
        Element(Name("", "typed", "urn:r"), (Attribute(Name("i", "type", XSI), "b:Kind"),), (5,)),
        Element(Name("", "deep", "urn:r"), (), (Element(Name("", "x", "urn:r"), (), (1,)), "tail")),
        ArrayElements(Name("", "item", "urn:r"), (), 0x8C, (70, 80, 90)),
        Element(Name("", "bytes", "urn:r"), (), (b"abc", b"d")),
        Element(Name("", "mixed", "urn:r"), (), ("a", Comment("c"), "b")),
        Element(Name("", "empty", "urn:r")),
    ),
)


def test_element_helpers() -> None:
    """A tree answers for attributes, children and text."""
    root = read_document(encode(TREE)).root
    nil = root.find("nil", "urn:r")
    assert nil is not None
    assert nil.get("nil", XSI) is True
    assert nil.get("nil") is None
    assert root.find("nil", "") is None
    assert [e.text for e in list(root.elements())[3:6]] == ["70", "80", "90"]
    assert (root.prefix, root.local, root.namespace) == ("", "r", "urn:r")
    with pytest.raises(XmlException):
        _ = root.value
