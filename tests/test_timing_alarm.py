"""One delayed call for all that is set one after the other."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from netshare.transport.channels.outflow import Alarm


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
def test_what_was_set_last(
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


def test_set_again_and_again() -> None:
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


def test_set_when_it_comes_to_pass() -> None:
    """What comes to pass can set it again."""
    given = Set()
    given.alarm.start(5, lambda: given.set(5, "second"))
    given.run(20)
    assert given.passed == [("second", 10)]


def test_cancelled() -> None:
    """Nothing is left of a cancelled alarm."""
    given = Set()
    given.set(5, "never")
    given.alarm.cancel()
    given.alarm.cancel()
    assert given.clock.getDelayedCalls() == []
    given.run(10)
    assert given.passed == []
