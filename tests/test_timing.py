"""Timeouts that are set far more often than they are reached."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from netshare.timing import Alarm, Deadlines, IdleWatch, Timeouts, Timer

# -- Timer


def test_timer() -> None:
    """A timer calls once, when it was set for last, and not when it was stopped."""
    clock = Clock()
    passed: list[float] = []
    timer = Timer(clock, lambda: passed.append(clock.seconds()))  # type: ignore[arg-type]
    assert timer.left is None
    timer.start(5)
    clock.advance(3)
    assert timer.left == 2
    timer.start(5)
    clock.pump([1.0] * 10)
    assert passed == [8]
    assert timer.left is None
    timer.start(5)
    timer.stop()
    timer.start(5)
    timer.start(None)
    assert clock.getDelayedCalls() == []
    clock.advance(10)
    assert passed == [8]


# -- Alarm


class Set:
    """An alarm, its clock, and what came to pass."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.alarm = Alarm(self.clock)  # type: ignore[arg-type]
        self.passed: list[tuple[str, float]] = []

    def set(self, seconds: float | None, name: str) -> None:
        """Set it."""
        self.alarm.start(seconds, lambda: self.passed.append((name, self.clock.seconds())))

    def run(self, seconds: float) -> None:
        """Let time go by, a second at a time."""
        for _ in range(round(seconds)):
            self.clock.advance(1)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(0, 5, "a")], [("a", 5)]),
        ([(0, 5, "a"), (3, 5, "b")], [("b", 8)]),
        ([(0, 60, "a"), (1, 5, "b")], [("b", 6)]),
        ([(0, 5, "a"), (1, 60, "b"), (10, 3, "c")], [("c", 13)]),
        ([(0, 5, "a"), (1, None, "b")], []),
        ([(0, 5, "a"), (1, None, "b"), (2, 9, "c")], [("c", 11)]),
        ([(0, 5, "a"), (6, 5, "b")], [("a", 5), ("b", 11)]),
        ([(0, 5, "a"), (2, "stop", ""), (3, 1, "b")], [("b", 4)]),
        ([(0, 5, "a"), (2, "stop", "")], []),
    ],
)
def test_alarm_what_was_set_last(
    times: list[tuple[int, float | str | None, str]], expected: list[tuple[str, float]]
) -> None:
    """What was set last comes to pass when it should, and nothing else; one call serves all."""
    given = Set()
    for at, seconds, name in times:
        given.run(at - given.clock.seconds())
        if seconds == "stop":
            given.alarm.stop()
        else:
            assert not isinstance(seconds, str)
            given.set(seconds, name)
        assert len(given.clock.getDelayedCalls()) <= 1
    given.run(100)
    assert given.passed == expected
    assert given.clock.getDelayedCalls() == []


def test_alarm_set_again_and_again() -> None:
    """A delayed call is not made, nor moved, each time the alarm is set for later."""
    given = Set()
    given.set(30, "first")
    (call,) = given.clock.getDelayedCalls()
    for _ in range(29):
        given.run(1)
        given.alarm.stop()
        given.set(30, "again")
        assert given.clock.getDelayedCalls() == [call]
        assert call.getTime() == 30
    given.run(30)
    assert given.passed == [("again", 59)]


def test_alarm_set_when_it_comes_to_pass() -> None:
    """What comes to pass can set it again."""
    given = Set()
    given.alarm.start(5, lambda: given.set(5, "second"))
    given.run(20)
    assert given.passed == [("second", 10)]


def test_alarm_cancelled() -> None:
    """Nothing is left of a cancelled alarm."""
    given = Set()
    given.set(5, "never")
    given.alarm.cancel()
    given.alarm.cancel()
    assert given.clock.getDelayedCalls() == []
    given.run(10)
    assert given.passed == []


# -- Deadlines


class Given:
    """Deadlines, their clock, and what expired when."""

    def __init__(self, keep: bool = False) -> None:
        self.clock = Clock()
        self.expired: list[tuple[float, object]] = []
        #: What is done, besides, with what expires.
        self.then: Callable[[object], None] = lambda entry: None
        self.deadlines: Deadlines[object] = Deadlines(
            self.clock,  # type: ignore[arg-type]
            self._expired,
            keep,
        )

    def _expired(self, entry: object) -> None:
        self.expired.append((self.clock.seconds(), entry))
        self.then(entry)

    @property
    def calls(self) -> int:
        """How many delayed calls there are."""
        return len(self.clock.getDelayedCalls())


def test_deadlines_each_at_its_own_time() -> None:
    """Each expires at its own time, however they were added; one call serves all."""
    given = Given()
    for at, entry, timeout in ((0, "a", 10.0), (1, "b", 3.0), (2, "c", 10.0), (2, "d", 60.0)):
        given.clock.advance(at - given.clock.seconds())
        given.deadlines.add(entry, timeout)
        assert given.calls == 1
    assert len(given.deadlines) == 4
    given.deadlines.discard("d")
    given.deadlines.discard("never added")
    given.clock.pump([0.5] * 40)
    assert given.expired == [(4, "b"), (10, "a"), (12, "c")]
    assert given.calls == 0


