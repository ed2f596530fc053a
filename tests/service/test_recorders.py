"""Who is told how connections end."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from netshare.interfaces import IOutcomeRecorder
from netshare.outcomes import Outcome
from netshare.service.recorders import OutcomeCounts, Recorders


def test_counts() -> None:
    """Counters add up."""
    counts = OutcomeCounts()
    assert verifyObject(IOutcomeRecorder, counts)
    counts.connectionAccepted()
    counts.connectionReturned()
    for outcome in (Outcome.LOCAL, Outcome.EMPTY):
        counts.connectionDecided(outcome)
    assert counts.accepted + counts.returned == sum(counts.outcomes.values())


def test_one_recorder_that_fails() -> None:
    """A recorder that raises is logged, and the others are told all the same."""

    class Fails(OutcomeCounts):
        def connectionAccepted(self) -> None:
            raise ValueError

        def connectionDecided(self, outcome: Outcome) -> None:
            raise ValueError

    good = OutcomeCounts()
    both = Recorders(Fails(), good)
    assert verifyObject(IOutcomeRecorder, both)
    both.connectionAccepted()
    both.connectionReturned()
    both.connectionDecided(Outcome.LOCAL)
    assert (good.accepted, good.returned, good.outcomes[Outcome.LOCAL]) == (1, 1, 1)
