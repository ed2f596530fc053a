"""The contract of MoreXml.cs."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any

from netshare.transport import body, header, message_contract, operation, service_contract
from netshare.transport.contracts import xml_serializer_format
from netshare.transport.datacontracts import (
    Char,
    DateTime,
    Int64,
    SByte,
    Single,
    UInt64,
)
from netshare.transport.xmlserializer import (
    xml_array,
    xml_attribute,
    xml_choice,
    xml_element,
    xml_enum,
    xml_ignore,
    xml_text,
    xml_type,
)


@xml_enum(members={"Red": "r-ed"})
class Tint(enum.Enum):
    Red = 0
    Green = 1


@xml_enum(members={"One": "one", "Two": "two"})
class Marks(enum.Flag):
    One = 1
    Two = 2
    Four = 4


class Which(enum.Enum):
    first = 0
    second = 1


@xml_type(namespace="urn:circle")
class Disc:
    Radius: float = xml_attribute()


@xml_type(name="Sq", namespace="urn:square")
class Quad:
    Side: float


@xml_type(namespace="urn:base", include=lambda: [Derived])
class Base:
    Name: str | None


@xml_type(namespace="urn:derived")
class Derived(Base):
    Extra: int
    Att: int = xml_attribute()


@xml_type(namespace="urn:shapes")
class Everything:
    Id: str | None = xml_attribute("id")
    Tint: Tint = xml_attribute()
    Numbers: list[int] | None = xml_attribute()
    Flag: bool = xml_attribute(namespace="urn:attributes")
    Three: int = xml_attribute(default_value=3)
    Marks: Marks
    Weight: int
    WeightSpecified: bool
    Maybe: int | None
    Note: str | None = xml_element(nullable=True)
    Plain: str | None = xml_element("plain", namespace="")
    Rows: list[str | None] | None = xml_array("rows", item="row")
    Perhaps: list[int | None] | None = xml_array(item="n", item_namespace="urn:items")
    Grid: list[list[int]] | None
    Day: DateTime = xml_element(data_type="date")
    Time: DateTime = xml_element(data_type="time")
    Hash: bytes | None = xml_element(data_type="hexBinary")
    Five: int = xml_element(default_value=5)
    Based: Base | None
    Key: uuid.UUID
    Price: Decimal
    Letter: Char
    Bytes: bytes | None
    When: DateTime
    Ratio: float
    Single: Single
    Big: Int64
    Bigger: UInt64
    Small: SByte
    Yes: bool
    Empty: str | None
    Shape: Disc | Quad | str | None = xml_choice(("circle", Disc), ("square", Quad), ("word", str))
    Mixed: list[int | str] | None = xml_choice(("i", int), ("s", str))
    Numbered: int = xml_choice(("first", int), ("second", int), identifier="Which")
    Which: Which = xml_ignore()
    Anything: object


@xml_type(namespace="urn:shapes")
class Texted:
    Lang: str | None = xml_attribute()
    Value: float = xml_text()


#: There is another list of texts in the contract, with items of another name; so .NET numbers this.
Grid = Annotated[list[list[str]] | None, xml_array(item="ArrayOfString1")]


@message_contract(wrapped=False)
class Bare:
    Content: Base | None = body(namespace="urn:bare")
    Head: Texted | None = header()


@service_contract(namespace="urn:shapes")
@xml_serializer_format
class IShapes:
    @operation
    def Echo(self, value: Everything | None) -> Everything | None: ...
    @operation
    def EchoBase(self, value: Base | None) -> Base | None: ...
    @operation
    def EchoText(self, value: Texted | None) -> Texted | None: ...
    @operation
    def EchoMaybe(self, value: int | None) -> int | None: ...
    @operation
    def Add(self, a: int, b: int) -> int: ...
    @operation
    def EchoNumbers(self, values: list[int] | None) -> list[int] | None: ...
    @operation
    def EchoGrid(self, values: Grid) -> Grid: ...
    @operation
    def EchoBare(self, value: Bare) -> Bare: ...
    @operation(out=("a", "b"))
    def Swap(self, a: str | None, b: int) -> tuple[str | None, int]: ...


class Shapes(IShapes):
    """Gives back what came; what it was is in :attr:`seen`."""

    seen: list[Any] = []

    def _echo(self, value: Any) -> Any:
        self.seen.append(value)
        return value

    Echo = EchoBase = EchoText = EchoMaybe = EchoBare = _echo

    def Add(self, a: int, b: int) -> int:
        return a + b

    def EchoNumbers(self, values: list[int] | None) -> list[int] | None:
        return values

    def EchoGrid(self, values: Grid) -> Grid:
        return values

    def Swap(self, a: str | None, b: int) -> tuple[str | None, int]:
        return f"{b}", int(a or 0)
