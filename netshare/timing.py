"""
Timeouts that are set far more often than they are reached.

A delayed call of the reactor is not cheap to make and to cancel. What is here asks for few:

* :class:`Timer` sets one again and again;
* :class:`Alarm` sets one for something else each time, and leaves the reactor's call where it is
  as long as that does not come too late;
* :class:`Deadlines` has one for many things that wait, each with a timeout of its own;
* :class:`Timeouts` has one for many with the same timeout, and costs least;
* :class:`IdleWatch` has one for many that expire when nothing about them has moved for so long.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from netshare.logger import Logger

__all__ = ["Alarm", "Deadlines", "IdleWatch", "Timeouts", "Timer"]

E = TypeVar("E")

#: How long a heap may be before it is cleared of what is over, when that is more than half of it.
_MANY = 64

#: How often within an idle limit it is looked who is idle.
_LOOKS = 4


class Timer:
    """
    One call in the future, set again and again.

    :param clock: where the time is
    :param expired: what to call
    """

    __slots__ = ("_call", "_clock", "_expired")

    def __init__(self, clock: IReactorTime, expired: Callable[[], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._call: IDelayedCall | None = None

    @property
    def left(self) -> float | None:
        """Seconds until it calls; None: it does not."""
        if self._call is None:
            return None
        now = self._clock.seconds()
        return max(self._call.getTime() - now, 0.0)

    def start(self, seconds: float | None) -> None:
        """
        Call so many seconds from now, and not at the time set before.

        :param seconds: None: never
        """
        if seconds is None:
            self.stop()
        elif self._call is not None:
            self._call.reset(seconds)
        else:
            self._call = self._clock.callLater(seconds, self._run)

    def stop(self) -> None:
        """Do not call."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _run(self) -> None:
        self._call = None
        self._expired()


class Alarm:
    """
    One call in the future, to what was set last. For timeouts that are set anew with every message
    and hardly ever expire: the reactor's delayed call stays until :meth:`cancel`, and is replaced
    only when it would come too late.

    :param clock: where the time is
    """

    __slots__ = ("_at", "_call", "_clock", "_expired")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._at: float | None = None
        self._expired: Callable[[], None] = _nothing

    def start(self, seconds: float | None, expired: Callable[[], None]) -> None:
        """
        Call so many seconds from now, and not what was set before.

        :param seconds: None: never
        :param expired: what to call
        """
        if seconds is None:
            self._at = None
            return
        self._expired = expired
        self._at = at = self._clock.seconds() + seconds
        call = self._call
        if call is None:
            self._call = self._clock.callLater(seconds, self._look)
        elif call.getTime() > at:
            call.cancel()
            self._call = self._clock.callLater(seconds, self._look)

    def stop(self) -> None:
        """Do not call; something else will soon be set."""
        self._at = None

    def cancel(self) -> None:
        """Do not call, and nothing else will be set."""
        self._at = None
        self._expired = _nothing
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        at = self._at
        if at is None:
            return
        missing = at - self._clock.seconds()
        if missing > 0:
            self._call = self._clock.callLater(missing, self._look)
        else:
            self._at = None
            self._expired()


def _nothing() -> None:
    """What an alarm calls that was never set."""


class Deadlines(Generic[E]):
    """
    One delayed call for many entries. Each has a timeout of its own; equal ones expire in the
    order in which they were added.

    :param clock: where the time is
    :param expired: called with each entry whose time is over; when it fails, that is logged and
        the others expire all the same
    :param keep: whether the delayed call stays when the last entry is discarded: for entries that
        come and go so fast that making a call for each would be most of the work. It stays until
        it is due, or until :meth:`clear` or :meth:`tidy`
    """

    log = Logger()

    def __init__(
        self, clock: IReactorTime, expired: Callable[[E], object], keep: bool = False
    ) -> None:
        self.keep = keep
        self._clock = clock
        self._expired = expired
        self._numbers: dict[E, int] = {}
        self._entries: dict[int, E] = {}
        #: When which number expires; numbers that are not in the two others are over.
        self._heap: list[tuple[float, int]] = []
        self._count = 0
        self._call: IDelayedCall | None = None
        #: When the delayed call is due, while there is one.
        self._due = 0.0

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._numbers)

    def add(self, entry: E, timeout: float | None) -> None:
        """
        The time of an entry begins now; that of an entry that waits already begins anew.

        :param entry: what waits; hashable
        :param timeout: seconds; None: it never expires
        """
        if entry in self._numbers:
            del self._entries[self._numbers.pop(entry)]
        if timeout is None:
            return
        at = self._clock.seconds() + timeout
        self._count = number = self._count + 1
        self._numbers[entry] = number
        self._entries[number] = entry
        heappush(self._heap, (at, number))
        if self._call is None or at < self._due:
            self._ask(at, timeout)
        elif len(self._heap) > _MANY and len(self._heap) > 2 * len(self._entries):
            self._heap = [one for one in self._heap if one[1] in self._entries]
            heapify(self._heap)

    def discard(self, entry: E) -> None:
        """An entry waits no more, if it did."""
        number = self._numbers.pop(entry, None)
        if number is not None:
            del self._entries[number]
            if not self.keep and not self._numbers:
                self.clear()

    def remaining(self) -> dict[E, float]:
        """How many seconds each entry still has."""
        now = self._clock.seconds()
        return {
            self._entries[number]: max(at - now, 0.0)
            for at, number in self._heap
            if number in self._entries
        }

    def clear(self) -> None:
        """Nothing that was added expires any more, and there is no delayed call."""
        self._numbers.clear()
        self._entries.clear()
        self._heap.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def tidy(self) -> None:
        """Cancel a delayed call that was kept though nothing waits."""
        if not self._numbers:
            self.clear()

    def _ask(self, at: float, seconds: float) -> None:
        self._due = at
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._look)
        else:
            self._call.reset(seconds)

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        while self._heap:
            at, number = self._heap[0]
            if number in self._entries and at > now:
                self._ask(at, at - now)
                return
            heappop(self._heap)
            entry = self._entries.pop(number, None)
            if entry is not None:
                del self._numbers[entry]
                self._expire(entry)

    def _expire(self, entry: E) -> None:
        try:
            self._expired(entry)
        except Exception:
            self.log.failure("{entry} failed when its time was over", entry=entry)


