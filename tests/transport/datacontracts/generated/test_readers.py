"""The source of the readers."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    KeyValuePair,
    XmlElement,
    data_contract,
    member,
)
from netshare.transport.datacontracts.generated.readers import (
    READ_FORMS,
    can_be_read,
    empty_of,
    is_set_plainly,
)
from netshare.transport.datacontracts.resolver import contract_of
from tests.helpers.madecontracts import Node
from tests.peers.datatypes import Everything


@pytest.mark.parametrize(
    "hint",
    [
        Everything,
        list[int],
        set[str],
        dict[str, int],
        KeyValuePair[int, str],
        tuple[int, str],
        DateTimeOffset,
        Everything | None,
    ],
)
def test_can_be_read(hint: Any) -> None:
    """There is a function for every kind of structure, and what it does can be read."""
    contract = contract_of(hint)
    assert can_be_read(contract)
    READ_FORMS.of(contract.bare)
    assert "def read(tokens, i, place, left, header, append):" in str(
        READ_FORMS.source_of(contract.bare)
    )


@pytest.mark.parametrize("hint", [int, object, XmlElement, Node, tuple[(int,) * 8]])  # type: ignore[misc]
def test_cannot_be_read(hint: Any) -> None:
    """There is none for what has identity, is any type, or is no structure."""
    assert not can_be_read(contract_of(hint))


def test_members_are_expected_in_their_order() -> None:
    """The elements that a reader of a class knows are its members, in WCF's order."""
    contract = contract_of(Everything)
    names = [one.name for one in READ_FORMS.of(contract).expected]
    layers = contract.layers  # type: ignore[attr-defined]
    assert names == [member.name for layer in layers for member in layer.members]


@pytest.mark.parametrize(
    ("hint", "expected"), [(list[str], []), (set[int], set()), (dict[str, int], {})]
)
def test_nothing_in_it(hint: Any, expected: Any) -> None:
    """An empty element is an empty collection."""
    made = empty_of(contract_of(hint))
    assert made is not None
    assert made() == expected


def test_nothing_in_an_object() -> None:
    """An empty element is an object of defaults, unless a member has to be there."""
    made = empty_of(contract_of(Everything))
    assert made is not None
    one, other = made(), made()
    assert one == other
    assert one is not other
    assert empty_of(contract_of(Needing)) is None


@data_contract(namespace="urn:o")
class Needing:
    A: int = member(required=True)


class _Loud:
    """A descriptor that wants to be asked."""

    def __get__(self, made: Any, owner: Any = None) -> Any:
        return self if made is None else made.__dict__["A"]

    def __set__(self, made: Any, value: Any) -> None:
        made.__dict__["A"] = value + 100


@data_contract(namespace="urn:o")
class Plain:
    A: int


@data_contract(namespace="urn:o")
class Described:
    A: int


Described.A = _Loud()  # type: ignore[assignment]


@data_contract(namespace="urn:o")
class Careful:
    A: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value + 100)


@data_contract(namespace="urn:o")
@dataclass(frozen=True)
class Frozen:
    A: int


@pytest.mark.parametrize(
    ("cls", "expected"), [(Plain, True), (Described, False), (Careful, False), (Frozen, False)]
)
def test_what_setting_attributes_does(cls: Any, expected: bool) -> None:
    """Attributes are set only where nobody would notice; others are put in beside the class."""
    contract = contract_of(cls)
    assert is_set_plainly(contract, ["A"]) is expected  # type: ignore[arg-type]
    assert ("made.A = v0" in str(_source(contract))) is expected
    made: list[Any] = []
    tokens = [(b"h", b"", b"\x83", b""), (b"", b"", b"", b"\x01"), (b"", b"", b"", b"\x01")]
    place = SimpleNamespace(headers=(b"h",))
    READ_FORMS.of(contract).read(tokens, 0, place, 9, None, made.append)
    assert made[0].__dict__ == {"A": 1}


def test_attributes_that_are_no_names() -> None:
    """A keyword is no name that a source could set."""
    assert not is_set_plainly(contract_of(Plain), ["class"])  # type: ignore[arg-type]


def _source(contract: Any) -> str | None:
    READ_FORMS.of(contract)
    return READ_FORMS.source_of(contract)
