"""netshare.service.workers.fastlane: a worker that reads, stops reading, or talks nonsense."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.addresses import parse_base_address
from netshare.control.lanes import LaneForm, pack_answer, pack_batch, receive, send, unpack_batch
from netshare.interfaces import IWorkerLane
from netshare.service.front.turn import Turn
from netshare.service.outcomes import Outcome
from netshare.service.quotas import Quotas
from netshare.service.workers import fastlane
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.held import HeldSocket
from netshare.testing import AdoptingReactor, RecordedArrival

ADDRESS = parse_base_address("net.tcp://+/a")
LARGE = b"x" * 60_000


class Setting:
    """A route with one fast lane, and the worker's end of it."""

    def __init__(self, form: LaneForm) -> None:
        self.reactor = AdoptingReactor()
        quotas = Quotas(dispatchTimeout=10)
        self.route = WorkerRoute(self.reactor, ADDRESS, quotas)
        self.broken: list[str] = []
        self.lane = FastLane(
            self.reactor,
            Turn(self.reactor),
            form,
            100,
            quotas,
            "worker 7",
            lambda held, data, peer: held.close(),
            self.broken.append,
        )
        self.lane.freed.append(self.route.pump)
        self.route.addLane(self.lane)
        self.worker = socket.socket(fileno=os.dup(self.lane.workersEnd()))
        self.arrivals: list[RecordedArrival] = []

    def arrive(self, data: bytes = b"preamble") -> RecordedArrival:
        arrival = RecordedArrival("net.tcp://localhost/a", data)
        self.arrivals.append(arrival)
        self.route.render(arrival)
        self.reactor.advance(0)
        return arrival

    def read(self) -> int:
        """Read all that is there, as a worker; how many connections that was."""
        count = 0
        while (message := receive(self.worker)) is not None:
            payload, descriptors = message
            for descriptor in descriptors:
                os.close(descriptor)
            if self.lane._form is LaneForm.BATCHES:
                assert len(unpack_batch(payload, len(descriptors))) == len(descriptors)
            count += len(descriptors)
        return count

    def turn(self) -> None:
        """What a reactor does."""
        for writer in self.reactor.getWriters():
            writer.doWrite()
        for reader in self.reactor.getReaders():
            reader.doRead()
        self.reactor.advance(0)

    def finish(self) -> None:
        self.route.removeLane(self.lane)
        self.lane.stop()
        self.worker.close()
        for arrival in self.arrivals:
            arrival.close()
        assert (self.reactor.getReaders(), self.reactor.getWriters()) == ([], [])
        assert self.reactor.getDelayedCalls() == []


@pytest.fixture(params=LaneForm)
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    """A lane of either form, of which nothing is left at the end."""
    one = Setting(request.param)
    yield one
    one.finish()


def test_the_interface(setting: Setting) -> None:
    """It is a lane like any other."""
    verifyObject(IWorkerLane, setting.lane)


def test_handed_over(setting: Setting) -> None:
    """Our copy is closed as soon as it is sent; the worker's count is what decides."""
    first, second = setting.arrive(), setting.arrive()
    assert first.held.closed
    assert setting.read() == 2
    assert setting.lane.outstanding == 2
    setting.worker.send(pack_answer(1, 1))
    setting.turn()
    assert (first.outcome, second.outcome) == (Outcome.HANDED_OVER, Outcome.CLIENT_GONE)
    assert setting.lane.outstanding == 0


def test_a_worker_that_stops_reading(setting: Setting) -> None:
    """What it was sent is given up; what still waits for room is refused and told so."""
    while not setting.reactor.getWriters():
        setting.arrive(LARGE)
    sent, waiting = setting.arrivals[:-1], [setting.arrivals[-1], setting.arrive(LARGE)]
    assert len(sent) >= 1
    assert not any(arrival.held.closed for arrival in waiting)
    setting.reactor.advance(10.1)
    assert [one.outcome for one in sent] == [Outcome.DISPATCH_TIMEOUT] * len(sent)
    assert [one.outcome for one in waiting] == [Outcome.SERVER_TOO_BUSY] * 2
    assert [one.ending for one in waiting] == ["refused"] * 2
    assert (setting.lane.state, setting.lane.outstanding) == ("stuck", len(sent))


def test_a_worker_that_reads_again(setting: Setting) -> None:
    """It gets only what it was sent, answers for it late, and is given connections again."""
    while not setting.reactor.getWriters():
        setting.arrive(LARGE)
    sent = len(setting.arrivals) - 1
    setting.reactor.advance(10.1)
    assert setting.read() == sent
    setting.turn()
    assert setting.read() == 0
    setting.worker.send(pack_answer(sent, 0))
    setting.turn()
    assert (setting.lane.state, setting.lane.outstanding) == ("ready", 0)
    arrival = setting.arrive()
    assert setting.read() == 1
    setting.worker.send(pack_answer(1, 0))
    setting.turn()
    assert arrival.outcome is Outcome.HANDED_OVER


def test_a_worker_that_reads_again_and_has_nothing_to_answer_for(setting: Setting) -> None:
    """It is given connections again, too: only addresses had filled its lane."""
    other = parse_base_address("net.tcp://+/b")
    while not setting.reactor.getWriters():
        setting.lane.routesChanged(ADDRESS)
        setting.lane.routesChanged(other)
    assert setting.arrive().outcome is None
    setting.reactor.advance(10.1)
    assert setting.arrivals[0].outcome is Outcome.SERVER_TOO_BUSY
    assert (setting.lane.state, setting.lane.outstanding) == ("stuck", 0)
    while receive(setting.worker) is not None:
        pass
    setting.turn()
    assert setting.lane.state == "ready"


