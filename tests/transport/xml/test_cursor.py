"""The cursor: a contract's way through a message."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.xml import (
    XSI,
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
    XmlCursor,
    XmlException,
    as_integer,
    as_string,
    parse_events,
)
from netshare.transport.xml.binary import encode, read_events
from tests.helpers.binary_vectors import MESSAGE

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


def cursor() -> XmlCursor:
    """A cursor entered into the tree above."""
    made = XmlCursor(read_events(encode(TREE)))
    assert made.root() == TREE.name
    made.enter()
    return made


def test_names_in_order() -> None:
    """Children come one by one, arrays as their elements, what is not read skipped."""
    at = cursor()
    names = []
    while (name := at.next()) is not None:
        names.append(name.local)
    assert names == ["nil", "typed", "deep", "item", "item", "item", "bytes", "mixed", "empty"]
    assert at.next() is None
    at.leave()
    assert at.next() is None


def test_values() -> None:
    """Typed content is taken, chunks put together, comments left out."""
    at = cursor()
    found: dict[str, list[Any]] = {}
    while (name := at.next()) is not None:
        if name.local != "deep":
            found.setdefault(name.local, []).append(at.value())
    assert found == {
        "nil": [""], "typed": [5], "item": [70, 80, 90], "bytes": [b"abcd"], "mixed": ["ab"],
        "empty": [""],
    }  # fmt: skip


def test_nil_and_type() -> None:
    """i:nil and i:type are known, the type resolved through the declarations in force."""
    at = cursor()
    at.next()
    assert (at.is_nil, at.xsi_type) == (True, None)
    at.next()
    assert (at.is_nil, at.xsi_type) == (False, ("urn:b", "Kind"))
    assert at.attribute("type", XSI) == "b:Kind"
    assert at.attribute("nothing") is None
    with pytest.raises(XmlException, match="prefix 'zz'"):
        at.resolve("zz:Kind")


def test_enter_and_leave() -> None:
    """Elements are entered, and left wherever one stands in them."""
    at = cursor()
    for _ in range(3):
        at.next()
    at.enter()
    assert at.next() == ("", "x", "urn:r")
    at.enter()
    assert at.next() is None
    at.leave()
    at.leave()
    assert at.next() == ("", "item", "urn:r")
    at.enter()  # an item of an array is an element like others
    assert at.next() is None
    at.leave()
    at.next()
    assert at.value() == 80
    at.leave()
    with pytest.raises(XmlException):
        at.leave()


def test_array_at_once() -> None:
    """An array record can be taken whole while its first item is current, and only then."""
    at = cursor()
    while at.next() != ("", "item", "urn:r"):
        assert at.array() is None
    array = at.array()
    assert array is not None
    assert array.values == (70, 80, 90)
    assert at.next() == ("", "bytes", "urn:r")


def test_skip_and_subtree() -> None:
    """A subtree can be passed over, or taken as a tree."""
    at = cursor()
    for _ in range(3):
        at.next()
    assert at.element() == TREE.children[3]
    with pytest.raises(XmlException):
        at.value()
    at.next()
    at.skip()
    at.next()
    assert at.element().value == 80


def test_text_where_elements_are() -> None:
    """Asking for the text of an element with children is refused."""
    at = cursor()
    for _ in range(3):
        at.next()
    with pytest.raises(XmlException, match="'x'"):
        at.value()


def test_empty_document() -> None:
    """An empty document has no root to go to."""
    with pytest.raises(XmlException, match="Root"):
        XmlCursor([]).root()


def test_contract_over_both_encodings() -> None:
    """The same code reads the order lines from binary and from text."""

    def lines(at: XmlCursor) -> list[tuple[int, str]]:
        result = []
        at.root()
        at.enter()
        while at.next() is not None and at.name.local != "Body":
            pass
        at.enter()
        at.next()
        at.enter()
        at.next()
        at.enter()
        while at.next() is not None:
            number, sku = 0, ""
            at.enter()
            while (name := at.next()) is not None:
                if name.local == "Id":
                    number = as_integer(at.value())
                elif name.local == "Sku":
                    sku = as_string(at.value())
            at.leave()
            result.append((number, sku))
        return result

    from tests.helpers.binary_vectors import MESSAGE_XML

    binary = lines(XmlCursor(read_events(MESSAGE)))
    assert len(binary) == 46
    assert binary[45] == (100045, "SKU-45-ABCDEFGH")
    assert lines(XmlCursor(parse_events(MESSAGE_XML))) == binary
