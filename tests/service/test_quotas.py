"""netshare.service.quotas: limits that pause the ports."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netshare.interfaces import IOutcomeRecorder
from netshare.outcomes import Outcome
from netshare.service.quotas import Admission, Quotas, descriptor_limit
from netshare.service.recorders import OutcomeCounts
from tests.helpers.ports import PausablePort


def test_ports_pause_together() -> None:
    """While there is a reason no port accepts, also not one that is added; then all do again."""
    admission = Admission(Quotas(), 100)
    early, late = PausablePort(), PausablePort()
    admission.addPort(early)
    admission.pause("one")
    admission.pause("another")
    assert (early.said, admission.paused) == (["pause"], True)
    admission.addPort(late)
    assert late.said == ["pause"]
    admission.resume("one")
    assert early.said == ["pause"]
    admission.resume("another")
    assert (early.said, late.said) == (["pause", "resume"],) * 2
    admission.removePort(early)
    admission.removePort(early)
    admission.pause("one")
    assert (early.said[2:], late.said[2:]) == ([], ["pause"])


@pytest.mark.parametrize(("limit", "descriptors", "most"), [(3, 100, 3), (100, 10, 5), (100, 1, 1)])
def test_a_crowd(limit: int, descriptors: int, most: int) -> None:
    """So many may be undecided, and never more than half of the descriptors."""
    admission = Admission(Quotas(maxPendingConnections=limit), descriptors)
    for _ in range(most):
        assert not admission.crowded
        admission.enter()
    assert admission.crowded
    admission.decided(0)
    assert not admission.crowded


def test_pending_bytes_pause_the_ports() -> None:
    """What undecided connections have sent together is bounded."""
    admission, port = Admission(Quotas(maxPendingBytes=100), 100), PausablePort()
    admission.addPort(port)
    admission.enter()
    admission.received(99)
    assert port.said == []
    admission.received(1)
    assert port.said == ["pause"]
    admission.decided(100)
    assert port.said == ["pause", "resume"]
    assert (admission.pending, admission.pendingBytes, admission.descriptors) == (0, 0, 1)


def test_descriptors_pause_the_ports() -> None:
    """Descriptors count from the accepting until they are closed, decided or not."""
    admission, port = Admission(Quotas(), 3), PausablePort()
    admission.addPort(port)
    admission.enter()
    admission.decided(0)
    admission.hold(2)
    assert port.said == ["pause"]
    admission.release()
    assert port.said == ["pause", "resume"]
    admission.release(2)
    assert admission.descriptors == 0


def test_the_descriptor_limit_leaves_some_to_spare() -> None:
    """The limit is below what the system allows, and never so low that nothing works."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 16 <= descriptor_limit() <= max(16, soft - 64)
    assert Admission(Quotas()).descriptorLimit >= 16


@pytest.mark.parametrize("outcome", list(Outcome))
def test_outcome_words(outcome: Outcome) -> None:
    """Each outcome is one lower-case word of its own, and three of them are a success."""
    assert outcome.value == outcome.name.lower().replace("_", "-")
    assert outcome.served == (outcome.value in ("handed-over", "local", "relayed"))


def test_counts() -> None:
    """The plain counters count."""
    counts = OutcomeCounts()
    verifyObject(IOutcomeRecorder, counts)
    counts.connectionAccepted()
    counts.connectionReturned()
    counts.connectionDecided(Outcome.LOCAL)
    assert (counts.accepted, counts.returned, dict(counts.outcomes)) == (1, 1, {Outcome.LOCAL: 1})
