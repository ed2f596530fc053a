"""What routes report, noted."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netshare.framing.records import preamble
from netshare.interfaces import IArrival, IOutcomeRecorder
from netshare.outcomes import Outcome
from netshare.testing import RecordedArrival, RecordingOutcomes


def test_an_arrival_has_one_ending() -> None:
    """What becomes of an arrival is noted, its socket closed, and a second outcome is an error."""
    arrival = RecordedArrival("net.tcp://localhost/x")
    verifyObject(IArrival, arrival)
    assert arrival.readData == preamble("net.tcp://localhost/x")
    assert arrival.ending is None
    arrival.take(Outcome.HANDED_OVER, "to one", keeps=1)
    assert (arrival.ending, arrival.outcome, arrival.keeps) == ("taken", Outcome.HANDED_OVER, 1)
    assert arrival.client.recv(1) == b""
    with pytest.raises(AssertionError, match="a second outcome"):
        arrival.refuse(Outcome.SERVER_TOO_BUSY, "no")
    arrival.close()


def test_outcomes_in_order() -> None:
    """Outcomes are kept, and what has none is counted."""
    outcomes = RecordingOutcomes()
    verifyObject(IOutcomeRecorder, outcomes)
    outcomes.connectionAccepted()
    outcomes.connectionReturned()
    outcomes.connectionDecided(Outcome.LOCAL)
    assert (outcomes.outcomes, outcomes.undecided) == ([Outcome.LOCAL], 1)
