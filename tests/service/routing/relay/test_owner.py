"""netshare.service.routing.relay.owner: who owns an end is told all of it."""

from __future__ import annotations

import inspect

import pytest

from netshare.service.routing.relay.bridge import ServerProtocol
from netshare.service.routing.relay.connection import RelayedConnection
from netshare.service.routing.relay.owner import EndOwner

WORDS = [name for name in vars(EndOwner) if not name.startswith("_")]


@pytest.mark.parametrize("owner", [ServerProtocol, RelayedConnection])
def test_owners(owner: type) -> None:
    """Every owner has each of the methods, with the same arguments."""
    for name in WORDS:
        told = inspect.signature(getattr(owner, name)).parameters
        assert list(told) == list(inspect.signature(getattr(EndOwner, name)).parameters)