def test_deadlines_added_again() -> None:
    """The time of what is added again begins anew; None takes it back."""
    given = Given()
    given.deadlines.add("a", 10.0)
    given.deadlines.add("b", 10.0)
    given.clock.advance(5.0)
    given.deadlines.add("a", 10.0)
    given.deadlines.add("b", None)
    assert len(given.deadlines) == 1
    given.clock.pump([1.0] * 30)
    assert given.expired == [(15, "a")]


@pytest.mark.parametrize("keep", [False, True])
def test_deadlines_when_nothing_waits(keep: bool) -> None:
    """When nothing waits there is no delayed call, unless it is kept, until it is due."""
    given = Given(keep)
    for _ in range(100):
        given.deadlines.add("a", 60.0)
        given.clock.advance(0.1)
        given.deadlines.discard("a")
    assert given.calls == int(keep)
    given.clock.pump([1.0] * 60)
    assert given.calls == 0
    given.deadlines.add("a", 60.0)
    given.deadlines.tidy()
    given.clock.advance(1.0)
    given.deadlines.discard("a")
    given.deadlines.tidy()
    assert (given.calls, given.expired) == (0, [])


@pytest.mark.parametrize("keep", [False, True])
def test_deadlines_cleared(keep: bool) -> None:
    """What waited expires no more, and what is added later does."""
    given = Given(keep)
    given.deadlines.add("a", 10.0)
    given.deadlines.clear()
    given.deadlines.clear()
    assert given.calls == 0
    given.clock.advance(5.0)
    given.deadlines.add("b", 10.0)
    given.clock.pump([1.0] * 20)
    assert given.expired == [(15, "b")]


def test_deadlines_without_timeout() -> None:
    """Without a timeout nothing ever expires."""
    given = Given()
    given.deadlines.add("a", None)
    assert (len(given.deadlines), given.calls) == (0, 0)


def test_deadlines_set_when_one_expires() -> None:
    """What is added when an entry expires has its own time, and puts off nothing else."""
    given = Given()
    given.then = lambda entry: given.deadlines.add(f"{entry}'", 10.0) if entry == "a" else None
    given.deadlines.add("a", 10.0)
    given.clock.advance(4.0)
    given.deadlines.add("b", 10.0)
    given.clock.pump([1.0] * 30)
    assert given.expired == [(10, "a"), (14, "b"), (20, "a'")]
    assert given.calls == 0


def test_deadlines_added_again_when_it_expires() -> None:
    """What expires may be added again, and others keep their time."""
    given = Given()
    given.then = lambda entry: given.deadlines.add(entry, 10.0) if entry == "a" else None
    given.deadlines.add("a", 10.0)
    given.clock.advance(4.0)
    given.deadlines.add("b", 10.0)
    given.clock.pump([1.0] * 28)
    assert given.expired == [(10, "a"), (14, "b"), (20, "a"), (30, "a")]


def test_deadlines_discarded_when_another_expires() -> None:
    """What is discarded when an entry of the same time expires does not expire."""
    given = Given()
    given.then = lambda entry: given.deadlines.discard("b")
    given.deadlines.add("a", 1.0)
    given.deadlines.add("b", 1.0)
    given.clock.advance(1.0)
    assert (given.expired, given.calls) == ([(1, "a")], 0)


def test_deadlines_when_one_fails() -> None:
    """One that fails keeps no other from expiring in time; it is logged."""
    given = Given()
    events: list[LogEvent] = []

    def fail(entry: object) -> None:
        if entry == "bad":
            raise ValueError("a bug")

    given.then = fail
    for entry, timeout in (("bad", 1.0), ("good", 1.0), ("later", 5.0)):
        given.deadlines.add(entry, timeout)
    globalLogPublisher.addObserver(events.append)
    try:
        given.clock.pump([1.0] * 6)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert given.expired == [(1, "bad"), (1, "good"), (5, "later")]
    assert ["log_failure" in event for event in events] == [True]


def test_deadlines_as_timers_of_their_own() -> None:
    """Random deadlines expire as if each had a timer, in the order of equal ones."""
    chance = random.Random(4)
    given = Given(keep=True)
    expected = []
    for number in range(300):
        timeout = float(chance.randrange(1, 40))
        given.deadlines.add(number, timeout)
        if chance.random() < 0.5:
            given.deadlines.discard(number)
        else:
            expected.append((given.clock.seconds() + timeout, number))
        given.clock.pump([1.0] * chance.randrange(3))
    given.clock.pump([1.0] * 50)
    assert given.expired == sorted(expected)


def test_deadlines_keep_nothing_that_is_over() -> None:
    """However many entries come and go before the first is due, they are not remembered."""

    class Entry:
        """Something with an address in memory."""

    given = Given(keep=True)
    gone = []
    given.deadlines.add("waits", 60.0)
    for _ in range(10_000):
        entry = Entry()
        gone.append(weakref.ref(entry))
        given.deadlines.add(entry, 60.0)
        given.deadlines.discard(entry)
    del entry
    gc.collect()
    assert not any(one() for one in gone)
    assert len(given.deadlines._heap) < 100
    given.clock.advance(60.0)
    assert given.expired == [(60, "waits")]


