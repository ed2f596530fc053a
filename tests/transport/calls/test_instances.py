"""Instances, and who waits for whom."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress

from netshare.transport.calls.instances import Throttles, client_of
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


def test_one_client_cannot_have_all_sessions() -> None:
    """Of 16 sessions one client has 14 at most; others have the rest, and it waits meanwhile."""
    throttles = Throttles(ServiceThrottle(max_concurrent_sessions=16))
    for _ in range(14):
        assert throttles.session_possible("greedy") is None
        throttles.session_begun("greedy")
    waiting = throttles.session_possible("greedy")
    assert waiting is not None
    for name in ("one", "two"):
        assert throttles.session_possible(name) is None
        throttles.session_begun(name)
    assert throttles.session_possible("three") is not None
    assert not waiting.called


def test_who_has_fewest_sessions_is_next() -> None:
    """When a session ends the waiting client with the fewest is asked first."""
    throttles = Throttles(ServiceThrottle(max_concurrent_sessions=3))
    for name in ("greedy", "greedy", "other"):
        throttles.session_begun(name)
    asked: list[str] = []
    for name in ("greedy", "other", "new"):
        waiting = throttles.session_possible(name)
        assert waiting is not None
        waiting.addCallback(lambda _, name=name: asked.append(name))
    throttles.session_over("greedy")
    assert asked[0] == "new"
    assert set(asked) == {"greedy", "other", "new"}


def test_a_few_sessions_may_be_one_clients() -> None:
    """A small limit keeps nothing back, and clients without an address are not told apart."""
    throttles = Throttles(ServiceThrottle(max_concurrent_sessions=4))
    for _ in range(4):
        assert throttles.session_possible("only") is None
        throttles.session_begun("only")
    throttles = Throttles(ServiceThrottle(max_concurrent_sessions=16))
    for _ in range(16):
        assert throttles.session_possible(None) is None
        throttles.session_begun(None)
    assert throttles.session_possible(None) is not None


def test_whom_a_connection_counts_for() -> None:
    """Its host, whatever the port; a UNIX socket's has none."""
    assert client_of(IPv4Address("TCP", "192.0.2.1", 1)) == "192.0.2.1"
    assert client_of(UNIXAddress(b"/x")) is None
