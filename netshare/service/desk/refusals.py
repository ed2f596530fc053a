"""
Refused registrations, for the log: each once in a while, since a worker that is refused asks
again and again.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from netshare.logger import Logger

#: Seconds until the same refusal is logged again.
QUIET = 60.0
# Above it everything is forgotten: who makes so many different ones may be logged more often.
_MOST_REMEMBERED = 1024


class Refusals:
    """
    Logs who was refused what, and why.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        #: When each was logged last.
        self._logged: dict[tuple[Any, ...], float] = {}

    def refused(self, uid: int, worker: str, address: str | None, why: Exception) -> None:
        """
        :param uid: of the worker's user
        :param worker: it, for people
        :param address: what it asked for, as it wrote it
        :param why: what it was answered
        """
        key = uid, address, type(why)
        now = self._clock.seconds()
        if now - self._logged.get(key, -QUIET) < QUIET:
            return
        if len(self._logged) >= _MOST_REMEMBERED:
            self._logged.clear()
        self._logged[key] = now
        self.log.warn(
            "refused to register {address!r} for {worker}: {kind}: {why}",
            address=address,
            worker=worker,
            kind=type(why).__name__,
            why=why,
        )
