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
from netshare.control.lanes import (
    BUSY,
    LaneForm,
    pack_answer,
    pack_batch,
    receive,
    send,
    split_addressed,
    unpack_batch,
)
from netshare.interfaces import IWorkerLane
from netshare.outcomes import Outcome
from netshare.service.front.turn import Turn
from netshare.service.quotas import Quotas
from netshare.service.workers import fastlane
from netshare.service.workers.fastlane import WATCH, FastLane
from netshare.service.workers.lanes import BUSY_PAUSE
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.held import HeldSocket
from netshare.testing import AdoptingReactor, RecordedArrival

ADDRESS = parse_base_address("net.tcp://+/a")
OTHER = parse_base_address("net.tcp://+/b")
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
        self.route.addLane(self.lane)
        self.worker = socket.socket(fileno=os.dup(self.lane.workersEnd()))
        self.arrivals: list[RecordedArrival] = []
        #: What the messages that were read were for.
        self.addresses: list[str] = []

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
            if descriptors and self.lane._form is LaneForm.ADDRESSED:
                address, payload = split_addressed(payload)
                self.addresses.append(address)
            if descriptors and self.lane._form is not LaneForm.RECORDS:
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
    """A lane of each form, of which nothing is left at the end."""
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
    """What it has not read is taken out of its lane again, and refused and told so."""
    while not setting.reactor.getWriters():
        setting.arrive(LARGE)
    sent, waiting = setting.arrivals[:-1], [setting.arrivals[-1], setting.arrive(LARGE)]
    assert len(sent) >= 1
    assert all(arrival.held.closed for arrival in sent)
    assert not any(arrival.held.closed for arrival in waiting)
    setting.reactor.advance(10.1)
    for one in (*sent, *waiting):
        assert (one.ending, one.outcome) == ("refused", Outcome.SERVER_TOO_BUSY)
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding) == ("stuck", 0)
    assert setting.arrive().outcome is Outcome.SERVER_TOO_BUSY
    assert setting.read() == 0
    setting.turn()
    setting.reactor.advance(WATCH)
    assert setting.lane.stateFor(ADDRESS) == "ready"


def test_a_worker_that_stops_while_another_reads(setting: Setting) -> None:
    """The other one gets what the first has not read: no client notices."""
    other = Setting(setting.lane._form)
    setting.route.addLane(other.lane)
    setting.reactor.advance(0)
    sent = [setting.arrive(b"%d" % number) for number in range(6)]
    other.turn()
    count = other.read()
    assert count == 3
    setting.reactor.advance(10.1)
    other.turn()
    assert other.read() == 3
    other.worker.send(pack_answer(6, 0))
    other.turn()
    assert [one.outcome for one in sent] == [Outcome.HANDED_OVER] * 6
    setting.route.removeLane(other.lane)
    other.route.addLane(other.lane)
    other.finish()


def test_a_worker_that_dies(setting: Setting) -> None:
    """What it has not read is another's, or refused; what it has read may be in its hands."""
    read = setting.arrive()
    assert setting.read() == 1
    unread = [setting.arrive(), setting.arrive()]
    setting.route.removeLane(setting.lane)
    setting.lane.stop()
    setting.route.addLane(setting.lane)
    assert (read.ending, read.outcome) == ("taken", Outcome.WORKER_LOST)
    for one in unread:
        assert (one.ending, one.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)


