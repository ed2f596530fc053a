"""The source of the readers."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    KeyValuePair,
)
from netshare.transport.datacontracts.generated.readable import can_be_read
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.resolver import contract_of
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


def test_members_are_expected_in_their_order() -> None:
    """The elements that a reader of a class knows are its members, in WCF's order."""
    contract = contract_of(Everything)
    names = [one.name for one in READ_FORMS.of(contract).expected]
    layers = contract.layers  # type: ignore[attr-defined]
    assert names == [member.name for layer in layers for member in layer.members]
