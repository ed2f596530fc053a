"""Saying how a class looks in XML."""

from __future__ import annotations

import enum

import pytest

from netshare.transport.datacontracts import DateTime, InvalidDataContract
from netshare.transport.xmlserializer import (
    XmlSerializer,
    xml_attribute,
    xml_choice,
    xml_element,
    xml_enum,
    xml_type,
)


class Kind(enum.Enum):
    One = 1
    Zero = 0


@xml_type
class Line:
    Text: str | None
    Count: int
    Kind: Kind
    When: DateTime
    More: list[int]
    Maybe: list[int] | None
    Five: int = xml_element(default_value=5)
    Name: str = xml_attribute(default="n")
    Later: Line | None


def test_defaults() -> None:
    """The constructor gives what it is not told .NET's defaults, or those that were named."""
    line = Line()
    assert (line.Text, line.Count, line.Kind, line.When) == (None, 0, Kind.Zero, DateTime(0))
    assert (line.More, line.Maybe, line.Five, line.Name) == ([], None, 5, "n")
    assert line.More is not Line().More
    assert Line("t", 1).Text == "t"


def test_enumerations_are_checked() -> None:
    """A name for a member that is not there is refused."""
    with pytest.raises(InvalidDataContract, match="no member 'Two'"):
        xml_enum(members={"Two": "2"})(Kind)


def test_a_choice_is_between_something() -> None:
    """A choice without elements is refused."""
    with pytest.raises(InvalidDataContract, match="needs elements"):
        xml_choice()


class Plain:
    pass


@xml_type
class OfPlain:
    A: Plain


@xml_type
class OfDict:
    A: dict[str, int]


@xml_type
class TwoOfOneName:
    A: int
    B: int = xml_element("A")


@xml_type
class AttributeOfClass:
    A: Line = xml_attribute()


@xml_type
class NoDate:
    A: int = xml_element(data_type="date")


@xml_type
class HalfOrdered:
    A: int = xml_element(order=0)
    B: int


@xml_type
class NotNullable:
    A: int | None = xml_element(nullable=False)


@xml_type
class Unresolved:
    A: NotThere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (Plain, "needs @xml_type"),
        (OfPlain, r"OfPlain\.A.*needs @xml_type"),
        (OfDict, "no dictionaries"),
        (TwoOfOneName, "two members are the element 'A'"),
        (AttributeOfClass, r"AttributeOfClass\.A: only a simple type"),
        (NoDate, "for no Int32"),
        (HalfOrdered, "of all its elements, or of none"),
        (NotNullable, "always nullable"),
        (Unresolved, "NotThere"),
    ],
)
def test_what_cannot_be(cls: type, says: str) -> None:
    """What cannot be in XML is refused when the contract is made, with what to do instead."""
    with pytest.raises(InvalidDataContract, match=says):
        XmlSerializer(cls, "")
