"""A client's channel, from its making to its end."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from netshare.transport.calls.interfaces import ICommunicationObject, IConversationUser
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.calls.proxy import channel_of
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationError,
    CommunicationObjectAbortedError,
    EndpointNotFoundError,
)
from tests.helpers.world import HERE, Counting, ITest, World, binding

STATES = CommunicationState


def test_it_opens_with_its_first_call(world: World) -> None:
    """A channel is made without a connection, opens once, and has a session's identifier then."""
    world.serve()
    channel = world.channel()
    verifyObject(ICommunicationObject, channel)
    verifyObject(IConversationUser, channel)
    assert (channel.state, channel.session_id, world.wires) == (STATES.CREATED, None, [])
    assert world.now(channel.operations.Count()) == 1
    assert channel.state is STATES.OPENED
    assert channel.session_id.startswith("uuid:")
    world.now(channel.open())
    assert len(world.wires) == 1


def test_it_cannot_be_opened(world: World) -> None:
    """What opening failed with is what later calls fail with, too."""
    world.serve()
    channel = world.channel("net.tcp://127.0.0.1:9000/nothing")
    for _ in range(2):
        with pytest.raises(EndpointNotFoundError):
            world.now(channel.open())
        assert channel.state is STATES.FAULTED
    with pytest.raises(EndpointNotFoundError):
        world.now(channel.operations.Count())


def test_it_is_closed(world: World) -> None:
    """A closed channel takes no calls; closing again, or what was never open, does nothing."""
    world.serve()
    channel = world.channel()
    world.now(channel.operations.Count())
    world.now(channel.close())
    world.now(channel.close())
    assert channel.state is STATES.CLOSED
    with pytest.raises(ChannelClosedError, match="the channel is closed"):
        world.now(channel.operations.Count())
    unused = world.channel()
    world.now(unused.close())
    assert unused.state is STATES.CLOSED


def test_it_is_aborted(world: World) -> None:
    """Calls under way and later ones fail, and the connection is gone."""
    world.serve()
    channel = world.channel()
    waiting = world.start(channel.operations.Wait("one"))
    channel.abort()
    channel.abort()
    world.flow()
    waiting[0].trap(CommunicationObjectAbortedError)
    assert channel.state is STATES.CLOSED
    with pytest.raises(CommunicationObjectAbortedError):
        world.now(channel.operations.Count())
    assert world.wires[0].ends[0].state == "lost"


def test_the_service_ends_the_session(world: World) -> None:
    """The channel is faulted, says why, and ends its side."""
    host = world.serve()
    channel = world.channel()
    world.now(channel.operations.Count())
    world.now(host.close())
    assert channel.state is STATES.FAULTED
    with pytest.raises(CommunicationError, match="the service has ended the session"):
        world.now(channel.operations.Count())


def test_calls_have_their_own_timeout(world: World) -> None:
    """using(timeout=…) is for the calls of that object only."""
    world.serve()
    channel = world.channel()
    waiting = world.start(channel.using(timeout=2).Wait("one"))
    world.reactor.advance(2.1)
    assert "within 2 s" in waiting[0].getErrorMessage()
    Counting.waiting["one"].callback("late")
    world.flow()
    assert world.now(channel.operations.Count()) == 1


def test_a_call_through_another_address(world: World) -> None:
    """The channel connects to its via, and its messages are for its address."""
    host = world.host()
    host.add_endpoint(ITest, binding(), "here", listen_uri="relay")
    world.now(host.open())
    channel = world.channel(HERE, "net.tcp://127.0.0.1:9000/relay")
    assert world.now(channel.operations.Count()) == 1


@pytest.mark.parametrize("how", ["close", "abort", "host", "refused", "unused"])
def test_its_end_is_told(world: World, how: str) -> None:
    """on_closed tells once that a channel is over: with nothing when it was closed, else why."""
    host = world.serve()
    channel = world.channel("net.tcp://127.0.0.1:9000/nothing" if how == "refused" else HERE)
    assert channel_of(channel.operations) is channel
    told: list[Any] = []
    channel.on_closed(told.append)
    if how in ("close", "abort", "host"):
        world.now(channel.operations.Count())
        assert told == []
    if how in ("close", "unused"):
        world.now(channel.close())
    elif how == "abort":
        channel.abort()
    elif how == "host":
        world.now(host.close())
    else:
        world.start(channel.operations.Count())
    world.flow()
    assert len(told) == 1
    assert (told[0] is None) == (how in ("close", "unused"))
