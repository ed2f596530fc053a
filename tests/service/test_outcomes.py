"""One word for each way in which a connection can end, and who counts them."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from netshare.interfaces import IOutcomeRecorder
from netshare.service.outcomes import Outcome, OutcomeCounts, Recorders


def test_words_are_unique() -> None:
    """Each outcome has a word of its own that fits a log and a name of a metric."""
    words = [outcome.value for outcome in Outcome]
    assert len(set(words)) == len(words)
    assert all(word == word.lower() and " " not in word for word in words)


def test_served() -> None:
    """Three outcomes mean that the connection reached a server."""
    assert {outcome.value for outcome in Outcome if outcome.served} == {
        "handed-over",
        "local",
        "relayed",
    }


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
    both: Any = Recorders(Fails(), good)
    assert verifyObject(IOutcomeRecorder, both)
    both.connectionAccepted()
    both.connectionReturned()
    both.connectionDecided(Outcome.LOCAL)
    assert (good.accepted, good.returned, good.outcomes[Outcome.LOCAL]) == (1, 1, 1)