def test_a_busy_worker(setting: Setting) -> None:
    """What it says that it is too busy for is kept, and given to it again a moment later."""
    first, second, third = setting.arrive(), setting.arrive(), setting.arrive()
    taken = list(iter(lambda: receive(setting.worker), None))
    numbers = [number for _, descriptors in taken for number in descriptors]
    setting.worker.send(pack_answer(1, 0))
    for number in numbers[1:]:
        setting.worker.send(BUSY)
        batch = pack_batch([first.readData], [""])
        payload = first.readData if setting.lane._form is LaneForm.RECORDS else batch
        assert send(setting.worker, payload, [number])
    for number in numbers:
        os.close(number)
    for _ in range(5):
        setting.turn()
    assert (first.outcome, setting.lane.outstanding) == (Outcome.HANDED_OVER, 0)
    assert (second.ending, third.ending, setting.route.waiting) == (None, None, 2)
    assert not second.held.closed
    assert setting.lane.stateFor(ADDRESS) == "busy"
    setting.reactor.advance(BUSY_PAUSE)
    setting.reactor.advance(0)
    assert (setting.read(), setting.lane.outstanding) == (1, 1)
    setting.worker.send(pack_answer(1, 0))
    setting.turn()
    assert second.outcome is Outcome.HANDED_OVER
    setting.turn()
    assert setting.read() == 1
    setting.worker.send(pack_answer(1, 0))
    setting.turn()
    assert third.outcome is Outcome.HANDED_OVER


def test_a_worker_that_is_too_busy_for_nothing(setting: Setting) -> None:
    """It cannot refuse more than it was given."""
    near, far = socket.socketpair()
    setting.worker.send(BUSY)
    batch = pack_batch([b"x"], [""])
    payload = b"x" if setting.lane._form is LaneForm.RECORDS else batch
    assert send(setting.worker, payload, [near.fileno()])
    near.close()
    setting.turn()
    setting.turn()
    assert len(setting.broken) == 1
    assert far.recv(1) == b""
    far.close()


def test_a_worker_that_reads_again(setting: Setting) -> None:
    """It answers late for what it had read, and is given connections again."""
    read = [setting.arrive(), setting.arrive()]
    assert setting.read() == 2
    unread = setting.arrive()
    setting.reactor.advance(10.1)
    assert [one.outcome for one in read] == [Outcome.DISPATCH_TIMEOUT] * 2
    assert unread.outcome is Outcome.SERVER_TOO_BUSY
    assert setting.read() == 0
    setting.reactor.advance(1)
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding) == ("stuck", 2)
    setting.worker.send(pack_answer(2, 0))
    setting.turn()
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding) == ("ready", 0)
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
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding) == ("stuck", 0)
    while receive(setting.worker) is not None:
        setting.turn()
    setting.reactor.advance(WATCH)
    assert setting.lane.stateFor(ADDRESS) == "ready"


def test_a_new_deadline_for_each(setting: Setting) -> None:
    """A connection that came later, and was read, has its whole time."""
    first = setting.arrive()
    setting.reactor.advance(6)
    second = setting.arrive()
    assert setting.read() == 2
    setting.reactor.advance(6)
    assert (first.outcome, second.outcome) == (Outcome.DISPATCH_TIMEOUT, None)
    setting.reactor.advance(4.1)
    assert second.outcome is Outcome.DISPATCH_TIMEOUT


def test_a_lane_that_breaks(setting: Setting) -> None:
    """It is told once, however much is still given to it; that goes to another worker."""
    setting.read()
    setting.lane._unread.close()
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
        setting.lane._unread.close()
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
    setting.read()
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
    """Then connections wait a moment: others that do not read may be the reason."""

    def refuse(*_: Any) -> bool:
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(fastlane, "send", refuse)
        first = setting.arrive()
    second = setting.arrive()
    assert (first.ending, second.ending, setting.lane.stateFor(ADDRESS)) == (None, None, "busy")
    assert (setting.broken, setting.lane.outstanding) == ([], 0)
    for arrival in (first, second):
        setting.reactor.advance(BUSY_PAUSE)
        setting.turn()
        assert setting.read() == 1
        setting.worker.send(pack_answer(1, 0))
        setting.turn()
        assert arrival.outcome is Outcome.HANDED_OVER


