"""A service calls its client back."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
)
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import Answering, Counting, World

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
