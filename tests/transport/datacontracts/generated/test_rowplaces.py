"""Rows at a place: their shape, and reading what was cut."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import DeserializationFailed, data_contract
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readplaces import ReadPlace
from netshare.transport.datacontracts.generated.rowplaces import ASKED_AFTER, MAX_ROWS
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.known import KnownTypes
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import XSI, Attribute, Name, NamespaceDeclaration
from netshare.transport.xml.binary import rows as rows_module
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.rows import (
    ENOUGH_SEEN,
    Cut,
    Member,
    Nested,
    Null,
    Part,
    Rows,
    Several,
    cut,
    row_maker,
)


@data_contract(namespace="urn:p")
class Point:
    X: int
    Y: int


@data_contract(namespace="urn:p")
class Further(Point):
    """It has the same members."""


@data_contract(namespace="urn:p")
class Shape:
    Name: str
    Place: Point | None
    Tags: list[str] | None


X, Y, ROW = b"\x40\x01X", b"\x40\x01Y", b"\x40\x05Point"
NAME, PLACE, TAGS, TAG = b"\x40\x04Name", b"\x40\x05Place", b"\x40\x04Tags", b"\x5f\x06string"
ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
DECLARED, NIL, OTHER = b"\x09\x01b\x01a", b"\x2e\x03nil\x86", b"\x2e\x04type\xa8"
DERIVED = b"\x2e\x04type\x98\x07Further"


def known_place(cls: type[Any] = Point) -> tuple[ReadPlace, NameMemory]:
    """A place whose start tags are known, and the session's memory."""
    scope, memory = Scope({"": "urn:p", "i": XSI}), NameMemory(100)
    inner = Scope({**scope.namespaces, "b": ARRAYS})
    inner.names[TAG] = Name("b", "string", ARRAYS)
    for header in (X, Y, NAME, PLACE, TAGS):
        name = scope.names[header] = Name("", header[2:].decode(), "urn:p")
        declared = NamespaceDeclaration("b", ARRAYS)
        scope.tags[header + DECLARED] = name, (declared,), inner, 1
        nil = Attribute(Name("i", "nil", XSI), True)
        scope.tags[header + NIL] = name, (nil,), scope, 1
        scope.tags[header + OTHER] = name, (Attribute(Name("i", "type", XSI), ""),), scope, 1
        derived = Attribute(Name("i", "type", XSI), "Further")
        scope.tags[header + DERIVED] = name, (derived,), scope, 1
    known = KnownTypes([contract_of(Further)])
    return ReadPlace.at(contract_of(cls), scope, memory, READ_FORMS.of, known), memory


def shape(*members: Part) -> Rows:
    """Rows that look so."""
    found = row_maker.find(ROW, members, 10**9)
    assert found is not None
    return found


def numbers(*headers: bytes) -> Rows:
    """Rows with numbers under these start tags."""
    return shape(*(Member(one, True) for one in headers))


TEXTS = [(b"\x89\x05", b"\x83", b""), (b"\x81", b"\x8b\x00\x01", b"")]


def test_reading_rows() -> None:
    """Texts become objects, if they are of the elements of the place."""
    found, _ = known_place()
    read: list[Point] = []
    for _ in range(2):
        found.rows.read(found, Cut(numbers(X, Y), TEXTS, 0), read.append)
    assert read == [Point(X=5, Y=1), Point(X=0, Y=256)] * 2
    for other in (numbers(Y, X), numbers(X), numbers(X, Y, Y)):
        with pytest.raises(Unusual):
            found.rows.read(found, Cut(other, TEXTS, 0), read.append)


def test_no_rows() -> None:
    """Of what has no rows none is read."""
    lists = ReadPlace.at(
        contract_of(list[Point]), Scope({}), NameMemory(10), READ_FORMS.of, KnownTypes()
    )
    lists.rows.saw(lists, ROW, 10**6)
    with pytest.raises(Unusual):
        lists.rows.read(lists, Cut(numbers(X, Y), TEXTS, 0), [].append)


