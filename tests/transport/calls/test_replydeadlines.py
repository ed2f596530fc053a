"""The deadlines of replies."""

from __future__ import annotations

import random

from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from netshare.transport.calls.replydeadlines import ReplyDeadlines


def test_one_timer_for_all() -> None:
    """Calls that end in time cost no timer each, and nobody is told of them."""
    clock = Clock()
    late: list[object] = []
    deadlines = ReplyDeadlines(clock, lambda *about: late.append(about))
    for number in range(100):
        deadlines.set(number, 60.0, "Add")
        clock.advance(0.1)
        deadlines.forget(number)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(60.0)
    assert late == []
    assert clock.getDelayedCalls() == []


def test_late() -> None:
    """Each is told of at its own time, an earlier one that was set later included."""
    clock = Clock()
    late: list[object] = []
    deadlines = ReplyDeadlines(clock, lambda *about: late.append((clock.seconds(), *about)))
    deadlines.set("a", 10.0, "A")
    deadlines.set("b", 3.0, "B")
    deadlines.set("c", 5.0, None)
    deadlines.forget("c")
    clock.pump([1.0] * 12)
    assert late == [(3.0, "b", 3.0, "B"), (10.0, "a", 10.0, "A")]
    assert clock.getDelayedCalls() == []


def test_clear() -> None:
    """After all is over no timer runs."""
    clock = Clock()
    deadlines = ReplyDeadlines(clock, lambda *about: None)
    deadlines.set("a", 10.0, "A")
    deadlines.clear()
    assert clock.getDelayedCalls() == []
    deadlines.set("b", 10.0, "B")
    assert len(clock.getDelayedCalls()) == 1


def test_what_is_done_when_one_is_late() -> None:
    """Whoever is told may set others and forget others."""
    clock = Clock()
    late: list[str] = []

    def told(key: str, timeout: float, about: object) -> None:
        late.append(key)
        deadlines.forget("b")
        deadlines.set(key + "'", 1.0, about)

    deadlines = ReplyDeadlines(clock, told)
    deadlines.set("a", 1.0, None)
    deadlines.set("b", 1.0, None)
    clock.pump([1.0, 1.0])
    assert late == ["a", "a'"]


def test_one_that_fails() -> None:
    """Whoever fails when told does not keep the others from being told; it is logged."""
    clock = Clock()
    late: list[object] = []
    events: list[LogEvent] = []

    def told(key: object, *_: object) -> None:
        if key == "bad":
            raise RuntimeError("a bug")
        late.append(key)

    deadlines = ReplyDeadlines(clock, told)
    for key, timeout in (("bad", 1.0), ("good", 1.0), ("later", 5.0)):
        deadlines.set(key, timeout, key)
    globalLogPublisher.addObserver(events.append)
    try:
        clock.pump([1.0] * 6)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert late == ["good", "later"]
    assert ["log_failure" in event for event in events] == [True]


def test_as_timers_of_their_own() -> None:
    """Random deadlines are told of as if each had a timer."""
    chance = random.Random(4)
    clock = Clock()
    late: list[tuple[float, int]] = []
    expected = []
    deadlines = ReplyDeadlines(clock, lambda key, *_: late.append((clock.seconds(), key)))
    for number in range(300):
        timeout = float(chance.randrange(1, 40))
        deadlines.set(number, timeout, None)
        if chance.random() < 0.5:
            deadlines.forget(number)
        else:
            expected.append((clock.seconds() + timeout, number))
        clock.pump([1.0] * chance.randrange(3))
    clock.pump([1.0] * 50)
    assert late == sorted(expected)
