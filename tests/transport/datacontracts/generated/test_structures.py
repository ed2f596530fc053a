"""The source of the writers."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    KeyValuePair,
    Serializer,
    XmlElement,
)
from netshare.transport.datacontracts.generated.structures import FORMS, can_be_generated
from netshare.transport.datacontracts.resolver import contract_of
from tests.helpers.madecontracts import Counting, Node
from tests.peers.datatypes import Everything


@pytest.mark.parametrize(
    "hint",
    [
        Everything,
        list[int],
        list[str],
        set[int],
        dict[str, int],
        KeyValuePair[int, str],
        tuple[int, str],
        DateTimeOffset,
        Everything | None,
    ],
)
def test_can_be_generated(hint: Any) -> None:
    """There is a function for every kind of structure, and what it does can be read."""
    contract = contract_of(hint)
    assert can_be_generated(contract)
    FORMS.of(contract.bare)
    assert "def write(append, opening, values, place, session):" in str(
        FORMS.source_of(contract.bare)
    )


@pytest.mark.parametrize(
    "hint",
    [int, str, object, XmlElement, Counting, Node, tuple[int, int, int, int, int, int, int, int]],
)
def test_cannot_be_generated(hint: Any) -> None:
    """There is none for what has hooks or identity, is any type, or is no structure."""
    assert not can_be_generated(contract_of(hint))
    assert Serializer(hint).generated is None


def test_members_are_named_in_the_source() -> None:
    """The source says which member and which type a passage is about."""
    FORMS.of(contract_of(Everything))
    source = FORMS.source_of(contract_of(Everything))
    assert source is not None
    assert "# 'MaybeInt': 'Nullable<Int32>'" in source
    assert "v = value.MaybeInt" in source
