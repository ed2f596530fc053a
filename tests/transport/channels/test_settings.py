"""Limits and timeouts."""

from __future__ import annotations

import pytest

from netshare.framing.records import (
    Mode,
)
from netshare.transport.channels.settings import ChannelSettings


def test_the_buffer_limits_what_is_not_streamed() -> None:
    """max_buffer_size holds for whole messages, max_received_message_size for streams."""
    limits = ChannelSettings(max_received_message_size=100, max_buffer_size=10)
    assert limits.message_limit(Mode.DUPLEX) == 10
    assert limits.message_limit(Mode.SINGLETON) == 100


@pytest.mark.parametrize("name", ["open_timeout", "max_received_message_size", "max_buffer_size"])
def test_settings_are_positive(name: str) -> None:
    """Zero is refused where it makes no sense, naming the setting."""
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        ChannelSettings(**{name: 0})
