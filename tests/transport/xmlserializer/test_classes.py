"""Classes: their attributes, elements, texts, choices, and all the rest."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from netshare.transport.datacontracts import DeserializationFailed, UnencodableValue, XmlElement
from netshare.transport.xmlserializer import (
    xml_any_attribute,
    xml_any_element,
    xml_array,
    xml_attribute,
    xml_choice,
    xml_element,
    xml_enum,
    xml_ignore,
    xml_text,
    xml_type,
)
from tests.helpers.xmlserializing import XSI, read, returned, written


@xml_enum(members={"A": "a"})
class Which(enum.Enum):
    A = 0
    b = 1


@xml_type(namespace="urn:base", include=lambda: [Derived])
class Base:
    Name: str | None


@xml_type(namespace="urn:derived")
class Derived(Base):
    Extra: int


class Other(Base):
    pass


@xml_type
class Text:
    Lang: str | None = xml_attribute("lang", namespace="http://www.w3.org/XML/1998/namespace")
    Value: str | None = xml_text()


@xml_type
class Mixed:
    Value: str | None = xml_text()
    Part: int | None


@xml_type
class Optional:
    Weight: int
    WeightSpecified: bool
    Att: int = xml_attribute()
    AttSpecified: bool
    Five: int = xml_element(default_value=5)
    Six: int = xml_attribute(default_value=6)
    Asked: int

    def ShouldSerializeAsked(self) -> bool:
        return self.Asked > 0


@xml_type
class Choices:
    One: int | str | Base | None = xml_choice(("i", int), ("s", str), ("b", Base))
    Many: list[int | str] = xml_choice(("mi", int), ("ms", str))
    Named: int | None = xml_choice(("a", int), ("b", int), identifier="Kind", namespace="urn:n")
    Kind: Which | None = xml_ignore()
    Items: list[int] = xml_choice(("p", int), ("q", int), identifier="Names")
    Names: list[str] = xml_ignore()


@xml_type
class Open:
    Known: str | None
    Attributes: dict[str, str] | None = xml_any_attribute()
    Elements: list[XmlElement] | None = xml_any_element()


@xml_type
class Ordered:
    Second: int = xml_element(order=2)
    First: int = xml_element(order=1)


@xml_type
class Lists:
    Repeated: list[int] = xml_element("r")
    Nullable: list[str | None] = xml_element("n", nullable=True)
    Skipped: list[str | None] = xml_element("s")
    Around: list[str | None] | None = xml_array("w", item="i")
    Grid: list[list[int]] | None
    Null: list[int] | None = xml_array(nullable=True)


NIL = 'xsi:nil="true"'
VALUES: list[tuple[Any, str]] = [
    (Text("en", "x"), '<v xml:lang="en">x</v>'),
    (Text(), "<v/>"),
    (Mixed("x", 5), "<v>x<Part>5</Part></v>"),
    (Optional(), "<v/>"),
    (Optional(Weight=1), "<v/>"),
    (Optional(1, True, 2, True), '<v Att="2"><Weight>1</Weight></v>'),
    (Optional(Five=6, Six=5, Asked=7), '<v Six="5"><Five>6</Five><Asked>7</Asked></v>'),
    (Choices(One=5), "<v><i>5</i></v>"),
    (Choices(One="5"), "<v><s>5</s></v>"),
    (Choices(One=Base("n")), '<v><b><Name xmlns="urn:base">n</Name></b></v>'),
    (Choices(Many=[1, "a", 2]), "<v><mi>1</mi><ms>a</ms><mi>2</mi></v>"),
    (Choices(Named=5, Kind=Which.b), '<v><b xmlns="urn:n">5</b></v>'),
    (Choices(Items=[5, 6], Names=["q", "p"]), "<v><q>5</q><p>6</p></v>"),
    (Ordered(2, 1), "<v><First>1</First><Second>2</Second></v>"),
    (Lists(Repeated=[1, 2]), f"<v><r>1</r><r>2</r><Null {NIL}/></v>"),
    (Lists(Nullable=["a", None]), f"<v><n>a</n><n {NIL}/><Null {NIL}/></v>"),
    (Lists(Around=["a", None, ""]), f"<v><w><i>a</i><i {NIL}/><i/></w><Null {NIL}/></v>"),
    (Lists(Around=[], Null=[]), "<v><w/><Null/></v>"),
    (
        Lists(Grid=[[1], []], Null=[1]),
        "<v><Grid><ArrayOfInt><int>1</int></ArrayOfInt><ArrayOfInt/></Grid>"
        "<Null><int>1</int></Null></v>",
    ),
]


@pytest.mark.parametrize(("value", "xml"), VALUES)
def test_members(value: Any, xml: str) -> None:
    """Each kind of member is written as .NET writes it, and read again, also from binary."""
    assert written(type(value), value) == xml
    again = read(type(value), xml)
    if not isinstance(value, Optional) or value.Weight != 1:  # what is not specified is not sent
        if isinstance(value, Choices) and value.Kind is None:
            again.Kind = None
        assert again == value
        assert returned(type(value), value) == again


def test_what_is_specified() -> None:
    """What was there is said to have been, and what was not is a default."""
    value = read(Optional, '<v Att="0"/>')
    assert (value.AttSpecified, value.WeightSpecified) == (True, False)
    assert (value.Five, value.Six) == (5, 6)


def test_skipped_items() -> None:
    """A None in a list of elements that cannot be null is left out, as .NET does."""
    assert "<s>a</s><Null" in written(Lists, Lists(Skipped=["a", None]))


def test_derived() -> None:
    """A derived class says so, its members are in the namespaces of their classes."""
    xml = written(Base, Derived("n", 5))
    assert xml == (
        '<v xsi:type="q1:Derived" xmlns:q1="urn:derived"><Name xmlns="urn:base">n</Name>'
        "<q1:Extra>5</q1:Extra></v>"
    )
    assert read(Base, xml) == Derived("n", 5)
    assert returned(Base, Derived("n", 5)) == Derived("n", 5)
    assert returned(object, Derived("n", 5), (Derived,)) == Derived("n", 5)
    with pytest.raises(UnencodableValue, match="include="):
        written(Base, Other("n"))
    with pytest.raises(UnencodableValue, match="Text is not expected"):
        written(Base, Text())
    for unknown in ("Other", "q:Other"):
        with pytest.raises(DeserializationFailed, match="include="):
            read(Base, f'<v xsi:type="{unknown}" xmlns:q="urn:q"/>')


def test_anything_else() -> None:
    """Attributes and elements that no member is are kept, or passed over."""
    extra = XmlElement.from_text('<e xmlns="urn:e"><f>1</f></e>')
    value = Open("k", {"a": "1", "{urn:b}b": "2"}, [extra, extra])
    xml = written(Open, value)
    assert read(Open, xml) == value
    assert read(Text, xml.replace("<Known>k</Known>", "t")).Value == "t"
    assert read(Ordered, '<v y="1"><x><y/></x>text<First>1</First><z/></v>') == Ordered(0, 1)
    declared = f'<v xmlns:xsi="{XSI}" xsi:schemaLocation="x"/>'
    assert read(Open, declared) == Open()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Lists(Repeated=["x"]), "v.Repeated[0]"),  # type: ignore[list-item]
        (Lists(Around=["a", 5]), "v.w[1]"),  # type: ignore[list-item]
        (Lists(Grid=[[1], ["x"]]), "v.Grid[1][0]"),  # type: ignore[list-item]
        (Choices(One=b"x"), "v.One"),  # type: ignore[arg-type]
        (Choices(Items=[1], Names=[]), "v.Names"),
        (Choices(Named=1, Kind=None), "v"),
        (Optional(Five="x"), "v.Five"),  # type: ignore[arg-type]
        (Optional(Six=None), "v.Six"),  # type: ignore[arg-type]
        (Open(Elements=["x"]), "v.Elements"),  # type: ignore[list-item]
    ],
)
def test_errors_name_the_member(value: Any, path: str) -> None:
    """A value that cannot be written is named by its way from the parameter."""
    with pytest.raises(UnencodableValue) as caught:
        written(type(value), value)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("cls", "xml", "path"),
    [
        (Lists, "<v><w><i>a</i><i><x/></i></w></v>", "v.w[1]"),
        (Optional, "<v Att='x'/>", "v.Att"),
        (Choices, "<v><i>x</i></v>", "v.i"),
    ],
)
def test_errors_of_reading_name_the_member(cls: type, xml: str, path: str) -> None:
    """XML that is not of the type is named as well."""
    with pytest.raises(DeserializationFailed) as caught:
        read(cls, xml)
    assert caught.value.path == path


def test_nested_too_deeply() -> None:
    """An object that contains itself is refused, not written until the stack ends."""

    @xml_type
    class Ring:
        Next: Any

    ring = Ring()
    ring.Next = ring
    with pytest.raises(UnencodableValue, match="contain itself"):
        written(Ring, ring, (Ring,))
