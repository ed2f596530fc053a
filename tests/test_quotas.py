"""netshare.service.quotas: limits that pause the ports, and deadlines for many."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netshare.interfaces import IOutcomeRecorder
from netshare.service.outcomes import Outcome, OutcomeCounts
from netshare.service.quotas import Admission, Deadlines, Quotas, descriptor_limit


class Port:
    """A listening port that notes what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pauseProducing(self) -> None:
        self.said.append("pause")

    def resumeProducing(self) -> None:
        self.said.append("resume")


def test_pending_connections_pause_the_ports() -> None:
    """At the limit of undecided connections no port accepts, and below it all do again."""
    admission = Admission(Quotas(maxPendingConnections=2), 100)
    early, late = Port(), Port()
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
    admission, port = Admission(Quotas(maxPendingBytes=100), 100), Port()
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
    admission, port = Admission(Quotas(), 3), Port()
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


class Expiring:
    """Notes when its time was up."""

    def __init__(self, clock: Clock, then: object = None) -> None:
        self.clock = clock
        self.then = then
        self.at: float | None = None

    def timedOut(self) -> None:
        self.at = self.clock.seconds()
        if callable(self.then):
            self.then()


def test_deadlines() -> None:
    """Each gets the same time, counted from when it was added, with one delayed call for all."""
    clock = Clock()
    deadlines = Deadlines(clock, 10)
    ones = []
    for _ in range(3):
        ones.append(Expiring(clock))
        deadlines.add(ones[-1])
        assert len(clock.getDelayedCalls()) == 1
        clock.advance(1)
    deadlines.discard(ones[1])
    clock.pump([1] * 20)
    assert [one.at for one in ones] == [10, None, 12]
    assert clock.getDelayedCalls() == []


def test_deadlines_need_no_call_for_nobody() -> None:
    """When the last one made it, or all are cancelled, no delayed call is left."""
    clock = Clock()
    deadlines = Deadlines(clock, 10)
    one, other = Expiring(clock), Expiring(clock)
    deadlines.add(one)
    deadlines.discard(one)
    deadlines.discard(one)
    assert clock.getDelayedCalls() == []
    deadlines.add(one)
    deadlines.add(other)
    deadlines.cancel()
    deadlines.cancel()
    assert clock.getDelayedCalls() == []
    clock.advance(100)
    assert (one.at, other.at) == (None, None)


def test_no_timeout() -> None:
    """None never expires anything."""
    clock = Clock()
    Deadlines(clock, None).add(Expiring(clock))
    assert clock.getDelayedCalls() == []


def test_one_that_adds_another_when_its_time_is_up() -> None:
    """Whoever is added meanwhile has its own time, and nobody's is put off by it."""
    clock = Clock()
    deadlines = Deadlines(clock, 10)
    third = Expiring(clock)
    first = Expiring(clock, lambda: deadlines.add(third))
    second = Expiring(clock)
    deadlines.add(first)
    clock.advance(4)
    deadlines.add(second)
    clock.pump([1] * 30)
    assert (first.at, second.at, third.at) == (10, 14, 20)
    assert clock.getDelayedCalls() == []


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
