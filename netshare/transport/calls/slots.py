"""
Calls that take turns, and mostly need not wait for one.

A Deferred for a call that is over when its function returns costs more than the call. So
:func:`begin` makes one only for a coroutine that does wait, and :meth:`Slots.take` gives one only
when there is something to wait for.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred

__all__ = ["Slots", "Turn", "begin"]

T = TypeVar("T")


def begin(coroutine: Coroutine[Deferred[Any], Any, T]) -> T | Deferred[T]:
    """
    Run a coroutine as far as it goes.

    :returns: its result, or a Deferred of it if it has to wait
    :raises Exception: what the coroutine raises before it has to wait
    """
    try:
        waited = coroutine.send(None)
    except StopIteration as over:
        result: T = over.value
        return result
    return ensureDeferred(_rest(coroutine, waited))


@types.coroutine
def _rest(
    coroutine: Coroutine[Deferred[Any], Any, T], waited: Deferred[Any]
) -> Generator[Deferred[Any], Any, T]:
    while True:
        try:
            try:
                yield waited
            except Exception as error:
                waited = coroutine.throw(error)
            else:
                waited = coroutine.send(None)
        except StopIteration as over:
            result: T = over.value
            return result


class Slots:
    """
    So many at a time, the others in the order in which they came.

    :param count: how many; 1: a lock
    """

    __slots__ = ("_waiting", "free")

    def __init__(self, count: int) -> None:
        #: How many more could be taken at once.
        self.free = count
        self._waiting: deque[Deferred[None]] = deque()

    def take(self) -> Deferred[None] | None:
        """
        :returns: None: it is taken; or a Deferred that fires when it is, and can be cancelled
        """
        if self.free:
            self.free -= 1
            return None
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def give(self) -> None:
        """Give one back."""
        if self._waiting:
            self._waiting.popleft().callback(None)
        else:
            self.free += 1


class Turn:
    """
    One call's turn at a lock. The call can give it up for a while, as a re-entrant one does while
    it waits for its client; when it has ended there is no turn to go back to.

    :param lock: None: calls overlap
    """

    __slots__ = ("_held", "_lock", "over")

    def __init__(self, lock: Slots | None) -> None:
        self._lock = lock
        self._held = False
        #: Whether the call has ended.
        self.over = False

    def take(self) -> Deferred[None] | None:
        """
        Begin, or go on.

        :returns: None: it is this call's turn, or the call has ended; or a Deferred that fires
            when it is
        """
        if self._lock is None or self.over:
            return None
        waiting = self._lock.take()
        if waiting is not None:
            return waiting.addCallback(self._taken)
        self._held = True
        return None

    def _taken(self, _: object) -> None:
        self._held = True
        if self.over:
            self.give()

    def give(self) -> None:
        """Let others in for a while."""
        if self._held and self._lock is not None:
            self._held = False
            self._lock.give()

    def end(self) -> None:
        """The call has ended."""
        self.over = True
        if self._held and self._lock is not None:
            self._held = False
            self._lock.give()
