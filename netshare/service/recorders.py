"""
Who is told how connections end: plain counters, and several recorders as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from zope.interface import implementer

from netshare.interfaces import IOutcomeRecorder
from netshare.logger import Logger
from netshare.outcomes import Outcome


@implementer(IOutcomeRecorder)
class OutcomeCounts:
    """
    Plain counters: enough for ``netshare stats``.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.returned = 0
        self.outcomes: Counter[Outcome] = Counter()

    def resume(self, accepted: int, returned: int, outcomes: Mapping[str, int]) -> None:
        """
        Count on from what another process has counted. Outcomes that are not known here are
        left out.
        """
        self.accepted += accepted
        self.returned += returned
        for outcome in Outcome:
            self.outcomes[outcome] += outcomes.get(outcome.value, 0)

    def connectionAccepted(self) -> None:
        self.accepted += 1

    def connectionReturned(self) -> None:
        self.returned += 1

    def connectionDecided(self, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1


@implementer(IOutcomeRecorder)
class Recorders:
    """
    Several recorders as one. One that raises is logged; the connection and the other recorders
    are not affected.
    """

    log = Logger()

    def __init__(self, *recorders: IOutcomeRecorder) -> None:
        self._recorders = recorders

    def connectionAccepted(self) -> None:
        for recorder in self._recorders:
            self._tell(recorder.connectionAccepted)

    def connectionReturned(self) -> None:
        for recorder in self._recorders:
            self._tell(recorder.connectionReturned)

    def connectionDecided(self, outcome: Outcome) -> None:
        for recorder in self._recorders:
            self._tell(recorder.connectionDecided, outcome)

    def _tell(self, what: Callable[..., None], *arguments: Outcome) -> None:
        try:
            what(*arguments)
        except Exception:
            self.log.failure("a recorder of outcomes failed")