class Two:
    """A worker with two addresses on one lane."""

    def __init__(self) -> None:
        self.setting = Setting(LaneForm.ADDRESSED)
        self.other = WorkerRoute(self.setting.reactor, OTHER, Quotas(dispatchTimeout=10))
        self.other.addLane(self.setting.lane)

    def arrive(self, route: WorkerRoute) -> RecordedArrival:
        arrival = RecordedArrival("net.tcp://localhost/", b"preamble")
        self.setting.arrivals.append(arrival)
        route.render(arrival)
        return arrival

    def answer(self, *messages: bytes | tuple[bytes, list[int]]) -> None:
        for message in messages:
            if isinstance(message, bytes):
                self.setting.worker.send(message)
            else:
                assert send(self.setting.worker, *message)
        for _ in range(5):
            self.setting.turn()


@pytest.fixture
def two() -> Iterator[Two]:
    """Two addresses, of which nothing is left at the end."""
    one = Two()
    yield one
    one.other.removeLane(one.setting.lane)
    one.other.stop("the test is over")
    one.setting.finish()
    assert one.setting.lane.freed == []


def test_which_address_it_is_for(two: Two) -> None:
    """A message carries connections of one address, and says of which."""
    setting = two.setting
    for route in (setting.route, setting.route, two.other, setting.route):
        two.arrive(route)
    setting.reactor.advance(0)
    assert setting.read() == 4
    assert setting.addresses == ["net.tcp://+/a", "net.tcp://+/b", "net.tcp://+/a"]


def test_what_one_address_is_too_busy_for(two: Two) -> None:
    """Its connections wait; those for the worker's other addresses come as ever."""
    setting = two.setting
    refused, other = two.arrive(setting.route), two.arrive(two.other)
    setting.reactor.advance(0)
    numbers = [n for _, found in iter(lambda: receive(setting.worker), None) for n in found]
    two.answer(BUSY, (pack_batch([b"preamble"], [""]), numbers[:1]), pack_answer(1, 0))
    assert (refused.outcome, other.outcome) == (None, Outcome.HANDED_OVER)
    assert [setting.lane.stateFor(one) for one in (ADDRESS, OTHER)] == ["busy", "ready"]
    two.arrive(setting.route)
    two.arrive(two.other)
    setting.reactor.advance(0)
    assert (setting.read(), setting.addresses) == (1, ["net.tcp://+/b"])
    two.answer(pack_answer(1, 0))
    setting.reactor.advance(BUSY_PAUSE)
    setting.reactor.advance(0)
    assert (setting.read(), setting.addresses[1:]) == (1, ["net.tcp://+/a"])
    two.answer(pack_answer(1, 0))
    assert refused.outcome is Outcome.HANDED_OVER
    for number in numbers:
        os.close(number)


def test_addresses_take_turns() -> None:
    """When a lane is full what waits for one of its addresses does not keep out the others."""
    two = Two()
    lane, routes = two.setting.lane, (two.setting.route, two.other)
    waiting = {route: [two.arrive(route) for _ in range(300)] for route in routes}
    for _ in range(3):
        two.setting.reactor.advance(0)
        two.answer(pack_answer(two.setting.read(), 0))
    served = [sum(a.outcome is not None for a in waiting[route]) for route in routes]
    assert served == [200, 100]
    for route in routes:
        route.removeLane(lane)
    lane.stop()
    two.setting.worker.close()
    for arrival in two.setting.arrivals:
        arrival.close()


def test_changes_for_a_worker_that_reads_nothing(setting: Setting) -> None:
    """However often routes change, each address is told once, behind what was sent before."""
    others = [parse_base_address(f"net.tcp://+/other{number}") for number in range(3)]
    for number in range(2000):
        setting.lane.routesChanged(others[number % 3])
    waiting = len(setting.lane._queued) + len(setting.lane._changed)
    assert waiting <= 4
    told: list[bytes] = []
    while (message := receive(setting.worker)) is not None:
        told.append(message[0])
        setting.turn()
    assert set(told[-3:]) == {str(other).encode() for other in others}
    assert not setting.lane._changed