def test_when_rows_are_cut_at_once() -> None:
    """When it is worth it, and asked every so often; the session then knows their start tag."""
    found, memory = known_place()
    for _ in range(ENOUGH_SEEN // 100 - 1):
        found.rows.saw(found, b"\x40\x02Pt", 100)
    assert memory.rows == {}
    for _ in range(2 * ASKED_AFTER // 100 + 2):
        found.rows.saw(found, b"\x40\x02Pt", 100)
    (rows,) = memory.rows.values()
    assert rows.members == (Member(X, True), Member(Y, True))
    found.rows.read(found, Cut(rows, TEXTS, 0), lambda made: None)


def test_start_tags_that_are_not_known() -> None:
    """Rows have start tags that were all met."""
    scope, memory = Scope({"": "urn:p"}), NameMemory(100)
    scope.names[X] = Name("", "X", "urn:p")
    found = ReadPlace.at(contract_of(Point), scope, memory, READ_FORMS.of, KnownTypes())
    found.rows.saw(found, ROW, 100_000)
    assert memory.rows == {}


def test_how_many_shapes() -> None:
    """A session has so many shapes of rows and no more, and none when it forgets its names."""
    found, memory = known_place()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows_module, "ENOUGH_SEEN", 0)
        for number in range(MAX_ROWS + 5):
            found.rows._rows = None
            found.rows.saw(found, b"\x40\x01" + bytes((number,)), 1000)
    assert len(memory.rows) == MAX_ROWS
    for _ in range(101):
        memory.count(Scope({}))
    assert memory.rows == {}


# ---- with others in them


def seen(*met: tuple[int, bytes, bytes]) -> tuple[Part, ...] | None:
    """What rows of shapes look like after elements with these attributes were read one by one."""
    found, memory = known_place(Shape)
    for k, header, attributes in met:
        found.enter(k, header, attributes)
    for header in (PLACE, TAGS):
        found.is_nil(header, NIL)
    found.rows.saw(found, ROW, 10**9)
    return memory.rows[ROW].members if memory.rows else None


POINT = Member(X, True), Member(Y, True)
NAMED, ITEM = Member(NAME, False), Member(TAG, False)


@pytest.mark.parametrize(
    ("met", "place", "several"),
    [
        ([], Null(PLACE, (NIL,), 2, 0), Null(TAGS, (NIL,), 1, 1)),
        (
            [(1, PLACE, b""), (2, TAGS, DECLARED)],
            Nested(PLACE, (b"",), POINT, (NIL,)),
            Several(TAGS, (DECLARED,), ITEM, (NIL,)),
        ),
    ],
)
def test_what_they_look_like(met: list[Any], place: Part, several: Part) -> None:
    """As what was met at their place; what was never there but as null has no other form."""
    assert seen(*met) == (NAMED, place, several)


def test_what_was_not_met_in_it() -> None:
    """There are no rows while something in one was never met, or not in all scopes."""
    assert seen((2, TAGS, b"")) is None
    assert seen((1, PLACE, b""), (1, PLACE, DECLARED)) is None


ONE = ROW + NAME + b"\x99\x01n" + PLACE + X + b"\x83" + Y + b"\x81\x01" + TAGS + DECLARED
WHOLE = ONE + TAG + b"\x99\x01t" + TAG + b"\xa9\x01\x01"
EMPTY = ONE + b"\x01\x01"
NULLS = ROW + NAME + b"\x99\x01n" + PLACE + NIL + b"\x01" + TAGS + NIL + b"\x01\x01"


def read(place: ReadPlace, rows: Rows, data: bytes) -> list[Any]:
    """Cut, and read."""
    texts, end = cut(rows, data, 0, len(data))
    assert end == len(data)
    made: list[Any] = []
    place.rows.read(place, Cut(rows, texts, end), made.append)
    return made


FULL = shape(NAMED, Nested(PLACE, (b"",), POINT, (NIL,)), Several(TAGS, (DECLARED,), ITEM, (NIL,)))
ALWAYS = shape(NAMED, Null(PLACE, (NIL,), 2, 0), Null(TAGS, (NIL,), 1, 1))


def test_reading_others_in_them() -> None:
    """Nested objects and lists are made of their texts, in a session that never read any so."""
    point = Point(X=1, Y=0)
    expected = [
        Shape(Name="n", Place=point, Tags=["t", ""]),
        Shape(Name="n", Place=point, Tags=[]),
        Shape(Name="n", Place=None, Tags=None),
    ]
    found, _ = known_place(Shape)
    for _ in range(2):
        assert read(found, FULL, WHOLE + EMPTY + NULLS) == expected
    assert read(found, ALWAYS, NULLS * 2) == expected[2:] * 2


@pytest.mark.parametrize(
    "members",
    [
        (NAMED, Member(PLACE, True), FULL.members[2]),
        (NAMED, FULL.members[1], Member(TAGS, True)),
        (NAMED, Several(PLACE, (b"",), ITEM, ()), FULL.members[2]),
        (NAMED, FULL.members[1], Nested(TAGS, (DECLARED,), (ITEM,))),
        (NAMED, Null(PLACE, (NIL,), 1, 0), FULL.members[2]),
        (NAMED, Null(PLACE, (NIL,), 2, 1), FULL.members[2]),
        (Null(NAME, (NIL,), 1, 0), *FULL.members[1:]),
        (NAMED, Nested(PLACE, (b"",), POINT[:1]), FULL.members[2]),
        (NAMED, Nested(PLACE, (b"",), POINT[::-1]), FULL.members[2]),
        # Attributes that say something else, and some that were never met.
        (NAMED, Nested(PLACE, (b"", OTHER), POINT), FULL.members[2]),
        (NAMED, Nested(PLACE, (DERIVED,), POINT), FULL.members[2]),
        (NAMED, Nested(PLACE, (b"", b"\x09\x01c\x01a"), POINT), FULL.members[2]),
        (NAMED, Nested(PLACE, (b"",), POINT, (OTHER,)), FULL.members[2]),
        (NAMED, Nested(PLACE, (b"",), POINT, (DECLARED,)), FULL.members[2]),
        (NAMED, FULL.members[1], Several(TAGS, (b"",), ITEM)),
    ],
)
def test_rows_of_others(members: tuple[Part, ...]) -> None:
    """Rows that look otherwise are not read, nor such as were never met so."""
    found, _ = known_place(Shape)
    with pytest.raises((Unusual, DeserializationFailed)):
        found.rows.read(found, Cut(shape(*members), [], 0), [].append)
