"""netshare.service.quotas: limits that pause the ports."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netshare.interfaces import IOutcomeRecorder
from netshare.service.outcomes import Outcome, OutcomeCounts
from netshare.service.quotas import Admission, Quotas, descriptor_limit
from tests.helpers.ports import PausablePort


def test_pending_connections_pause_the_ports() -> None:
    """At the limit of undecided connections no port accepts, and below it all do again."""
    admission = Admission(Quotas(maxPendingConnections=2), 100)
    early, late = PausablePort(), PausablePort()
    admission.addPort(early)
    assert admission.enter("a")
    assert early.said == []
    assert admission.enter("b")
    assert (early.said, admission.paused, admission.pauses) == (["pause"], True, 1)
    admission.addPort(late)
    assert late.said == ["pause"]
    admission.enter("c")  # accepted in the same go
    admission.decided("a", 0)
    assert early.said == ["pause"]
    admission.decided("b", 0)
    assert (early.said, late.said) == (["pause", "resume"],) * 2
    admission.removePort(early)
    admission.removePort(early)
    admission.enter("d")
    assert (early.said[2:], late.said[2:]) == ([], ["pause"])


def test_pending_bytes_pause_the_ports() -> None:
    """What undecided connections have sent together is bounded."""
    admission, port = Admission(Quotas(maxPendingBytes=100), 100), PausablePort()
    admission.addPort(port)
    admission.enter("a")
    admission.received(99)
    assert port.said == []
    admission.received(1)
    assert port.said == ["pause"]
    admission.decided("a", 100)
    assert port.said == ["pause", "resume"]
    assert (admission.pending, admission.pendingBytes, admission.descriptors) == (0, 0, 1)


def test_descriptors_pause_the_ports() -> None:
    """Descriptors count from the accepting until they are closed, decided or not."""
    admission, port = Admission(Quotas(), 3), PausablePort()
    admission.addPort(port)
    admission.enter("a")
    admission.decided("a", 0)
    admission.hold(2)
    assert port.said == ["pause"]
    admission.release()
    assert port.said == ["pause", "resume"]
    admission.release(2)
    assert admission.descriptors == 0


def test_per_peer() -> None:
    """One client may have so many undecided connections; others are not counted with it."""
    admission = Admission(Quotas(maxPendingPerPeer=2), 100)
    assert [admission.enter("a") for _ in range(3)] == [True, True, False]
    assert admission.enter("b")
    for peer in ("a", "a", "b"):
        admission.decided(peer, 0)
    assert [admission.enter("a") for _ in range(2)] == [True, False]
    for _ in range(3):
        admission.decided("a", 0)
    assert not admission._byPeer


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
