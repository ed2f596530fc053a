"""Which contracts are read the generated way, and what nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import XmlElement, data_contract, member
from netshare.transport.datacontracts.generated.readable import can_be_read, empty_of
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.resolver import contract_of
from tests.helpers.madecontracts import Node
from tests.peers.datatypes import Everything


@pytest.mark.parametrize("hint", [list[int], set[str], dict[str, int], tuple[int, str], Everything])
def test_can_be_read(hint: Any) -> None:
    """What can be read has a function that does."""
    contract = contract_of(hint)
    assert can_be_read(contract)
    assert READ_FORMS.of(contract).expected


@pytest.mark.parametrize("hint", [int, object, XmlElement, Node, tuple[(int,) * 8]])  # type: ignore[misc]
def test_cannot_be_read(hint: Any) -> None:
    """There is none for what has identity, is any type, or is no structure."""
    assert not can_be_read(contract_of(hint))


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