def test_a_new_deadline_for_each(setting: Setting) -> None:
    """A connection that came later has its whole time."""
    first = setting.arrive()
    setting.reactor.advance(6)
    second = setting.arrive()
    setting.reactor.advance(6)
    assert (first.outcome, second.outcome) == (Outcome.DISPATCH_TIMEOUT, None)
    setting.reactor.advance(4.1)
    assert second.outcome is Outcome.DISPATCH_TIMEOUT


def test_a_lane_that_breaks(setting: Setting) -> None:
    """It is told once, however much is still given to it; that goes to another worker."""
    setting.read()
    setting.lane._theirs.close()
    setting.worker.close()
    arrival, late = setting.arrive(), setting.arrive()
    assert len(setting.broken) == 1
    setting.route.removeLane(setting.lane)
    setting.lane.stop()
    assert {arrival.outcome, late.outcome} <= {
        Outcome.ENDPOINT_UNAVAILABLE,
        Outcome.WORKER_LOST,
    }
    assert late.outcome is Outcome.ENDPOINT_UNAVAILABLE
    setting.route.addLane(setting.lane)


@pytest.mark.parametrize("answer", [b"", b"x", pack_answer(1, 0), b"\xff" * 8])
def test_nonsense(setting: Setting, answer: bytes) -> None:
    """An answer that makes no sense breaks the lane, and so the link."""
    if answer:
        setting.worker.send(answer)
    else:
        setting.lane._theirs.close()
        setting.worker.close()
    setting.turn()
    assert len(setting.broken) == 1
    setting.turn()
    assert len(setting.broken) == 1


def test_answered_before_the_end(setting: Setting) -> None:
    """What a worker said before its link went counts, though nobody had read it yet."""
    first, second = setting.arrive(), setting.arrive()
    assert setting.read() == 2
    setting.worker.send(pack_answer(1, 0))
    setting.lane.stop()
    assert (first.outcome, second.outcome) == (Outcome.HANDED_OVER, Outcome.WORKER_LOST)
    assert setting.lane.outstanding == 0


def test_nonsense_before_the_end(setting: Setting) -> None:
    """It breaks nothing any more."""
    arrival = setting.arrive()
    setting.worker.send(b"nonsense!")
    setting.lane.stop()
    assert (arrival.outcome, setting.broken) == (Outcome.WORKER_LOST, [])


def test_given_back_before_the_end() -> None:
    """What a worker gave back before it ended goes on to another; a bug loses no more than one."""
    taken: list[HeldSocket] = []

    def take(held: HeldSocket, data: bytes, peer: str) -> None:
        taken.append(held)
        if len(taken) == 2:
            raise ValueError("a bug")

    setting = Setting(LaneForm.BATCHES)
    setting.lane._takeBack = take
    setting.arrive()
    setting.read()
    number = setting.worker.fileno()
    assert send(setting.worker, pack_batch([b"x"] * 3, [""] * 3), [number] * 3)
    setting.worker.send(pack_answer(1, 0))
    setting.lane.stop()
    assert [held.closed for held in taken] == [False, True, False]
    assert setting.arrivals[0].outcome is Outcome.HANDED_OVER
    for held in taken:
        held.close()
    setting.finish()


def test_a_lane_that_the_reactor_gives_up(setting: Setting) -> None:
    """Its link goes, too: else connections would go where nobody answers."""
    setting.lane._pipe.connectionLost(Failure(ValueError("a bug")))
    assert setting.broken == ["its lane failed: a bug"]
    assert setting.lane._pipe.fileno() == -1


def test_a_lane_that_fails_at_the_end_of_a_turn(setting: Setting) -> None:
    """It is broken, and other lanes are flushed all the same."""
    other = Setting(setting.lane._form)
    other.lane._turn = setting.lane._turn

    def fail() -> None:
        raise ValueError("a bug")

    setting.lane.flush = fail  # type: ignore[method-assign]
    with setting.lane._turn:
        for one in (setting, other):
            arrival = RecordedArrival("net.tcp://localhost/a")
            one.arrivals.append(arrival)
            one.route.render(arrival)
    assert setting.broken == ["its lane failed: a bug"]
    assert other.read() == 1
    other.finish()


def test_a_turn_goes_on_after_a_failure() -> None:
    """Whatever fails at its end keeps nothing else from being done."""
    done: list[str] = []
    turn = Turn(None)
    with turn:
        turn.atEnd(lambda: done.append("first"))
        turn.atEnd(lambda: [][0])
        turn.atEnd(lambda: done.append("last"))
    assert done == ["first", "last"]


def test_many_changes_of_routes(setting: Setting) -> None:
    """For a worker that does not read they are not collected without end."""
    while setting.lane._pipe not in setting.reactor.getWriters():
        setting.lane.routesChanged(ADDRESS)
    for _ in range(1000):
        setting.lane.routesChanged(ADDRESS)
    assert len(setting.lane._queued) == 1


@pytest.mark.parametrize("number", [errno.ETOOMANYREFS, errno.ENOMEM])
def test_a_system_that_carries_no_more(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """That costs connections and no worker: others that do not read may be the reason."""

    def refuse(*_: Any) -> bool:
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(fastlane, "send", refuse)
        first = setting.arrive()
    second = setting.arrive()
    assert (first.ending, first.outcome) == ("refused", Outcome.SERVER_TOO_BUSY)
    assert (setting.broken, setting.lane.outstanding) == ([], 1)
    assert setting.read() == 1
    setting.worker.send(pack_answer(1, 0))
    setting.turn()
    assert second.outcome is Outcome.HANDED_OVER
