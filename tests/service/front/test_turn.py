"""What is decided together is sent together."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock

from netshare.service.front.turn import Turn


def test_inside_and_outside() -> None:
    """Inside of a turn calls wait for its end, outside for the end of the reactor's own."""
    clock, done = Clock(), []
    turn = Turn(clock)
    with turn:
        turn.atEnd(lambda: done.append("inside"))
        assert done == []
    assert done == ["inside"]
    turn.atEnd(lambda: done.append("outside"))
    assert done == ["inside"]
    clock.advance(0)
    assert done == ["inside", "outside"]


def test_one_that_fails() -> None:
    """A call that fails does not keep the others from being made, also after an error."""
    done: list[int] = []

    def number(one: int) -> Callable[[], None]:
        return lambda: done.append(1 // one)

    turn = Turn(Clock())
    try:
        with turn:
            turn.atEnd(number(0))
            turn.atEnd(number(1))
            raise KeyError
    except KeyError:
        pass
    assert done == [1]
    with turn:
        pass
    assert done == [1]


def test_afterwards() -> None:
    """What has time comes last, once; outside of a turn at once."""
    clock, done = Clock(), []
    turn = Turn(clock)

    def last() -> None:
        done.append("last")

    def other() -> None:
        done.append("other")

    with turn:
        turn.afterwards(last)
        turn.afterwards(other)
        turn.atEnd(lambda: done.append("first"))
        turn.afterwards(last)
        assert done == []
    assert done == ["first", "last", "other"]
    with turn:
        pass
    turn.afterwards(last)
    assert done == ["first", "last", "other", "last"]
    assert clock.getDelayedCalls() == []
