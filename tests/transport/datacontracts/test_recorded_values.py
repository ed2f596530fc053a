"""The rarer types are written as Microsoft's DataContractSerializer of .NET writes them."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DataSet,
    DBNull,
    KeyValuePair,
    ValueTuple,
    XmlContent,
    XmlElement,
)
from netshare.transport.datacontracts.scalars import SCALARS, as_object
from tests.helpers.places import VECTORS
from tests.helpers.serializing import XSD, from_binary, from_text, to_text
from tests.helpers.valuetypes import (
    Animal,
    Dog,
    Err,
    FrozenPt,
    HasPt,
    HasXml,
    Holder,
    Mixed,
    Odd,
    OddEnum,
    OddList,
    Own,
    Pt,
    Ref,
    Res,
)

LINES = (VECTORS / "datavalues.xml.txt").read_text("utf-8").splitlines()


def ring() -> Ref:
    """An object that refers to itself."""
    made = Ref(Name="a")
    made.Next = made
    return made


def family() -> Ref:
    """An object in a list of its own."""
    made = Ref(Name="k")
    made.Kids = [made, Ref(Next=made), None]
    return made


def dog() -> Dog:
    """One that is its own friend."""
    made = Dog(Age=3)
    made.Friend = made
    return made


RING, DOG = ring(), dog()
XML = XmlElement.from_text('<a x="1" xmlns="urn:a" xmlns:p="urn:p" p:y="2">t<p:b/><!--k--></a>')
OWN = Own.from_text('<r k="v"><e xmlns="urn:e">1</e>t</r>')
NODES = XmlContent(children=(XML.element, "tt"))
LONG = as_object(SCALARS[XSD, "long"], 2)
#: The DataSet's XML is .NET's own, taken out of the line.
DATASET = DataSet.from_text(next(line for line in LINES if "diffgram" in line))
#: As in the program: type, value, known types.
CASES: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (Pt, Pt(1), ()),
    (HasPt, HasPt(Q=Pt()), ()),
    (list[Pt], [Pt()], ()),
    (list[Pt | None], [None, Pt()], ()),
    (Res[Pt], Res[Pt](), ()),
    (Res[Pt | None], Res[Pt | None](), ()),
    (dict[FrozenPt, FrozenPt], {FrozenPt(): FrozenPt()}, ()),
    (Ref, RING, ()),
    (Holder, Holder(RING, RING, RING), ()),
    (Ref, family(), ()),
    (list[Ref | None], [RING, RING, None], ()),
    (Animal, DOG, (Dog,)),
    (list[object], [DOG, DOG, RING], (Dog, Ref)),
    (dict[str, Ref], {"a": RING, "b": RING}, ()),
    (KeyValuePair[str, int], KeyValuePair("k", 1), ()),
    (KeyValuePair[str, Pt], KeyValuePair("a", Pt()), ()),
    (list[KeyValuePair[str, int]], [KeyValuePair("a", 1)], ()),
    (tuple[int, str], (1, "a"), ()),
    (tuple[int, str, Pt], (1, "a", Pt()), ()),
    (tuple[int, int, int, int, int, int, int, int], (1, 2, 3, 4, 5, 6, 7, 8), ()),
    (ValueTuple[int, str], (1, None), ()),
    (list[ValueTuple[int, Pt]], [(1, Pt())], ()),
    (set[int], {1}, ()),
    (set[str], {"a"}, ()),
    (Mixed, Mixed(KeyValuePair("k", 1), (1, "x"), (2, "y"), {1}, DBNull()), (DBNull,)),
    (DBNull, DBNull(), ()),
    (list[object], [DBNull(), [1], ["a"]], (DBNull, list[int], list[str])),
    (XmlElement, XML, ()),
    (list[XmlElement | None], [XML, None], ()),
    (Own, OWN, ()),
    (Res[Own], Res[Own](OWN), ()),
    (DataSet, DATASET, ()),
    (HasXml, HasXml(XML, NODES, OWN, DATASET), ()),
    (Err, Err(Message="bad", Code=7, **{"a b": LONG}), ()),
    (Odd, Odd(), ()),
    (list[Odd], [Odd()], ()),
    (Res[Odd], Res[Odd](), ()),
    (OddList, OddList([1]), ()),
    (OddEnum, OddEnum.A, ()),
    (list[OddEnum], [OddEnum.B], ()),
]


def test_there_are_lines_for_all() -> None:
    """Every case has its two lines."""
    assert len(LINES) == 2 * len(CASES)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_as_microsoft_writes_it(number: int) -> None:
    """The XML is Microsoft's to the letter, and what is read of it is written so again."""
    hint, value, known = CASES[number]
    own, as_object = LINES[2 * number : 2 * number + 2]
    actual = Dog if hint is Animal else hint
    known_of_object = (*known, actual)
    assert to_text(hint, value, known) == own
    assert to_text(object, value, known_of_object, "o") == as_object
    for read in (from_text, from_binary):
        assert to_text(hint, read(hint, own, known), known) == own
        again = read(object, as_object, known_of_object)
        assert to_text(object, again, known_of_object, "o") == as_object
