"""What annotations mean, and which mean nothing."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    InvalidDataContract,
    serializer_for,
)
from tests.helpers.sampletypes import (
    Derived,
    Page,
)
from tests.helpers.serializing import (
    from_text,
)
from tests.peers import datatypes as c


def test_defaults() -> None:
    """A new object has .NET's defaults, and so has one that was read from nothing."""
    assert Derived() == Derived(0, None, None, 0, None, None, None)
    assert from_text(Derived, '<r xmlns="urn:d"/>') == Derived()
    assert serializer_for(int).default == 0
    assert serializer_for(str).default is None
    assert serializer_for(int | None).default is None
    assert serializer_for(c.Colour).default is c.Colour.Red
    assert serializer_for(c.Rights).default == c.Rights(0)


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (int | str, "unions"),
        (int | str | None, "unions"),
        (Page, "generic"),
        (range, "dataclasses"),
        ([], "no type"),
        (type("NotData", (), {}), "NotData"),
    ],
)
def test_no_contract(hint: Any, message: str) -> None:
    """A type that XML has nothing for is refused when the program starts, with its name."""
    with pytest.raises(InvalidDataContract, match=message):
        serializer_for(hint)
