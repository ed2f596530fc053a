"""netshare.service.workers.inflight: budgets of descriptors on their way to workers."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from netshare.addresses import parse_base_address
from netshare.control.lanes import LaneForm, pack_answer
from netshare.outcomes import Outcome
from netshare.service.front.turn import Turn
from netshare.service.quotas import Quotas
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.inflight import InFlight
from netshare.service.workers.route import WorkerRoute
from netshare.testing import AdoptingReactor, RecordedArrival


class Worker:
    """A worker with its route, whose lane shares the budgets of others."""

    def __init__(self, reactor: Any, inFlight: InFlight, uid: int) -> None:
        self.reactor = reactor
        address = parse_base_address("net.tcp://+/a")
        quotas = Quotas(dispatchTimeout=10)
        self.route = WorkerRoute(reactor, address, quotas)
        self.lane = FastLane(
            reactor,
            Turn(reactor),
            LaneForm.BATCHES,
            100,
            quotas,
            "worker",
            lambda held, data, peer: held.close(),
            [].append,
            inFlight=inFlight,
            uid=uid,
        )
        self.route.addLane(self.lane)
        self.end = socket.socket(fileno=socket.dup(self.lane.workersEnd()))
        self.arrivals: list[RecordedArrival] = []

    def arrive(self, count: int) -> list[RecordedArrival]:
        arrivals = [RecordedArrival() for _ in range(count)]
        self.arrivals += arrivals
        for arrival in arrivals:
            self.route.render(arrival)
        self.reactor.advance(0)
        return arrivals

    def answer(self, count: int) -> None:
        self.end.send(pack_answer(count, 0))
        for reader in self.reactor.getReaders():
            reader.doRead()
        self.reactor.advance(0)

    def finish(self) -> None:
        self.route.removeLane(self.lane)
        self.lane.stop()
        self.end.close()
        for arrival in self.arrivals:
            arrival.close()


@pytest.fixture
def three() -> Iterator[tuple[InFlight, Worker, Worker, Worker]]:
    """Two workers of one user and one of another; eight descriptors in all, four for a user."""
    reactor = AdoptingReactor()
    inFlight = InFlight(16)
    workers = [Worker(reactor, inFlight, uid) for uid in (1000, 1000, 2000)]
    yield (inFlight, *workers)  # type: ignore[misc]
    for worker in workers:
        worker.finish()
    reactor.advance(0)
    assert inFlight.all.used == 0
    assert reactor.getDelayedCalls() == []


def test_the_limit_is_the_kernels() -> None:
    """The budgets stay well below what the kernel carries for the service's user."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    inFlight = InFlight()
    assert (inFlight.all.most, inFlight.of(5).most) == (limit // 2, limit // 4)
    kept = inFlight.of(5)
    assert inFlight.of(5) is kept


def test_one_users_workers_share_a_budget(three: Any) -> None:
    """Those that read nothing use up their user's budget, and nobody else's."""
    inFlight, one, two, other = three
    one.arrive(3)
    assert (one.lane.outstanding, inFlight.of(1000).used) == (3, 3)
    two.arrive(3)
    assert (two.lane.outstanding, two.route.waiting, two.lane.stateFor(two.route.address)) == (
        1,
        2,
        "busy",
    )
    other.arrive(3)
    assert (other.lane.outstanding, other.route.waiting, inFlight.all.used) == (3, 0, 7)


def test_those_who_wait_are_told(three: Any) -> None:
    """When a worker answers, another one of the same budget gets what waits for it."""
    _, one, two, _ = three
    one.arrive(4)
    (arrival,) = two.arrive(1)
    assert (two.lane.outstanding, two.route.waiting) == (0, 1)
    one.answer(2)
    assert (two.lane.outstanding, two.route.waiting) == (1, 0)
    two.answer(1)
    assert arrival.outcome is Outcome.HANDED_OVER


def test_the_budget_of_all(three: Any) -> None:
    """All users together have one, too."""
    inFlight, one, _, other = three
    one.arrive(4)
    other.arrive(4)
    assert inFlight.all.used == 8
    third = Worker(one.reactor, inFlight, 3000)
    third.arrive(1)
    assert (third.lane.outstanding, third.route.waiting) == (0, 1)
    other.answer(1)
    assert (third.lane.outstanding, third.route.waiting) == (1, 0)
    third.finish()


def test_a_link_that_is_lost_gives_its_part_back(three: Any) -> None:
    """What was on its way to a worker that is gone counts no more."""
    inFlight, one, two, _ = three
    one.arrive(4)
    two.arrive(1)
    one.route.removeLane(one.lane)
    one.lane.stop()
    assert (inFlight.of(1000).used, two.lane.outstanding) == (1, 1)
    one.route.addLane(one.lane)
