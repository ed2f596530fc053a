"""What a generated reader knows of start tags."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import data_contract
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readplaces import (
    ReadPlace,
)
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.known import KnownTypes
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import Name, NamespaceDeclaration
from netshare.transport.xml.binary.names import NameMemory, Scope


@data_contract(namespace="urn:p")
class Point:
    X: int
    Y: int


CONTRACT = contract_of(Point)
KNOWN = KnownTypes()


def place(scope: Scope, memory: NameMemory | None = None) -> ReadPlace:
    return ReadPlace.at(
        CONTRACT, scope, NameMemory(100) if memory is None else memory, READ_FORMS.of, KNOWN
    )


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
