"""What the channels of a factory have in common is a value."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from netshare.transport.clients.setup import ChannelSetup


def test_it_is_a_value() -> None:
    """A channel cannot change what the others of its factory are made of."""
    values: dict[str, Any] = {field.name: object() for field in fields(ChannelSetup)}
    setup = ChannelSetup(**values)
    assert setup == ChannelSetup(**values)
    with pytest.raises(FrozenInstanceError):
        setup.binding = object()  # type: ignore[misc, assignment]
