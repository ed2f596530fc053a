"""
One timeout for many.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger


class Expiring(Protocol):
    """Something that does not wait for ever."""

    def timedOut(self) -> None: ...


class Deadlines:
    """
    A timeout for many: all get the same time, so whoever came first expires first, and a single
    delayed call serves them all.

    :param timeout: seconds; None never expires anything
    """

    log = Logger()

    def __init__(self, reactor: IReactorTime, timeout: float | None) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._lingers = False
        self._waiting: dict[Expiring, float] = {}  # in order of arrival
        self._call: Any = None

    def add(self, one: Expiring) -> None:
        """Its time begins now."""
        if self._timeout is None:
            return
        self._waiting[one] = self._reactor.seconds() + self._timeout
        if self._call is None:
            self._call = self._reactor.callLater(self._timeout, self._expire)

    def discard(self, one: Expiring) -> None:
        """It made it in time, or is gone."""
        if self._waiting.pop(one, None) is not None and not self._lingers:
            self._tidy()

    def cancel(self) -> None:
        """Expire nothing more of what waits now."""
        self._waiting.clear()
        self._tidy()

    def linger(self) -> None:
        """
        From now on keep the delayed call when nobody waits any more: for those who come and go so
        fast that making one would be most of the work.
        """
        self._lingers = True

    def letGo(self) -> None:
        """From now on there is no delayed call when nobody waits."""
        self._lingers = False
        self._tidy()

    def _tidy(self) -> None:
        if not self._waiting and self._call is not None:
            self._call.cancel()
            self._call = None

    def _expire(self) -> None:
        self._call = None
        now = self._reactor.seconds()
        while self._waiting:
            one, deadline = next(iter(self._waiting.items()))
            if deadline > now:
                if self._call is not None:  # whoever timed out has added another one
                    self._call.cancel()
                self._call = self._reactor.callLater(deadline - now, self._expire)
                return
            del self._waiting[one]
            try:
                one.timedOut()
            except Exception:
                self.log.failure("{one} failed when its time was over", one=one)
