"""The names of types are .NET's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from netshare.transport.datacontracts import (
    Int32,
    contract_name,
)
from tests.helpers.sampletypes import (
    P,
    Page,
)
from tests.helpers.serializing import (
    XSD,
)
from tests.peers import datatypes as c

Meters = NewType("Meters", int)


def test_names_of_types() -> None:
    """Types are called what .NET calls them."""
    assert contract_name(Page[P]) == ("PageOfPdDhgNEMs", "urn:t")
    assert contract_name(dict[str, c.Person])[0].endswith("PersonaQi92V0P")
    assert contract_name(Meters) == ("int", XSD)
    assert contract_name(Int32) == contract_name(int)
    assert contract_name(Sequence[str]) == contract_name(tuple[str, ...])
    assert contract_name(c.Square) == ("TheSquare", "urn:peers:shapes")
