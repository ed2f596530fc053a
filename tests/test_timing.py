"""One timeout for many."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from netshare.timing import Deadlines


class Waiting:
    """Notes when its time was over."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.expired: list[float] = []

    def timedOut(self) -> None:
        """As :class:`.deadlines.Expiring` has it."""
        self.expired.append(self.clock.seconds())


def test_each_at_its_own_time() -> None:
    """Whoever came first expires first; who made it in time does not; one call serves all."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)
    several = [Waiting(clock) for _ in range(4)]
    for one in several:
        deadlines.add(one)
        assert len(clock.getDelayedCalls()) == 1
        clock.advance(1.0)
    deadlines.discard(several[2])
    clock.pump([0.5] * 40)
    assert [one.expired for one in several] == [[10.0], [11.0], [], [13.0]]
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("lingers", [False, True])
def test_nobody_waits(lingers: bool) -> None:
    """When nobody waits any more there is no delayed call, unless it lingers until it is let go."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)
    if lingers:
        deadlines.linger()
    one = Waiting(clock)
    deadlines.add(one)
    deadlines.discard(one)
    assert len(clock.getDelayedCalls()) == int(lingers)
    deadlines.linger()
    deadlines.add(one)
    deadlines.discard(one)
    assert len(clock.getDelayedCalls()) == 1
    deadlines.letGo()
    assert clock.getDelayedCalls() == []
    assert one.expired == []


def test_cancelled() -> None:
    """What waited expires no more, and what is added later does."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)
    one, other = Waiting(clock), Waiting(clock)
    deadlines.add(one)
    deadlines.cancel()
    deadlines.cancel()
    assert clock.getDelayedCalls() == []
    clock.advance(5.0)
    deadlines.add(other)
    clock.pump([1.0] * 20)
    assert (one.expired, other.expired) == ([], [15.0])


def test_no_timeout() -> None:
    """Without a timeout nothing ever expires."""
    clock = Clock()
    deadlines = Deadlines(clock, None)
    deadlines.add(Waiting(clock))
    assert clock.getDelayedCalls() == []


def test_who_comes_when_another_ones_time_is_over() -> None:
    """Whoever is added meanwhile has its own time, and nobody's is put off by it."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)
    third = Waiting(clock)

    class Replaced(Waiting):
        def timedOut(self) -> None:
            super().timedOut()
            deadlines.add(third)

    first, second = Replaced(clock), Waiting(clock)
    deadlines.add(first)
    clock.advance(4.0)
    deadlines.add(second)
    clock.pump([1.0] * 30)
    assert [one.expired for one in (first, second, third)] == [[10.0], [14.0], [20.0]]
    assert clock.getDelayedCalls() == []


def test_who_comes_again_when_its_time_is_over() -> None:
    """Who timed out may be added again, and others after it keep their time."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)

    class Stubborn(Waiting):
        def timedOut(self) -> None:
            super().timedOut()
            if len(self.expired) < 3:
                deadlines.add(self)

    stubborn, other = Stubborn(clock), Waiting(clock)
    deadlines.add(stubborn)
    clock.advance(4.0)
    deadlines.add(other)
    clock.pump([1.0] * 40)
    assert (stubborn.expired, other.expired) == ([10.0, 20.0, 30.0], [14.0])
    assert clock.getDelayedCalls() == []


def test_who_fails_when_its_time_is_over() -> None:
    """One that fails keeps nobody else from expiring in time."""
    clock = Clock()
    deadlines = Deadlines(clock, 10.0)

    class Failing(Waiting):
        def timedOut(self) -> None:
            raise ValueError("a bug")

    other = Waiting(clock)
    deadlines.add(Failing(clock))
    deadlines.add(other)
    clock.advance(10.0)
    assert other.expired == [10.0]