# -- Timeouts


class Equal:
    """Timeouts of five seconds each, their clock, and what expired when."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.passed: list[tuple[str, float]] = []
        self.timeouts: Timeouts[str] = Timeouts(self.clock, 5, self.expired)  # type: ignore[arg-type]

    def expired(self, entry: str) -> None:
        """An entry's time is over."""
        self.passed.append((entry, self.clock.seconds()))


def test_timeouts_each_at_its_own_time() -> None:
    """Each entry expires when its time is over, in the order in which they were added."""
    equal = Equal()
    for entry in "abc":
        equal.timeouts.add(entry)
        equal.clock.advance(1)
    equal.timeouts.discard("b")
    assert len(equal.timeouts) == 2
    equal.clock.pump([0.5] * 20)
    assert equal.passed == [("a", 5), ("c", 7)]
    assert len(equal.timeouts) == 0


def test_timeouts_have_one_delayed_call() -> None:
    """However many come and go, there is one delayed call, and it stays when nothing waits."""
    equal = Equal()
    for number in range(100):
        equal.timeouts.add(str(number))
        equal.timeouts.discard(str(number))
    assert len(equal.clock.getDelayedCalls()) == 1
    equal.clock.advance(6)
    assert equal.clock.getDelayedCalls() == []
    assert equal.passed == []
    equal.timeouts.add("a")
    equal.timeouts.clear()
    assert equal.clock.getDelayedCalls() == []


def test_timeouts_discarded_and_added_while_they_expire() -> None:
    """An entry that expires may discard the next one, and add another."""
    equal = Equal()

    def expired(entry: str) -> None:
        equal.expired(entry)
        equal.timeouts.discard("b")
        if entry == "a":
            equal.timeouts.add("c")

    equal.timeouts = Timeouts(equal.clock, 5, expired)  # type: ignore[arg-type]
    equal.timeouts.add("a")
    equal.timeouts.add("b")
    equal.clock.advance(5)
    assert equal.passed == [("a", 5)]
    equal.clock.advance(5)
    assert equal.passed == [("a", 5), ("c", 10)]


def test_timeouts_when_one_fails() -> None:
    """One that fails is logged, and the others expire all the same."""
    clock, passed = Clock(), []

    def expired(entry: str) -> None:
        if entry == "a":
            raise RuntimeError("no")
        passed.append(entry)

    timeouts: Timeouts[str] = Timeouts(clock, 1, expired)  # type: ignore[arg-type]
    timeouts.add("a")
    timeouts.add("b")
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        clock.advance(1)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert passed == ["b"]
    assert [event["entry"] for event in events] == ["a"]


class Resting:
    """Things that move when the test says so, with a limit of eight seconds."""

    def __init__(self, seconds: float | None = 8.0) -> None:
        self.clock = Clock()
        self.places = {"a": 0, "b": 0}
        self.passed: list[tuple[str, float]] = []
        self.watch: IdleWatch[str] = IdleWatch(
            self.clock,  # type: ignore[arg-type]
            seconds,
            self.places.__getitem__,
            self.expired,
        )

    def expired(self, entry: str) -> None:
        self.passed.append((entry, self.clock.seconds()))


def test_idle_watch() -> None:
    """What has not moved for the limit expires, once, a quarter later at most."""
    resting = Resting()
    resting.watch.add("a")
    resting.watch.add("b")
    for _ in range(20):
        resting.clock.advance(1)
        if resting.clock.seconds() < 10:
            resting.places["b"] += 1
    assert resting.passed == [("a", 10.0), ("b", 18.0)]
    assert resting.clock.getDelayedCalls() == []


def test_idle_watch_without_a_limit() -> None:
    """Nothing expires, and nothing is called."""
    resting = Resting(None)
    resting.watch.add("a")
    resting.watch.discard("a")
    assert resting.clock.getDelayedCalls() == []


def test_idle_watch_of_what_is_discarded() -> None:
    """It does not expire, and the last one takes the call along."""
    resting = Resting()
    resting.watch.add("a")
    resting.watch.add("b")
    resting.watch.discard("a")
    resting.clock.advance(1)
    resting.watch.discard("b")
    resting.watch.discard("b")
    assert resting.clock.getDelayedCalls() == []


def test_idle_watch_when_one_fails() -> None:
    """The others expire all the same, but for what it has taken along."""
    resting = Resting()

    def expired(entry: str) -> None:
        resting.expired(entry)
        resting.watch.discard("b")
        raise RuntimeError("no")

    resting.places["c"] = 0
    resting.watch._expired = expired
    for entry in ("a", "b", "c"):
        resting.watch.add(entry)
    for _ in range(6):
        resting.clock.advance(2)
    assert [entry for entry, _ in resting.passed] == ["a", "c"]
