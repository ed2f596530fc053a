"""Instances, and who waits for whom."""

from __future__ import annotations

import pytest

from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    ServiceThrottle,
)
from tests.helpers.world import Counting, World

MODES = InstanceContextMode
CONCURRENCY = ConcurrencyMode


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        (MODES.PER_CALL, [[1, 1], [1]]),
        (MODES.PER_SESSION, [[1, 2], [1]]),
        (MODES.SINGLE, [[1, 2], [3]]),
    ],
)
def test_instances(world: World, mode: InstanceContextMode, counts: list[list[int]]) -> None:
    """An instance lives as long as a call, a session, or the host, and is told when it is over."""
    world.serve(instance_context_mode=mode)
    one, two = world.channel(), world.channel()
    assert [world.now(one.operations.Count()) for _ in counts[0]] == counts[0]
    assert [world.now(two.operations.Count()) for _ in counts[1]] == counts[1]
    world.now(one.close())
    world.now(two.close())
    assert all(made.disposed for made in Counting.made) == (mode is not MODES.SINGLE)
    assert len(Counting.made) == {MODES.PER_CALL: 3, MODES.PER_SESSION: 2, MODES.SINGLE: 1}[mode]


def test_an_instance_is_a_service_for_all(world: World) -> None:
    """A host that is given an instance makes none."""
    service = Counting()
    world.serve(service=service)
    assert world.now(world.channel().operations.Count()) == 1
    assert world.now(world.channel().operations.Count()) == 2
    assert Counting.made == [service]


@pytest.mark.parametrize("mode", [MODES.PER_CALL, MODES.PER_SESSION])
def test_calls_of_a_session_do_not_overlap(world: World, mode: InstanceContextMode) -> None:
    """With concurrency Single a session's calls are served one after the other."""
    world.serve(instance_context_mode=mode)
    channel = world.channel()
    first = world.start(channel.operations.Wait("one"))
    second = world.start(channel.operations.Wait("two"))
    assert list(Counting.waiting) == ["one"]
    Counting.waiting["one"].callback("1")
    world.flow()
    assert (first, second) == (["1"], [])
    Counting.waiting["two"].callback("2")
    world.flow()
    assert second == ["2"]


def test_calls_overlap_with_concurrency_multiple(world: World) -> None:
    """With concurrency Multiple they overlap, and replies find their calls."""
    world.serve(concurrency_mode=CONCURRENCY.MULTIPLE)
    channel = world.channel()
    results = [world.start(channel.operations.Wait(name)) for name in ("one", "two")]
    assert list(Counting.waiting) == ["one", "two"]
    for name in ("two", "one"):
        Counting.waiting[name].callback(name)
    world.flow()
    assert results == [["one"], ["two"]]


def test_calls_over_the_throttle_wait(world: World) -> None:
    """A call more than the throttle allows is served when another has ended."""
    world.serve(
        concurrency_mode=CONCURRENCY.MULTIPLE, throttle=ServiceThrottle(max_concurrent_calls=1)
    )
    first = world.start(world.channel().operations.Wait("one"))
    second = world.start(world.channel().operations.Wait("two"))
    assert list(Counting.waiting) == ["one"]
    Counting.waiting["one"].callback("1")
    world.flow()
    Counting.waiting["two"].callback("2")
    world.flow()
    assert (first, second) == (["1"], ["2"])
