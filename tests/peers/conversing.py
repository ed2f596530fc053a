"""Conversations that are the same with every peer."""

from __future__ import annotations

from typing import Any

#: A text that every encoding has to carry as it is.
TEXT = 'Grüße, "\U0001f600"\n<&>'


async def assert_basic(channel: Any, who: str, address: str) -> None:
    """
    Have IBasic's operations called, and close.

    :param channel: of any client, as an object with ``call``, ``exchange`` and ``close``
    :param who: what the service is called
    :param address: that the channel was opened with
    """
    assert await channel.call("Who") == who
    assert await channel.call("Echo", TEXT) == TEXT
    assert await channel.call("Echo", None) is None
    assert await channel.call("Add", 40, 2) == 42
    await channel.call("Notify", "a note")
    assert await channel.call("Notified") == ["a note"]
    assert await channel.call("Bytes", 5) == "AB8+XXw="
    assert await channel.call("Count", "AB8+XXw=") == 5
    parsed = await channel.exchange("TryParse", "17")
    assert (parsed["result"], parsed["out"]) == (True, {"value": 17})
    assert (await channel.exchange("Swap", "a", "b"))["out"] == {"a": "b", "b": "a"}
    assert f"to={address} " in await channel.call("Where")
    assert await channel.state() == "Opened"
    assert (await channel.close())["state"] == "Closed"
