"""
What workers say they have: how many connections that they were given are still open.

Only workers that share an address are asked, for there it decides who gets the next one. Between
two answers it is reckoned on with what they have been given.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netshare.control import commands
from netshare.service.desk.passing import PassableLink
from netshare.timing import Timer

#: Seconds between two questions to a worker, as long as there are not too many of them.
ASK_EVERY = 1.0

#: How many workers are asked in a second at most.
_MOST_A_SECOND = 200


class ReportingLink(PassableLink):
    """
    What the service's end of a link has for that.
    """

    def __init__(self) -> None:
        super().__init__()
        #: Whether the worker has said that it knows ``Ping``.
        self.pings = False
        self._asking = False

    def askForReport(self) -> None:
        """
        Ask the worker, unless it still owes an answer: one that does not read is not asked again.
        """
        if self._asking:
            return
        try:
            answer = self.callRemote(commands.Ping)
        except ConnectionClosed:
            return  # connectionLost follows
        self._asking = True
        answer.addCallbacks(self._reported, self._notReported)

    def _reported(self, answer: dict[str, Any]) -> None:
        self._asking = False
        if self.lane is not None:
            self.lane.reported(max(answer["connections"], 0))

    def _notReported(self, failure: Failure) -> None:
        """It does not know how, or is gone: it is not asked again."""


class Reports:
    """
    Asks them, for as long as there are any.
    """

    def __init__(self, clock: IReactorTime) -> None:
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
        self._timer.start(max(ASK_EVERY, len(self._links) / _MOST_A_SECOND))
        for link in list(self._links):
            link.askForReport()
