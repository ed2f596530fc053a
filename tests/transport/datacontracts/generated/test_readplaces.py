"""What a generated reader knows of start tags."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import data_contract
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readplaces import (
    ASKED_AFTER,
    MAX_ROWS,
    ReadPlace,
    header_of,
    nil_in,
)
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import XSI, Attribute, Name, NamespaceDeclaration
from netshare.transport.xml.binary import rows as rows_module
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.rows import ENOUGH_SEEN, Cut, Member, Rows, row_maker


@data_contract(namespace="urn:p")
class Point:
    X: int
    Y: int


CONTRACT = contract_of(Point)


def place(scope: Scope, memory: NameMemory | None = None) -> ReadPlace:
    return ReadPlace.at(
        CONTRACT, scope, NameMemory(100) if memory is None else memory, READ_FORMS.of
    )


@pytest.mark.parametrize(
    "header", [b"\x40\x03abc", b"\x5e\x01a", b"\x42\x10", b"\x45\x81\x02", b"\x5d\x7f"]
)
def test_headers(header: bytes) -> None:
    """A start tag is told from its attributes."""
    assert header_of(header + b"\x08\x03urn") == header


def test_knows_what_was_met() -> None:
    """A start tag that the ordinary reader has met is known, and no other."""
    scope = Scope({"": "urn:p"})
    scope.names[b"\x42\x01"] = Name("", "X", "urn:p")
    scope.names[b"\x42\x05"] = Name("", "Y", "urn:other")
    assert place(scope).headers == (b"\x42\x01", None)


def test_the_same_place_each_time() -> None:
    """A place is made once, until the session forgets its names."""
    scope, memory = Scope({}), NameMemory(1)
    found = place(scope, memory)
    assert place(scope, memory) is found
    memory.count(scope)
    memory.count(scope)
    assert place(scope, memory) is not found


def test_what_is_met_later() -> None:
    """A name that was not met before is unusual once."""
    scope = Scope({"": "urn:p"})
    found = place(scope)
    with pytest.raises(Unusual):
        found.unexpected(b"\x42\x03", b"")
    assert found.headers == (None, None)
    scope.names[b"\x42\x03"] = Name("", "Y", "urn:p")
    with pytest.raises(Unusual):
        found.unexpected(b"\x42\x03", b"")
    assert found.headers == (None, b"\x42\x03")


def test_start_tags_that_declare_their_own_prefix() -> None:
    """They mean something else without their attributes, and are not known by their header."""
    scope = Scope({"": "urn:p"})
    own, other = (NamespaceDeclaration("", "urn:q"),), Scope({"": "urn:q"})
    scope.names[b"\x42\x01"] = Name("", "X", "urn:p")
    scope.tags[b"\x42\x01\x08q"] = Name("", "X", "urn:q"), own, other, 1
    found = place(scope)
    assert found.headers == (b"\x42\x01", None)
    for ask in (found.is_nil, lambda header, run: found.enter(0, header, run)):
        with pytest.raises(Unusual):
            ask(b"\x42\x01", b"\x08q")
    scope = Scope({"": "urn:q"})
    scope.tags[b"\x42\x01\x08p"] = Name("", "X", "urn:p"), (), Scope({"": "urn:p"}), 1
    found = place(scope)
    assert found.headers == (None, None)
    with pytest.raises(Unusual):
        found.unexpected(b"\x42\x01", b"\x08p")
    assert found.headers == (None, None)


NIL = Attribute(Name("i", "nil", XSI), True)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ((NIL,), True),
        ((NamespaceDeclaration("i", XSI), NIL), True),
        ((NamespaceDeclaration("i", XSI),), False),
        ((Attribute(Name("i", "nil", XSI), False),), None),
        ((NIL, Attribute(Name("", "a", ""), "1")), None),
        ((Attribute(Name("i", "type", XSI), "a:B"),), None),
    ],
)
def test_null(run: tuple[Attribute | NamespaceDeclaration, ...], expected: bool | None) -> None:
    """Attributes say that an element is null, or nothing, or something unusual."""
    scope = Scope({})
    scope.tags[b"\x42\x01\x06"] = Name("", "X", "urn:p"), run, scope, 0
    if expected is None:
        with pytest.raises(Unusual):
            nil_in(scope, b"\x42\x01", b"\x06")
    else:
        assert nil_in(scope, b"\x42\x01", b"\x06") is expected


def test_attributes_that_were_not_met() -> None:
    """Nothing is guessed about attributes that the ordinary reader has not met."""
    with pytest.raises(Unusual):
        nil_in(Scope({}), b"\x42\x01", b"\x06")


# ---- rows

X, Y, ROW = b"\x40\x01X", b"\x40\x01Y", b"\x40\x05Point"


def known_place() -> tuple[ReadPlace, NameMemory]:
    """A place whose start tags are known, and the session's memory."""
    scope, memory = Scope({"": "urn:p"}), NameMemory(100)
    scope.names[X], scope.names[Y] = Name("", "X", "urn:p"), Name("", "Y", "urn:p")
    return place(scope, memory), memory


def shape(*headers: bytes) -> Rows:
    """Rows with numbers under these start tags."""
    found = row_maker.find(ROW, tuple(Member(one, True) for one in headers), 10**9)
    assert found is not None
    return found


TEXTS = [(b"\x89\x05", b"\x83", b""), (b"\x81", b"\x8b\x00\x01", b"")]


def test_reading_rows() -> None:
    """Texts become objects, if they are of the elements of the place."""
    found, _ = known_place()
    read: list[Point] = []
    for _ in range(2):
        found.read_rows(Cut(shape(X, Y), TEXTS), read.append)
    assert read == [Point(X=5, Y=1), Point(X=0, Y=256)] * 2
    for other in (shape(Y, X), shape(X), shape(X, Y, Y)):
        with pytest.raises(Unusual):
            found.read_rows(Cut(other, TEXTS), read.append)


def test_when_rows_are_cut_at_once() -> None:
    """When it is worth it, and asked every so often; the session then knows their start tag."""
    found, memory = known_place()
    for _ in range(ENOUGH_SEEN // 100 - 1):
        found.saw_rows(b"\x40\x05Pt", 100)
    assert memory.rows == {}
    for _ in range(2 * ASKED_AFTER // 100 + 2):
        found.saw_rows(b"\x40\x05Pt", 100)
    (rows,) = memory.rows.values()
    assert rows.members == (Member(X, True), Member(Y, True))
    found.read_rows(Cut(rows, TEXTS), lambda made: None)


def test_start_tags_that_are_not_known() -> None:
    """Rows have start tags that were all met."""
    scope, memory = Scope({"": "urn:p"}), NameMemory(100)
    scope.names[X] = Name("", "X", "urn:p")
    found = place(scope, memory)
    found.saw_rows(ROW, 100_000)
    assert memory.rows == {}


def test_how_many_shapes() -> None:
    """A session has so many shapes of rows and no more, and none when it forgets its names."""
    found, memory = known_place()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows_module, "ENOUGH_SEEN", 0)
        for number in range(MAX_ROWS + 5):
            found._rows = None
            found.saw_rows(b"\x40\x01" + bytes((number,)), 1000)
    assert len(memory.rows) == MAX_ROWS
    for _ in range(101):
        memory.count(Scope({}))
    assert memory.rows == {}
