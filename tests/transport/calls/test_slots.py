"""Coroutines that mostly never wait, and what they take turns at."""

from __future__ import annotations

import contextvars

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from netshare.transport.calls.slots import Slots, Turn, begin

CURRENT: contextvars.ContextVar[str] = contextvars.ContextVar("CURRENT", default="nothing")


async def sum_of(*waited: Deferred[int]) -> int:
    """The sum of what is waited for."""
    return sum([await one for one in waited])


def test_one_that_never_waits() -> None:
    """Its result is there at once, and so is its error."""
    assert begin(sum_of()) == 0
    assert begin(sum_of(succeed(1), succeed(2))) == 3

    async def wrong() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        begin(wrong())


def test_one_that_waits() -> None:
    """It goes on with each result, however many it waits for."""
    first, second, third = Deferred(), Deferred(), Deferred()  # type: ignore[var-annotated]
    over = begin(sum_of(succeed(1), first, second, third))
    assert isinstance(over, Deferred)
    results: list[int] = []
    over.addCallback(results.append)
    first.callback(10)
    third.callback(1000)
    assert results == []
    second.callback(100)
    assert results == [1111]


@pytest.mark.parametrize("which", [0, 1])
def test_an_error_is_thrown_into_it(which: int) -> None:
    """What it waits for fails: it is told where it waits, and can go on."""
    waited: list[Deferred[int]] = [Deferred(), Deferred()]

    async def careful() -> str:
        try:
            await sum_of(*waited)
        except ValueError as error:
            return f"told: {error}"
        return "not told"

    over = begin(careful())
    assert isinstance(over, Deferred)
    for one in waited[:which]:
        one.callback(1)
    waited[which].errback(ValueError("no"))
    results: list[str] = []
    over.addCallback(results.append)
    assert results == ["told: no"]


def test_an_error_comes_out_of_it() -> None:
    """An error that it does not handle is the Deferred's."""
    waited: Deferred[int] = Deferred()
    over = begin(sum_of(waited))
    assert isinstance(over, Deferred)
    waited.errback(ValueError("no"))
    failures: list[Failure] = []
    over.addErrback(failures.append)
    assert failures[0].getErrorMessage() == "no"


def test_cancelling() -> None:
    """Cancelling cancels what it waits for."""
    cancelled: list[object] = []
    waited: Deferred[int] = Deferred(cancelled.append)
    over = begin(sum_of(waited))
    assert isinstance(over, Deferred)
    over.cancel()
    assert cancelled == [waited]
    failures: list[Failure] = []
    over.addErrback(failures.append)
    assert failures[0].check(CancelledError)


def test_its_context() -> None:
    """It goes on in the context in which it began."""
    waited: Deferred[int] = Deferred()

    async def looking() -> tuple[str, str]:
        before = CURRENT.get()
        await waited
        return before, CURRENT.get()

    context = contextvars.copy_context()
    context.run(CURRENT.set, "mine")
    over = context.run(begin, looking())
    assert isinstance(over, Deferred)
    results: list[tuple[str, str]] = []
    over.addCallback(results.append)
    waited.callback(1)
    assert results == [("mine", "mine")]


def test_slots() -> None:
    """So many at a time, the others in their order; who gives up is passed over."""
    slots = Slots(2)
    assert slots.take() is None
    assert slots.take() is None
    assert slots.free == 0
    order: list[str] = []
    waiting = {}
    for name in ("a", "b", "c"):
        taken = slots.take()
        assert taken is not None
        taken.addCallbacks(lambda _, name=name: order.append(name), lambda _: None)
        waiting[name] = taken
    waiting["b"].cancel()
    slots.give()
    assert order == ["a"]
    slots.give()
    assert order == ["a", "c"]
    slots.give()
    slots.give()
    assert slots.free == 2


def test_a_turn() -> None:
    """One call has the lock at a time; one that gives it up for a while queues to go on."""
    lock = Slots(1)
    first, second = Turn(lock), Turn(lock)
    assert first.take() is None
    order: list[str] = []
    waiting = second.take()
    assert waiting is not None
    waiting.addCallback(lambda _: order.append("second"))
    first.give()
    assert order == ["second"]
    again = first.take()
    assert again is not None
    again.addCallback(lambda _: order.append("first again"))
    second.end()
    assert order == ["second", "first again"]
    first.end()
    assert lock.free == 1


def test_a_turn_that_is_over() -> None:
    """A call that has ended takes the lock no more, and one that ends while it queues lets go."""
    lock = Slots(1)
    turn, other = Turn(lock), Turn(lock)
    assert turn.take() is None
    turn.give()
    turn.give()
    assert other.take() is None
    queued = turn.take()
    assert queued is not None
    turn.end()
    assert turn.take() is None
    other.end()
    assert lock.free == 1


def test_a_turn_without_a_lock() -> None:
    """Where calls overlap nothing is waited for."""
    turn = Turn(None)
    assert turn.take() is None
    turn.give()
    turn.end()
    assert turn.over
