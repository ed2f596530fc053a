"""
When a worker fails too often to be started again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime

#: So many failures in so many seconds are too many.
MOST_FAILURES, FAILURE_WINDOW = 5, 300.0


class Failures:
    """
    The failures of one address in a window of time: what is longer ago is forgotten.

    :param most: so many are too many; 0: any number is possible
    :param window: seconds
    """

    def __init__(
        self, clock: IReactorTime, most: int = MOST_FAILURES, window: float = FAILURE_WINDOW
    ) -> None:
        self._clock = clock
        self._most = most
        self._window = window
        self._when: deque[float] = deque(maxlen=max(most, 1))

    def add(self) -> None:
        """One more."""
        self._when.append(self._clock.seconds())

    def clear(self) -> None:
        """Begin anew."""
        self._when.clear()

    def ages(self) -> tuple[float, ...]:
        """How many seconds ago each was, the oldest first."""
        now = self._clock.seconds()
        return tuple(now - when for when in self._when)

    def resume(self, ages: Iterable[float]) -> None:
        """
        Go on with those that another service has counted.

        :param ages: as :meth:`ages`
        """
        now = self._clock.seconds()
        self._when.clear()
        self._when.extend(now - age for age in ages)

    @property
    def tooMany(self) -> bool:
        """Whether there were so many that another attempt makes no sense."""
        return (
            0 < self._most <= len(self._when)
            and self._clock.seconds() - self._when[0] <= self._window
        )

    def __str__(self) -> str:
        return f"{self._most} failures in {self._window:g} s"
