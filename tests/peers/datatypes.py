"""The data contracts of Contracts.cs in Python."""

from __future__ import annotations

import enum
from typing import Generic, TypeVar

from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeOffset,
    Decimal,
    Guid,
    Int16,
    Int32,
    Int64,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    collection_contract,
    data_contract,
    data_contract_enum,
    member,
)

T = TypeVar("T")


@data_contract_enum(namespace="urn:peers:types", members={"Green": "Verde"})
class Colour(enum.Enum):
    Red = 0
    Green = 1
    Blue = 2


@data_contract_enum(namespace="urn:peers:types", members={"NONE": "None"})
class Rights(enum.Flag):
    NONE = 0
    Read = 1
    Write = 2
    Own = 4


@data_contract(namespace="urn:peers:types")
class Everything:
    Bool: bool
    Byte: Byte
    SByte: SByte
    Short: Int16
    UShort: UInt16
    Int: Int32
    UInt: UInt32
    Long: Int64
    ULong: UInt64
    Float: Single
    Double: float
    Decimal: Decimal
    Char: Char
    String: str | None
    DateTime: DateTime
    DateTimeOffset: DateTimeOffset
    TimeSpan: TimeSpan
    Guid: Guid
    Uri: Uri | None
    Bytes: bytes | None
    Colour: Colour
    Rights: Rights
    MaybeInt: int | None
    MaybeDateTime: DateTime | None
    Ints: list[int] | None
    Doubles: list[float] | None
    Bools: list[bool] | None
    Strings: list[str | None] | None
    Guids: list[Guid] | None
    Map: dict[str, int] | None
    Jagged: list[list[int]] | None


@data_contract(namespace="urn:peers:types")
class Person:
    Name: str | None = member(order=0, required=True)
    Age: int = member(order=1)
    Born: DateTime = member(order=1)
    Nickname: str | None = member(order=2, emit_default=False)
    Address: Address | None = member(order=3, name="Home")
    Children: list[Person] | None = member(order=4)


@data_contract(namespace="urn:peers:places")
class Address:
    Street: str | None
    City: str | None
    Zip: str | None


@data_contract(namespace="urn:peers:shapes", known_types=lambda: (Circle, Rectangle, Square))
class Shape:
    Label: str | None


@data_contract(namespace="urn:peers:shapes")
class Circle(Shape):
    Radius: float


@data_contract(namespace="urn:peers:shapes")
class Rectangle(Shape):
    Width: float
    Height: float


@data_contract(namespace="urn:peers:shapes", name="TheSquare")
class Square(Rectangle):
    Tilted: bool


@data_contract(namespace="urn:peers:types")
class Node:
    Value: int
    Next: Node | None


@collection_contract(namespace="urn:peers:types", name="Basket", item_name="Fruit")
class Basket(list[str]):
    pass


@data_contract(namespace="urn:peers:types")
class Page(Generic[T]):
    Items: list[T] | None
    Total: int


@data_contract(namespace="urn:peers:types")
class Problem:
    Reason: str | None
    Code: int
