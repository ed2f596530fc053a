"""From annotations to mappings."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    Int64,
    UnencodableValue,
    XmlContent,
)
from netshare.transport.xml import TextWriter
from netshare.transport.xmlserializer import XmlSerializer, xml_type
from netshare.transport.xmlserializer.mappings import Mappings
from tests.helpers.xmlserializing import read, returned, written


@xml_type
class Node:
    Name: str | None
    Next: Node | None
    Children: list[Node] | None


def test_a_class_in_itself() -> None:
    """A type may contain itself."""
    node = Node("a", Node("b"), [Node("c")])
    assert returned(Node, node) == node


def test_the_contracts_namespace() -> None:
    """Types that say no namespace have the contract's."""
    writer = TextWriter(short_empty=True)
    XmlSerializer(Node, "urn:c").write(writer, "v", "urn:c", Node("a"))
    assert writer.getvalue() == '<v xmlns="urn:c"><Name>a</Name></v>'
    assert Mappings("urn:c").class_of(Node).namespace == "urn:c"


@pytest.mark.parametrize("value", [5, "x", 1.5, True, b"abc", 2**40, uuid.UUID(int=1)])
def test_objects(value: Any) -> None:
    """A simple value in an object says its type."""
    assert returned(object, value) == value
    assert "xsi:type=" in written(object, value)


def test_objects_of_any_kind() -> None:
    """A known class can stand in an object, XML without a type is kept, all else is refused."""
    assert returned(object, Node("a"), (Node,)) == Node("a")
    kept = read(object, "<v a='1'><x/></v>")
    assert isinstance(kept, XmlContent)
    assert written(object, kept) == '<v a="1"><x/></v>'
    with pytest.raises(UnencodableValue, match="known_types="):
        written(object, Node("a"))
    with pytest.raises(DeserializationFailed, match="known_types="):
        read(object, '<v xsi:type="Node"/>')
    assert written(Int64, 5) == "<v>5</v>"
