"""
Coroutines that mostly never wait.

A Deferred for a call that is over when its function returns costs more than the call. What runs a
coroutine here makes one only for a coroutine that does wait; what waits for something asks first
whether there is anything to wait for.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred

__all__ = ["Slots", "begin"]

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
