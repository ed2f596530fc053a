"""A streamed call, as the client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.channels.errors import (
    ProtocolError,
)
from netshare.transport.contracts.binding import (
    TransferMode,
)
from netshare.transport.contracts.decorators import operation, service_contract
from tests.helpers.world import World, binding
from tests.peers.contracts import ISession, IStreams
from tests.peers.services import Session, Streams


def test_a_source_that_fails_is_no_shorter_stream(world: World) -> None:
    """When bytes cannot be had the call fails, and the service sees no end."""
    of_binding = binding(transfer_mode=TransferMode.STREAMED)
    world.serve(IStreams, Streams, binding=of_binding)
    channel = world.channel(contract=IStreams, binding=of_binding)

    def source() -> Any:
        yield b"some"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        world.now(channel.operations.Upload(source()))


def test_a_client_with_another_mode(world: World) -> None:
    """A streamed client of a buffered service is told in what they differ."""
    world.serve(ISession, Session)
    streamed = binding(transfer_mode=TransferMode.STREAMED)

    @service_contract(name="ISession", namespace="urn:peers:session")
    class ISessionless:
        @operation
        def Increment(self) -> int: ...

    with pytest.raises(ProtocolError, match="buffered, or both streamed"):
        world.now(world.channel(contract=ISessionless, binding=streamed).operations.Increment())
