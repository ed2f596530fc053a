"""
Leaving clients in the kernel's queue while a worker is busy but makes progress.

A thousand clients that reconnect at once come faster than their worker can adopt them. Accepting
them all would only fill the queue for that worker until the last are refused; pausing the ports
for some milliseconds refuses none. But all addresses share the ports: a worker that makes *no*
progress must not pause them. So a route pauses the ports only while its worker answers fast
enough to serve all who wait within a second (:data:`SOON`). For the first twentieth of a second
(:data:`WINDOW`), before there is a rate to judge by, the worker is taken to be fast enough.
"""

from __future__ import annotations

from typing import Any

from netshare.reactors import IReactor
from netshare.service.quotas import Admission

#: So many waiting connections pause the ports, and so few open them again.
MANY, FEW = 256, 64

#: Seconds over which a worker's answers are counted, and after which a pause is looked at again.
WINDOW = 0.05

#: Seconds in which a worker has to be able to deal with all who wait.
SOON = 1.0


class Backpressure:
    """
    One route's wish to pause the ports.

    :param admission: what pauses the ports; None: they are never paused
    """

    def __init__(self, reactor: IReactor, admission: Admission | None) -> None:
        self._reactor = reactor
        self._admission = admission
        self._began = 0.0
        self._since = 0.0
        self._count = 0
        self._rate = 0.0
        self._pausing = False
        self._check: Any = None
        self._waiting = 0

    def answered(self, count: int, waiting: int) -> None:
        """
        A worker has answered for ``count`` connections; so many still wait.
        """
        self._count += count
        self._waiting = waiting
        if self._pausing and waiting <= FEW:
            self.stop()

    def waits(self, waiting: int) -> None:
        """
        One more connection has to wait.
        """
        self._waiting = waiting
        if waiting == 1:
            self._began = self._reactor.seconds()
        if waiting < MANY or self._pausing or self._admission is None:
            return
        if self._current() * SOON >= waiting or self._isNew():
            self._pausing = True
            self._admission.pause(self)
            self._check = self._reactor.callLater(WINDOW, self._look)

    def stop(self) -> None:
        """
        Pause the ports no longer.
        """
        if self._check is not None:
            self._check.cancel()
            self._check = None
        if self._pausing and self._admission is not None:
            self._pausing = False
            self._admission.resume(self)

    def _look(self) -> None:
        self._check = None
        if self._current() * SOON >= self._waiting:
            self._check = self._reactor.callLater(WINDOW, self._look)
        else:
            self.stop()

    def _isNew(self) -> bool:
        """Whether the first began to wait less than a window ago: there is no rate to judge by."""
        return self._reactor.seconds() - self._began < WINDOW

    def _current(self) -> float:
        """Answers a second, in the last window that is over."""
        now = self._reactor.seconds()
        elapsed = now - self._since
        if elapsed >= WINDOW:
            self._rate = self._count / elapsed if elapsed < 4 * WINDOW else 0.0
            self._since, self._count = now, 0
        return max(self._rate, self._count / WINDOW)
