"""A factory and its channels."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netshare.transport.calls.interfaces import IChannelKeeper
from netshare.transport.calls.lifetime import CommunicationState
from tests.helpers.world import HERE, Counting, World


def test_closing_closes_its_channels(world: World) -> None:
    """Calls are answered, sessions and kept connections end."""
    world.serve()
    factory = world.client()
    verifyObject(IChannelKeeper, factory)
    one, two = factory.create_channel(HERE), factory.create_channel(HERE)
    assert world.now(one.operations.Count()) == 1
    waited = world.start(two.operations.Wait("two"))
    closed = world.start(factory.close())
    assert closed == []
    Counting.waiting["two"].callback("2")
    world.flow()
    assert (waited, closed) == (["2"], [None])
    assert {one.state, two.state} == {CommunicationState.CLOSED}


def test_aborting_aborts_its_channels(world: World) -> None:
    """No channel is left."""
    world.serve()
    factory = world.client()
    channel = factory.create_channel(HERE)
    world.now(channel.operations.Count())
    factory.abort()
    world.flow()
    assert channel.state is CommunicationState.CLOSED


def test_a_connection_serves_the_next_channel(world: World) -> None:
    """The connection of a closed channel is used again."""
    world.serve()
    factory = world.client()
    for _ in range(3):
        channel = factory.create_channel(HERE)
        assert world.now(channel.operations.Count()) == 1
        world.now(channel.close())
    assert len(world.wires) == 1


def test_a_callback_contract_needs_its_object(world: World) -> None:
    """Without one the factory is refused, with what to do."""
    with pytest.raises(TypeError, match="ITest has a callback contract: give callback="):
        world.client(callback=None)
