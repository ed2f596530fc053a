"""
One turn of accepting: what is decided together is sent together.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from netshare.logger import Logger
from netshare.reactors import IReactor


class Turn:
    """
    Collects what is to be done when a batch of connections has been decided.

    Used as a context manager around the batch; outside of one the end of the reactor's own turn
    is what counts.
    """

    log = Logger()

    def __init__(self, reactor: IReactor) -> None:
        self._reactor = reactor
        self._inside = False
        self._calls: list[Callable[[], None]] = []
        self._last: dict[Callable[[], None], None] = {}

    @property
    def inside(self) -> bool:
        """Whether a batch is being decided."""
        return self._inside

    def atEnd(self, call: Callable[[], None]) -> None:
        """
        Call this when the batch is over.
        """
        if self._inside:
            self._calls.append(call)
        else:
            self._reactor.callLater(0, call)

    def afterwards(self, call: Callable[[], None]) -> None:
        """
        Call this once, behind all that is done at the end; now, where there is no batch.
        """
        if self._inside:
            self._last[call] = None
        else:
            call()

    def __enter__(self) -> None:
        self._inside = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inside = False
        calls, self._calls = self._calls, []
        calls += self._last
        self._last.clear()
        for call in calls:
            try:
                call()
            except Exception:
                # It must not keep the others', and their connections, from leaving.
                self.log.failure("the end of a turn failed")
