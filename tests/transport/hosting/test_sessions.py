"""Sessions, from their first call to their end."""

from __future__ import annotations

import pytest

from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import World, binding
from tests.peers.contracts import ISession
from tests.peers.services import Session


def test_a_terminating_call_is_the_last(world: World) -> None:
    """After it the session is refused, and ended when the client does not."""
    world.serve(ISession, Session)
    channel = world.channel(contract=ISession)
    world.now(channel.operations.Increment())
    assert world.now(channel.operations.Finish()) == 1
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Total())
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "SessionTerminated"
    world.reactor.advance(61)
    world.flow()
    assert channel.state is CommunicationState.FAULTED


def test_a_silent_session_is_ended(world: World) -> None:
    """A client that sends nothing for receive_timeout loses its session."""
    world.serve(binding=binding(receive_timeout=5))
    channel = world.channel()
    world.now(channel.operations.Count())
    world.reactor.advance(4)
    world.now(channel.operations.Count())
    world.reactor.advance(4)
    assert channel.state is CommunicationState.OPENED
    world.reactor.advance(2)
    world.flow()
    assert channel.state is CommunicationState.FAULTED
