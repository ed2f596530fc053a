"""
Asking workers how they are.

One that shares an address is asked how many of the connections that it was given are still open,
for that decides who gets the next one; between two answers it is reckoned on with what it has been
given. Any other is asked less often, and only to see whether it answers: a worker whose program
hangs, or computes for long, is given no connections until it answers, and one that the service has
started is ended when that takes too long. One that a debugger has stopped is let be.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netshare.control import commands
from netshare.interfaces import ILinkWatcher
from netshare.logger import Logger
from netshare.service.desk.passing import PassableLink
from netshare.timing import Timer

#: Seconds between two questions to a worker that shares an address, and between two looks, as long
#: as there are not too many of them.
ASK_EVERY = 1.0

#: How many workers are asked in a second at most.
_MOST_A_SECOND = 200


class ReportingLink(PassableLink):
    """
    What the service's end of a link has for that.
    """

    log = Logger()

    def __init__(self, watcher: ILinkWatcher | None = None) -> None:
        super().__init__()
        self._watcher = watcher
        #: Whether the worker has said that it knows ``Ping``.
        self.pings = False
        #: Since when it owes an answer.
        self._askedAt: float | None = None
        self._askAgainAt = 0.0
        self._isSilent = False

    def askForReport(self, now: float, pauses: tuple[float, float], timeout: float | None) -> None:
        """
        Ask the worker, if it is time to. One that still owes an answer is not asked again.

        :param pauses: seconds between two questions, where it shares an address and where not
        :param timeout: seconds after which it is given no connections; None: it is only asked for
            what it has
        """
        if self._askedAt is not None:
            if timeout is not None and now - self._askedAt >= timeout and not self.peer.isTraced:
                self._silent(now - self._askedAt)
            return
        shares = any(one.shared for one in self.registrations.values())
        if now < self._askAgainAt or (timeout is None and not shares):
            return
        self._askAgainAt = now + pauses[0 if shares else 1]
        try:
            answer = self.callRemote(commands.Ping)
        except ConnectionClosed:
            return  # connectionLost follows
        self._askedAt = now
        answer.addCallbacks(self._reported, self._notReported)

    def _reported(self, answer: dict[str, Any]) -> None:
        self._askedAt = None
        if self.lane is None:
            return
        self.lane.reported(max(answer["connections"], 0))
        if self._isSilent:
            self._isSilent = False
            self.log.info("{worker} answers again", worker=str(self))
            self.lane.silence(False)

    def _notReported(self, failure: Failure) -> None:
        """It does not know how, or is gone: it is not asked again."""
        self._askedAt = None
        self._askAgainAt = math.inf

    def _silent(self, seconds: float) -> None:
        if self.lane is not None and not self._isSilent:
            self._isSilent = True
            self.log.warn(
                "{worker} has not answered for {seconds:.0f} s: it is given no connections until "
                "it does",
                worker=str(self),
                seconds=seconds,
            )
            self.lane.silence(True)
        if self._watcher is not None:
            self._watcher.silent(seconds)


class Reports:
    """
    Asks them, for as long as there are any.

    :param timeout: see :meth:`ReportingLink.askForReport`
    """

    def __init__(self, clock: IReactorTime, timeout: float | None = None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._links: set[ReportingLink] = set()
        self._timer = Timer(clock, self._ask)

    def add(self, link: ReportingLink) -> None:
        """Ask this worker from now on."""
        self._links.add(link)
        if len(self._links) == 1:
            self._timer.start(ASK_EVERY)

    def discard(self, link: ReportingLink) -> None:
        """Its link is gone."""
        self._links.discard(link)
        if not self._links:
            self._timer.stop()

    def _ask(self) -> None:
        self._timer.start(ASK_EVERY)
        now, many = self._clock.seconds(), len(self._links) / _MOST_A_SECOND
        pauses = max(ASK_EVERY, many), max(self._timeout or 0.0, many)
        for link in list(self._links):
            link.askForReport(now, pauses, self._timeout)
