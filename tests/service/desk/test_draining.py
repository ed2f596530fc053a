"""Letting a worker go, without its clients noticing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netshare.addresses import parse_base_address
from netshare.control import commands
from netshare.control.commands import WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, RecordedArrival, UNIXLink, linkedUNIXTransports

ADDRESS = parse_base_address("net.tcp://+/a")


class Drainable(ControlProtocol):
    """A worker that notes what it is told, and whether it still was in rotation then."""

    def __init__(self, shared: SharedPort) -> None:
        super().__init__()
        self.shared = shared
        self.told: list[Any] = []
        self.error: Exception | None = None

    @declared(commands.Drain, WorkerFault)
    def drain(self, baseAddress: str, deadline: int) -> dict[str, Any]:
        route: Any = self.shared.tree.get(ADDRESS)
        self.told.append((baseAddress, deadline, [] if route is None else list(route.lanes)))
        if self.error is not None:
            raise self.error
        return {}


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def registered(self, link: Any) -> None:
        self.told.append("registered")

    def lost(self, link: Any) -> None:
        self.told.append("lost")

    def drained(self, connections: int | None) -> None:
        self.told.append(connections)


class Setting:
    """A shared port, and one worker."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(expectAfterLoss=0.0))
        self.shared.registry.supervise(ADDRESS)
        self.watcher = Watcher()
        self.worker: Any = Drainable(self.shared)
        self.desk = DeskProtocol(self.shared.desk, [ADDRESS], watcher=self.watcher)
        self.link: UNIXLink = linkedUNIXTransports(self.worker, self.desk)

    def ask(self, command: Any, **arguments: Any) -> Any:
        results: list[Any] = []
        self.worker.callRemote(command, **arguments).addBoth(results.append)
        self.settle()
        return results[0]

    def register(self, **more: Any) -> None:
        answer = self.ask(commands.Register, version=1, baseAddress=str(ADDRESS), **more)
        assert answer["baseAddress"] == str(ADDRESS)

    def drained(self, connections: int = 0, address: str = str(ADDRESS)) -> Any:
        return self.ask(commands.Drained, baseAddress=address, connections=connections)

    def settle(self) -> None:
        for _ in range(10):
            self.link.flush()
            self.reactor.advance(0)

    def rows(self) -> list[dict[str, Any]]:
        return self.shared.status.registrations(0, 100)[0]


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    one.link.lose()
    assert one.shared.desk.departures._leaving == {}
    assert one.reactor.getDelayedCalls() == []


def test_the_order(setting: Setting) -> None:
    """It is out of rotation when it is told, its link stays, and the list counts down."""
    setting.register(drains=True, generation="2.1")
    assert setting.watcher.told == ["registered"]
    setting.desk.drain(90)
    done: list[Any] = []
    setting.desk.whenDrained().addBoth(done.append)
    setting.settle()
    assert setting.worker.told == [(str(ADDRESS), 90, [])]
    assert setting.link.connected
    setting.reactor.advance(30)
    down, leaving = setting.rows()
    assert down["state"] == "down"
    shown = {name: leaving[name] for name in ("state", "secondsLeft", "generation")}
    assert shown == {"state": "draining", "secondsLeft": 60, "generation": "2.1"}
    assert (done, setting.watcher.told) == ([], ["registered"])
    assert setting.drained() == {}
    assert (done, setting.watcher.told) == ([None], ["registered", 0])
    assert [row["state"] for row in setting.rows()] == ["down"]


def test_what_is_given_meanwhile(setting: Setting) -> None:
    """A connection that comes behind it is not given to the worker."""
    setting.register(drains=True)
    setting.desk.drain(90)
    route: Any = setting.shared.tree.get(ADDRESS)
    arrival = RecordedArrival()
    route.render(arrival)
    assert arrival.ending == "refused"
    arrival.close()
    assert setting.desk.lane is not None
    assert setting.desk.lane.outstanding == 0
    setting.drained()


def test_a_drain_that_was_not_asked_for(setting: Setting) -> None:
    """It is an error of the worker's, and changes nothing."""
    setting.register(drains=True)
    assert setting.drained().check(commands.InvalidArgument)
    assert setting.watcher.told == ["registered"]
    setting.desk.drain(5)
    assert setting.drained(address="net.tcp://+/b").check(commands.InvalidArgument)
    assert setting.drained(-7) == {}
    assert setting.watcher.told == ["registered", 0]
    assert setting.drained().check(commands.InvalidArgument)


def test_a_worker_that_does_not_know_how(setting: Setting) -> None:
    """It counts as drained, with as many connections as it may have."""
    setting.register(drains=True)
    setting.worker.error = commands.NotMine("what?")
    setting.desk.drain(5)
    setting.settle()
    assert setting.watcher.told == ["registered", None]
    assert setting.desk.drains


def test_without_the_word(setting: Setting) -> None:
    """A worker says by itself whether it can be drained."""
    setting.register()
    assert not setting.desk.drains


def test_a_worker_that_goes_meanwhile(setting: Setting) -> None:
    """It is not waited for, nor listed."""
    setting.register(drains=True)
    setting.desk.drain(90)
    done: list[Any] = []
    setting.desk.whenDrained().addBoth(done.append)
    setting.link.lose()
    assert done == [None]
    assert len(setting.rows()) == 1
    setting.desk.whenDrained().addBoth(done.append)
    assert done == [None, None]


def test_a_long_name_of_a_generation(setting: Setting) -> None:
    """It is refused, with how long it may be."""
    wish = {"version": 1, "baseAddress": str(ADDRESS), "generation": "x" * 65}
    failure = setting.ask(commands.Register, **wish)
    assert failure.check(commands.InvalidArgument)
    assert "64 are possible" in failure.getErrorMessage()
