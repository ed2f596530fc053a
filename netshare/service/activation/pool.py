"""
How many processes serve an address, where that is not fixed.

What is decided (:class:`PoolSize`) knows neither processes nor the reactor; :class:`Pool` looks at
what there is, again and again, and lets its owner do what was decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from netshare.timing import Timer

#: Seconds between two looks.
LOOK_EVERY = 0.25

#: Seconds without a waiting connection until there is a process too many.
SURPLUS_AFTER = 60.0

#: After processes that were missed soon, up to so many times as long.
_MOST_PATIENCE = 32


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """
    The bounds of a pool.
    """

    least: int
    most: int
    #: Seconds without a waiting connection after which one process goes; None: none goes.
    surplusAfter: float | None = SURPLUS_AFTER


@dataclass(frozen=True, slots=True)
class Demand:
    """
    What there is at one moment.
    """

    #: Connections that wait for a process that is free.
    waiting: int
    #: Processes of the pool.
    processes: int
    #: Whether all of them serve: one that is about to may be the one that is missed.
    settled: bool


class PoolSize:
    """
    One process more while connections wait, one less when none has for a while.

    A connection that waits only at one look is no reason: the next answer of a process may free
    it. A process that was missed soon after it had gone makes the next one stay twice as long.
    """

    def __init__(self, limits: PoolLimits, now: float) -> None:
        self._limits = limits
        self._waited = False
        self._quiet_since = now
        self._shrunk_at: float | None = None
        self._patience = limits.surplusAfter or 0.0

    def look(self, now: float, demand: Demand) -> int:
        """
        :param now: seconds
        :returns: 1: start a process; -1: let one go; 0: neither
        """
        if demand.waiting:
            return self._grow(now, demand)
        self._waited = False
        limits = self._limits
        if demand.processes <= limits.least or limits.surplusAfter is None:
            self._quiet_since = now
            return 0
        if now - self._quiet_since < self._patience:
            return 0
        if self._shrunk_at is not None:
            self._patience = limits.surplusAfter  # the last one was not missed
        self._shrunk_at = self._quiet_since = now
        return -1

    def _grow(self, now: float, demand: Demand) -> int:
        waited, self._waited = self._waited, True
        self._quiet_since = now
        if not waited or not demand.settled or demand.processes >= self._limits.most:
            return 0
        first = self._limits.surplusAfter
        if first is not None and self._shrunk_at is not None:
            missed = now - self._shrunk_at < self._patience
            self._patience = min(self._patience * 2, first * _MOST_PATIENCE) if missed else first
            self._shrunk_at = None
        return 1


class Pool:
    """
    Looks at the processes of one address.

    :param demand: what there is
    :param grow: starts a process more
    :param shrink: lets one go
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: PoolLimits,
        demand: Callable[[], Demand],
        grow: Callable[[], None],
        shrink: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._size = PoolSize(limits, clock.seconds())
        self._demand, self._grow, self._shrink = demand, grow, shrink
        self._timer = Timer(clock, self._look)

    def start(self) -> None:
        """Begin to look."""
        self._timer.start(LOOK_EVERY)

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    def _look(self) -> None:
        self.start()
        change = self._size.look(self._clock.seconds(), self._demand())
        if change > 0:
            self._grow()
        elif change < 0:
            self._shrink()
