"""The types of Contracts.cs that are XmlSerializer's, in Python."""

from __future__ import annotations

import enum
from decimal import Decimal

from netshare.transport.datacontracts import DateTime
from netshare.transport.xmlserializer import (
    xml_array,
    xml_attribute,
    xml_element,
    xml_enum,
    xml_text,
    xml_type,
)


@xml_enum(members={"Small": "S", "Large": "L"})
class Size(enum.Enum):
    Small = 0
    Large = 1


@xml_type(namespace="urn:peers:xml")
class OrderLine:
    Article: str | None = xml_attribute()
    Text: str | None = xml_text()


@xml_type(namespace="urn:peers:xml")
class Order:
    Id: str | None = xml_attribute()
    Version: int = xml_attribute()
    Lines: list[OrderLine] = xml_element("Line")
    Tags: list[str] | None = xml_array("Tags", item="Tag")
    Note: str | None = xml_element(nullable=True)
    Placed: DateTime = xml_element()
    Size: Size
    Discount: Decimal | None
