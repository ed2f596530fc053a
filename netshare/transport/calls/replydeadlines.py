"""
When replies are too late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from netshare.transport.channels.outflow import Timer

__all__ = ["ReplyDeadlines"]


class ReplyDeadlines:
    """
    The deadlines of calls, of which nearly none is ever reached. All have one timer, which is not
    touched when a call is over, but finds out when it expires.

    :param clock: where time is
    :param late: called with what :meth:`set` was told
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, late: Callable[[Any, float, Any], None]) -> None:
        self._clock = clock
        self._late = late
        self._set: dict[Any, tuple[float, float, Any]] = {}
        self._timer = Timer(clock, self._look)
        #: When the timer expires, while it runs.
        self._next: float | None = None

    def set(self, key: Any, timeout: float, about: Any) -> None:
        """
        Set a deadline.

        :param key: whose
        :param timeout: seconds from now
        :param about: whatever there is to say of it
        """
        now = self._clock.seconds()
        at = now + timeout
        self._set[key] = at, timeout, about
        if self._next is None or at < self._next:
            self._expire(at, now)

    def forget(self, key: Any) -> None:
        """Something is over in time."""
        self._set.pop(key, None)

    def clear(self) -> None:
        """Everything is over."""
        self._set.clear()
        self._timer.stop()
        self._next = None

    def _look(self) -> None:
        self._next = None
        now = self._clock.seconds()
        for key, (at, timeout, about) in list(self._set.items()):
            if at <= now and self._set.pop(key, None) is not None:
                try:
                    self._late(key, timeout, about)
                except Exception:
                    self.log.failure("telling that {about} is late failed", about=about)
        if self._set:
            self._expire(min(at for at, _, _ in self._set.values()), now)

    def _expire(self, at: float, now: float) -> None:
        self._next = at
        self._timer.start(max(at - now, 0.0))
