"""Members that are XML."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DataSet,
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
    XmlContent,
    XmlElement,
    contract_name,
    xml_serializable,
)
from tests.helpers.serializing import from_binary, from_text, through_binary, to_text
from tests.helpers.valuetypes import HasXml, Own

TEXT = '<a x="1" xmlns="urn:a"><p:b xmlns:p="urn:p">t</p:b><!--c--></a>'


def test_an_element() -> None:
    """An element is the same after a round trip, and can be had as text."""
    element = XmlElement.from_text(TEXT)
    assert element.to_text() == TEXT
    assert through_binary(XmlElement, element).to_text() == TEXT
    assert from_text(XmlElement, to_text(XmlElement, element)).to_text() == TEXT


@pytest.mark.parametrize("content", ["", "text", "text<a/>"])
def test_no_element(content: str) -> None:
    """Text or nothing where an element is declared is an error."""
    for read in (from_text, from_binary):
        with pytest.raises(DeserializationFailed, match="element"):
            read(XmlElement, f"<r>{content}</r>")


def test_content() -> None:
    """Attributes and content of an element that a type writes itself go back as they came."""
    text = '<r xmlns="urn:r" k="v">a<b xmlns=""/>c</r>'
    for read in (from_text, from_binary):
        content = read(Own, text)
        assert to_text(Own, content) == '<r k="v" xmlns="urn:r">a<b xmlns=""/>c</r>'
    assert content.to_text("x").startswith('<x k="v"')


def test_prefixes_from_further_out() -> None:
    """A prefix in text or an attribute's value means the same where the XML goes."""
    outer = (
        '<r xmlns="urn:v" xmlns:q="urn:q" xmlns:un="urn:un">'
        '<E><e type="q:name"/></E><O k="q:x">q:y</O></r>'
    )
    value = from_text(HasXml, outer)
    assert 'xmlns:q="urn:q"' in value.E.to_text()
    assert 'xmlns:q="urn:q"' in value.O.to_text()
    assert "urn:un" not in value.E.to_text() + value.O.to_text()


def test_names() -> None:
    """The types are called what .NET calls them."""
    system = "http://schemas.datacontract.org/2004/07/System"
    assert contract_name(DataSet) == ("DataSet", system + ".Data")
    assert contract_name(XmlElement) == ("XmlElement", system + ".Xml")
    assert contract_name(XmlContent) == ("ArrayOfXmlNode", system + ".Xml")
    assert contract_name(list[Own])[0] == "ArrayOfOwn"


def test_what_is_none() -> None:
    """Other values, and other classes, are errors."""
    with pytest.raises(UnencodableValue, match="str is no XmlElement"):
        to_text(XmlElement, "<a/>")
    with pytest.raises(UnencodableValue, match="XmlContent is no DataSet"):
        to_text(DataSet, XmlContent())
    with pytest.raises(InvalidDataContract, match="int is no XmlContent"):
        xml_serializable(name="x")(int)  # type: ignore[type-var]
