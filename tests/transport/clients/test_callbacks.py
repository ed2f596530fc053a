"""A client serves its callbacks."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.transport.contracts.behavior import ConcurrencyMode, service_behavior
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import Answering, Counting, World


@pytest.mark.parametrize(
    ("mode", "begun"), [(ConcurrencyMode.SINGLE, ["a"]), (ConcurrencyMode.MULTIPLE, ["a", "b"])]
)
def test_their_order(world: World, mode: ConcurrencyMode, begun: list[str]) -> None:
    """They are served one after the other, unless the target says otherwise."""
    asked: dict[str, Deferred[str]] = {}

    @service_behavior(concurrency_mode=mode)
    class Slow(Answering):
        def Ask(self, question: str) -> Any:
            asked[question] = Deferred()
            return asked[question]

    world.serve(concurrency_mode=ConcurrencyMode.MULTIPLE)
    channel = world.channel(callback=Slow())
    world.now(channel.operations.Count())
    callback = Counting.made[-1].kept
    results = [world.start(callback.Ask(name)) for name in "ab"]
    assert list(asked) == begun
    asked["a"].callback("A")
    world.flow()
    asked["b"].callback("B")
    world.flow()
    assert results == [["A"], ["B"]]


def test_one_that_fails(world: World) -> None:
    """The service gets a fault; the session goes on."""

    class Wrong(Answering):
        def Ask(self, question: str) -> str:
            raise ValueError("a secret")

    world.serve()
    channel = world.channel(callback=Wrong())
    world.now(channel.operations.Count())
    with pytest.raises(FaultError) as caught:
        world.now(Counting.made[-1].kept.Ask("what"))
    assert "secret" not in str(caught.value)
    assert world.now(channel.operations.Count()) == 2


def test_an_answer_that_cannot_be_written(world: World) -> None:
    """The service is told that the client failed, and not left waiting."""

    class Lying(Answering):
        def Ask(self, question: str) -> Any:
            return object()

    world.serve()
    channel = world.channel(callback=Lying())
    world.now(channel.operations.Count())
    with pytest.raises(FaultError):
        world.now(Counting.made[-1].kept.Ask("what"))
    assert world.now(channel.operations.Count()) == 2
