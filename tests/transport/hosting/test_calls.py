"""A streamed call, as the service sees it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from netshare.transport.contracts.binding import (
    TransferMode,
)
from netshare.transport.contracts.streams import Stream
from tests.helpers.world import World, binding
from tests.peers.contracts import IStreams
from tests.peers.services import Streams, pattern


def test_streams_flow_while_they_are_read(world: World) -> None:
    """A streamed request reaches its method before it is complete."""
    seen: list[Stream] = []

    class Taking(Streams):
        async def Upload(self, data: Stream) -> Any:
            seen.append(data)
            return len(await data.read())

    of_binding = binding(transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 30)
    world.serve(IStreams, Taking, binding=of_binding)
    channel = world.channel(contract=IStreams, binding=of_binding)
    more: list[Deferred[bytes]] = []

    async def source() -> Any:
        yield pattern(1000)
        more.append(Deferred())
        yield await more[0]

    result = world.start(channel.operations.Upload(source()))
    assert (len(seen), result) == (1, [])
    more[0].callback(pattern(500))
    world.flow()
    assert result == [1500]
    stream = world.now(channel.operations.Download(200_000))
    assert world.now(stream.read()) == pattern(200_000)