class Timeouts(Generic[E]):
    """
    One delayed call for many entries with the same timeout, which come and go too fast for
    :class:`Deadlines`. The delayed call stays when nothing waits, until it is due or until
    :meth:`clear`.

    :param clock: where the time is
    :param seconds: how long each entry may wait
    :param expired: called with each entry whose time is over, in the order in which they were
        added; when it fails, that is logged and the others expire all the same
    """

    __slots__ = ("_call", "_clock", "_expired", "_seconds", "_until")

    log = Logger()

    def __init__(self, clock: IReactorTime, seconds: float, expired: Callable[[E], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = expired
        #: In the order in which they expire.
        self._until: dict[E, float] = {}
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._until)

    def add(self, entry: E) -> None:
        """
        The time of an entry begins now.

        :param entry: what waits, and did not before; hashable
        """
        self._until[entry] = self._clock.seconds() + self._seconds
        if self._call is None:
            self._call = self._clock.callLater(self._seconds, self._look)

    def discard(self, entry: E) -> None:
        """An entry waits no more, if it did."""
        self._until.pop(entry, None)

    def clear(self) -> None:
        """Nothing that was added expires any more, and there is no delayed call."""
        self._until.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        due = []
        for entry, until in self._until.items():
            if until > now:
                self._call = self._clock.callLater(until - now, self._look)
                break
            due.append(entry)
        for entry in due:
            # One that expired before it may have discarded this one.
            if self._until.pop(entry, None) is not None:
                try:
                    self._expired(entry)
                except Exception:
                    self.log.failure("{entry} failed when its time was over", entry=entry)


class IdleWatch(Generic[E]):
    """
    Finds what has not moved for so long. It asks a few times within the limit, so that nothing has
    to be noted when something moves; what is idle expires up to a quarter of the limit late.

    :param clock: where the time is
    :param seconds: the limit; None: nothing is idle, however long it rests
    :param moved: how far an entry has come: it rests while this stays the same
    :param expired: called with each entry that has rested for too long, and is watched no more;
        when it fails, that is logged and the others expire all the same
    """

    __slots__ = ("_expired", "_moved", "_rests", "_seconds", "_timer")

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float | None,
        moved: Callable[[E], object],
        expired: Callable[[E], object],
    ) -> None:
        self._seconds = seconds
        self._moved = moved
        self._expired = expired
        #: How far each had come when it was looked last, and for how many looks.
        self._rests: dict[E, tuple[object, int]] = {}
        self._timer = Timer(clock, self._look)

    def add(self, entry: E) -> None:
        """
        Watch this one.

        :param entry: hashable
        """
        if self._seconds is not None:
            if not self._rests:
                self._timer.start(self._seconds / _LOOKS)
            self._rests[entry] = (None, 0)

    def discard(self, entry: E) -> None:
        """Watch it no more, if it was watched."""
        if self._rests.pop(entry, None) is not None and not self._rests:
            self._timer.stop()

    def _look(self) -> None:
        for entry, (before, looks) in list(self._rests.items()):
            if entry not in self._rests:
                continue  # one that expired before it has taken it along
            moved = self._moved(entry)
            looks = looks + 1 if moved == before else 0
            if looks < _LOOKS:
                self._rests[entry] = (moved, looks)
                continue
            del self._rests[entry]
            try:
                self._expired(entry)
            except Exception:
                self.log.failure("{entry} failed when it was idle", entry=entry)
        if self._rests and self._seconds is not None:
            self._timer.start(self._seconds / _LOOKS)
