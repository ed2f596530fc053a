"""netshare.framing.events: what happens, as values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from netshare.framing import events
from netshare.framing.events import Event


def test_the_union_is_complete() -> None:
    """Each event of the room is in the union that ``next_event`` declares, and no other class."""
    values = vars(events).values()
    defined = {value for value in values if isinstance(value, type) and is_dataclass(value)}
    assert defined == {*get_args(Event)}


@pytest.mark.parametrize("event", get_args(Event))
def test_events_are_values(event: type) -> None:
    """Equal when their fields are, and not to be changed."""
    arguments = range(len(fields(event)))
    assert event(*arguments) == event(*arguments)
    assert hash(event(*arguments)) == hash(event(*arguments))
    with pytest.raises((AttributeError, TypeError)):
        event(*arguments).surprise = 1
