"""A worker that goes from one service to the next."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.addresses import parse_base_address
from netshare.service.activation.failures import Failures
from netshare.service.activation.generation import Phase
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import DRAIN_FOR, FIRST_DELAY, KILL_AFTER, START_WITHIN
from netshare.service.activation.worker import Worker
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.service.shared import SharedPort
from netshare.service.takeover.messages import RecordReader, encode
from netshare.sockets.held import NotPassable
from netshare.testing import AdoptingReactor
from tests.helpers.processes import FakeProcess, FakeSpawner

ADDRESS = parse_base_address("net.tcp://+/one")


class Service:
    """A worker, in a service whose clock is its own."""

    def __init__(self, seconds: float) -> None:
        self.reactor: Any = AdoptingReactor()
        self.reactor.advance(seconds)
        self.spawner = FakeSpawner()
        registry = SharedPort(self.reactor).registry
        registry.supervise(ADDRESS)
        failures = Failures(self.reactor)
        self.worker = Worker(self.reactor, registry, ADDRESS, "one", self.spawner.spawn, failures)
        self.adopted: list[FakeProcess] = []

    def adopt(self, watcher: Any) -> FakeProcess:
        self.adopted.append(FakeProcess(100 + len(self.adopted), watcher))
        return self.adopted[-1]

    def take_over(self, old: Service) -> list[ChildRecord]:
        """Go on with the worker of another service, which is told so."""
        record, *children = [passed(one) for one in old.worker.handed_over(1, "print")]
        assert isinstance(record, WorkerRecord)
        found = [one for one in children if isinstance(one, ChildRecord)]
        self.worker.resume(record, [(one, self.adopt) for one in found])
        had = old.worker.pids
        old.worker.letGo()
        started = len(old.spawner.processes)
        old.reactor.advance(1000)
        assert len(old.spawner.processes) == started
        processes = [*old.spawner.processes, *old.adopted]
        assert all(one.signals[-1] == "let go" for one in processes if one.pid in had)
        return found


def passed(handed: Handed) -> Any:
    """What a record is on the other side."""
    reader = RecordReader()
    (found,) = [reader.feed(one.payload, ()) for one in encode(handed)]
    assert found is not None
    return found.record


@pytest.fixture
def services() -> tuple[Service, Service]:
    return Service(1000.0), Service(5.0)


def test_one_that_serves(services: tuple[Service, Service]) -> None:
    """Its process is as old as it was, and when it ends another one follows."""
    old, new = services
    old.worker.start()
    old.reactor.advance(3)
    old.spawner.last.register()
    old.reactor.advance(20)
    (child,) = new.take_over(old)
    assert (child.pid, child.streams, child.output) == (1, (2,), b"half")
    worker = new.worker
    assert (worker.state, worker.pids) == (State.SERVING, [100])
    assert worker.current is not None
    assert (worker.current.age, worker.current.number) == (23, 1)
    assert worker.current.readyAt == new.reactor.seconds() - 20
    assert worker.watcherOf(100) is worker.current
    assert worker.watcherOf(1) is None
    worker.start()
    assert new.spawner.processes == []
    new.adopted[0].register()
    new.adopted[0].end()
    new.reactor.advance(FIRST_DELAY)
    assert (worker.state, worker.pids) == (State.STARTING, [1])
    assert worker.current.number == 2
    assert old.spawner.last.signals == ["let go"]


def test_one_that_starts(services: tuple[Service, Service]) -> None:
    """It has the rest of its time."""
    old, new = services
    old.worker.start()
    old.reactor.advance(START_WITHIN - 1)
    new.take_over(old)
    assert new.worker.state is State.STARTING
    new.reactor.advance(0.9)
    assert new.adopted[0].signals == []
    new.reactor.advance(0.2)
    assert new.adopted[0].signals == ["KILL"]


def test_one_that_is_recycled(services: tuple[Service, Service]) -> None:
    """The old process serves until the new one does, and is drained then."""
    old, new = services
    old.worker.start()
    old.spawner.last.register()
    old.worker.recycle().addErrback(lambda _: None)
    children = new.take_over(old)
    assert [one.role for one in children] == ["current", "next"]
    assert new.worker.state is State.RECYCLING
    before, after = new.adopted
    before.register()
    after.register()
    assert new.worker.state is State.SERVING
    assert before.link.did == [DRAIN_FOR]
    assert new.worker.pids == [101, 100]


def test_one_that_drains(services: tuple[Service, Service]) -> None:
    """It has the rest of its time for that, and then for its end."""
    old, new = services
    old.worker.start()
    old.spawner.last.register()
    old.worker.recycle().addErrback(lambda _: None)
    old.spawner.last.register()
    old.reactor.advance(DRAIN_FOR - 1)
    children = new.take_over(old)
    assert [one.role for one in children] == ["current", "leaving"]
    leaving = new.adopted[1]
    leaving.register()  # its link came along
    assert leaving.watcher.phase is Phase.DRAINING
    new.reactor.advance(1)
    assert leaving.signals == ["TERM"]
    third = Service(7.0)
    third.take_over(new)
    third.reactor.advance(KILL_AFTER)
    assert third.adopted[1].signals == ["KILL"]
    third.adopted[1].end()
    assert third.worker.pids == [100]


def test_one_that_waits(services: tuple[Service, Service]) -> None:
    """One that is about to be started is, and one that was stopped or has failed is not."""
    old, new = services
    old.worker.start()
    old.spawner.last.end()
    old.reactor.advance(FIRST_DELAY - 0.1)
    new.take_over(old)
    assert new.worker.state is State.RESTARTING
    new.reactor.advance(0.2)
    assert new.worker.state is State.STARTING
    for _ in range(4):
        new.spawner.last.end()
        new.reactor.advance(30)
    assert new.worker.state is State.OUT_OF_SERVICE
    third = Service(0.0)
    third.take_over(new)
    assert third.worker.state is State.OUT_OF_SERVICE
    assert "5 failures" in third.worker.trouble
    third.reactor.advance(60)
    assert third.spawner.processes == []
    third.worker.start()
    third.spawner.last.end()
    assert third.worker.state is State.RESTARTING


def test_one_that_cannot_go(services: tuple[Service, Service]) -> None:
    """It says so, and is here as before."""
    old, _ = services
    old.worker.start()
    old.spawner.last.register()
    old.spawner.last.pidfd = -1
    with pytest.raises(NotPassable):
        list(old.worker.handed_over(1, ""))
    assert (old.worker.state, old.worker.pids) == (State.SERVING, [1])
