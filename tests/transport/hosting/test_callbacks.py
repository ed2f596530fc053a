"""A service calls its client back."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from netshare.transport.calls.interfaces import ICommunicationObject
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.calls.proxy import channel_of
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
)
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import Answering, Counting, World, binding

CONCURRENCY = ConcurrencyMode


@pytest.mark.parametrize("mode", [CONCURRENCY.REENTRANT, CONCURRENCY.MULTIPLE])
def test_callbacks_inside_calls(world: World, mode: ConcurrencyMode) -> None:
    """A callback is answered inside the call that makes it."""
    world.serve(concurrency_mode=mode)
    assert world.now(world.channel().operations.Relay("what")) == "re: what"


def test_another_call_comes_while_a_reentrant_one_asks(world: World) -> None:
    """With concurrency Reentrant a call is served while another waits for its callback."""
    asked: Deferred[str] = Deferred()

    class Slow(Answering):
        def Ask(self, question: str) -> Any:
            return asked

    world.serve(concurrency_mode=CONCURRENCY.REENTRANT)
    channel = world.channel(callback=Slow())
    relayed = world.start(channel.operations.Relay("what"))
    assert world.now(channel.operations.Count()) == 1
    assert relayed == []
    asked.callback("at last")
    world.flow()
    assert relayed == ["at last"]


@pytest.mark.parametrize("mode", list(CONCURRENCY))
def test_a_callback_kept_for_later(world: World, mode: ConcurrencyMode) -> None:
    """A callback object asks when its call is over, too, also while another call waits."""
    world.serve(concurrency_mode=mode)
    channel = world.channel()
    assert world.now(channel.operations.Count()) == 1
    assert world.now(Counting.made[-1].kept.Ask("later")) == "re: later"
    waiting = world.start(channel.operations.Wait("one"))
    asked = world.start(Counting.made[-1].kept.Ask("meanwhile"))
    assert asked == ["re: meanwhile"]
    assert waiting == []
    Counting.waiting["one"].callback("1")
    world.flow()
    assert waiting == ["1"]


def test_a_callback_that_would_wait_for_ever(world: World) -> None:
    """With concurrency Single a two-way callback is refused, and the reason told if that is on."""
    world.serve(include_exception_detail_in_faults=True)
    with pytest.raises(FaultError, match="Ask would wait for ever"):
        world.now(world.channel().operations.Relay("what"))


def kept(world: World, **options: Any) -> tuple[Any, Any]:
    """A client's channel, and the callback object that the service has of it."""
    world.serve(**options)
    channel = world.channel(binding=options.get("binding"))
    world.now(channel.operations.Count())
    return channel, Counting.made[-1].kept


def test_it_is_the_same_in_every_call(world: World) -> None:
    """Every call of a session sees one callback object, another session's is another."""
    channel, first = kept(world)
    world.now(channel.operations.Count())
    assert Counting.made[-1].kept is first
    world.now(world.channel().operations.Count())
    assert Counting.made[-1].kept is not first


@pytest.mark.parametrize("how", ["close", "abort", "host"])
def test_who_is_gone_is_told(world: World, how: str) -> None:
    """A service learns that a session is over, and whether it was closed or lost."""
    channel, callback = kept(world)
    session = channel_of(callback)
    verifyObject(ICommunicationObject, session)
    assert session.state is CommunicationState.OPENED
    told: list[Any] = []
    session.on_closed(told.append)
    if how == "close":
        world.now(channel.close())
    elif how == "abort":
        channel.abort()
    else:
        session.abort()
    world.flow()
    assert len(told) == 1
    if how == "close":
        assert (told, session.state) == ([None], CommunicationState.CLOSED)
    else:
        assert isinstance(told[0], CommunicationError)
        assert session.state is CommunicationState.FAULTED
    session.on_closed(told.append)
    assert told[1] is told[0]


def test_a_service_closes_the_session_of_a_callback(world: World) -> None:
    """channel_of(callback).close() ends it when what is under way is answered."""
    channel, callback = kept(world)
    world.now(channel_of(callback).close())
    assert channel.state is CommunicationState.FAULTED


def test_channel_of_something_else() -> None:
    """What is no object of operations is refused."""
    with pytest.raises(TypeError, match="callback object"):
        channel_of(object())


def test_telling_a_client_that_has_left(world: World) -> None:
    """A one-way callback is a logged sentence with operation and client, and raises nothing."""
    channel, callback = kept(world)
    channel.abort()
    world.flow()
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        assert world.now(callback.Tell("note")) is None
    finally:
        globalLogPublisher.removeObserver(events.append)
    texts = [formatEvent(one) for one in events]
    assert any("Tell was not sent to" in text and "has left" in text for text in texts)
    with pytest.raises(CommunicationError):
        world.now(callback.Ask("what"))


def test_a_silent_subscriber_is_not_idle(world: World) -> None:
    """One-way callbacks keep a session whose client says nothing; without them it ends."""
    channel, callback = kept(world, binding=binding(receive_timeout=5))
    for _ in range(4):
        world.reactor.advance(4)
        world.now(callback.Tell("note"))
    assert channel.state is CommunicationState.OPENED
    world.reactor.advance(6)
    world.flow()
    assert channel.state is CommunicationState.FAULTED
