"""The source of the readers."""

from __future__ import annotations

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
