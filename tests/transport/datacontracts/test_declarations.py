"""What the decorators of data contracts take."""

from __future__ import annotations

import enum

import pytest

from netshare.transport.datacontracts import (
    InvalidDataContract,
    collection_contract,
    data_contract_enum,
)


def test_a_name_for_no_member() -> None:
    """An XML name can be given to members only that the enumeration has."""
    with pytest.raises(InvalidDataContract, match="Colour has no member 'Blue'"):

        @data_contract_enum(members={"Blue": "blue"})
        class Colour(enum.Enum):
            Red = 0


def test_a_collection_that_is_none() -> None:
    """A collection with a name is a list or a dict."""
    with pytest.raises(InvalidDataContract, match="Names is neither a list nor a dict"):

        @collection_contract(item_name="Name")
        class Names(str):
            pass
