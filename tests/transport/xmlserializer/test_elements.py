"""Elements of a name and a type, and XML that is kept as it is."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from netshare.transport.datacontracts import (
    DataSet,
    DeserializationFailed,
    UnencodableValue,
    XmlElement,
)
from netshare.transport.xmlserializer import xml_array, xml_element
from tests.helpers.xmlserializing import read, returned, written

NIL = '<v xsi:nil="true"/>'
ELEMENT = XmlElement.from_text("<e>1</e>")


@pytest.mark.parametrize(
    ("hint", "value", "xml"),
    [
        (int | None, None, NIL),
        (str | None, None, ""),
        (str | None, "", "<v/>"),
        (Annotated[str | None, xml_element(nullable=True)], None, NIL),
        (list[int], [1, 2], "<v><int>1</int><int>2</int></v>"),
        (list[int] | None, None, ""),
        (list[str | None], ["a", None], '<v><string>a</string><string xsi:nil="true"/></v>'),
        (Annotated[list[int], xml_array(item="n")], [1], "<v><n>1</n></v>"),
        (
            Annotated[list[int], xml_array(item="n", item_namespace="urn:n")],
            [1],
            '<v><n xmlns="urn:n">1</n></v>',
        ),
        (XmlElement, ELEMENT, "<v><e>1</e></v>"),
    ],
)
def test_elements(hint: Any, value: Any, xml: str) -> None:
    """Nulls are absent or nil, lists have items of their type's name unless another is said."""
    assert written(hint, value) == xml
    if xml:
        assert read(hint, xml) == value
        if value is not ELEMENT:  # whose text is a number in binary
            assert returned(hint, value) == value


def test_foreign_items_are_passed_over() -> None:
    """Elements of another name in a list are of a newer version."""
    assert read(list[int], "<v><int>1</int><other/>text<int>2</int></v>") == [1, 2]


def test_content_as_it_came() -> None:
    """What a type of .NET wrote itself is kept, with the prefixes that its text needs."""
    xml = "<v xmlns:p='urn:p' a='1'><x>p:y</x>p:z</v>"
    content = read(DataSet, xml)
    assert "p:z" in content.to_text()
    again = read(DataSet, written(DataSet, content))
    assert (set(again.attributes), again.children) == (set(content.attributes), content.children)


def test_wrong_values() -> None:
    """What is no list, and no element, is refused, and a nil where none can be."""
    for hint, value in ((list[int], 5), (XmlElement, "x"), (DataSet, ELEMENT)):
        with pytest.raises(UnencodableValue):
            written(hint, value)
    with pytest.raises(DeserializationFailed):
        read(list[int], '<v><int xsi:nil="true"/></v>')
    assert read(list[int] | None, NIL) is None
