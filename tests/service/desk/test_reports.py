"""Asking workers how they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from netshare.addresses import parse_base_address
from netshare.control import commands
from netshare.control.commands import WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.desk.reports import ASK_EVERY, Reports
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.credentials import Peer
from netshare.testing import AdoptingReactor, RecordedArrival, UNIXLink, linkedUNIXTransports

ADDRESS = parse_base_address("net.tcp://+/a")
PING_TIMEOUT = 5.0


class Reporting(ControlProtocol):
    """A worker that says what it is told to say."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        self.asked = 0
        self.later: Deferred[dict[str, Any]] | None = None

    @declared(commands.Ping, WorkerFault)
    def pinged(self) -> Any:
        self.asked += 1
        return self.later or {"connections": self.connections, "returning": 0}


class Worker:
    """A worker of a shared port, and its link."""

    def __init__(self, shared: SharedPort, protocol: Any) -> None:
        self.protocol = protocol
        self.desk = DeskProtocol(shared.desk)
        self.link: UNIXLink = linkedUNIXTransports(protocol, self.desk)

    def register(self, path: str = "a", **wish: Any) -> None:
        self.protocol.callRemote(
            commands.Register, version=1, baseAddress=f"net.tcp://+/{path}", **wish
        ).addErrback(lambda _: None)  # the end of the link

    @property
    def live(self) -> int | None:
        assert self.desk.lane is not None
        return self.desk.lane.live


class Setting:
    """A shared port, and workers."""

    def __init__(self, **quotas: Any) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(expectAfterLoss=0.0, **quotas))
        self.workers: list[Worker] = []

    def worker(self, protocol: Any = None, path: str = "a", **wish: Any) -> Worker:
        one = Worker(self.shared, protocol or Reporting())
        self.workers.append(one)
        one.register(path, **{"shared": True, "pings": True, **wish})
        self.settle()
        return one

    def settle(self, seconds: float = 0.0) -> None:
        self.reactor.advance(seconds)
        for _ in range(10):
            for worker in self.workers:
                worker.link.flush()
            self.reactor.advance(0)


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    for worker in one.workers:
        worker.link.lose()
    assert one.reactor.getDelayedCalls() == []


def test_reports(setting: Setting) -> None:
    """Workers that share an address are asked once a second, and what they have is shown."""
    one, other = setting.worker(), setting.worker()
    one.protocol.connections, other.protocol.connections = 5, 7
    assert (one.live, other.live) == (None, None)
    setting.settle(ASK_EVERY)
    assert (one.live, other.live) == (5, 7)
    rows = setting.shared.status.registrations(0, 10)[0]
    assert [row["connections"] for row in rows] == [5, 7]
    one.protocol.connections = 1
    setting.settle(ASK_EVERY)
    assert (one.live, one.protocol.asked) == (1, 2)


def test_what_it_is_given_counts_at_once(setting: Setting) -> None:
    """Between two reports it is reckoned on, with what the worker has answered for."""
    one = setting.worker()
    setting.settle(ASK_EVERY)
    lane = one.desk.lane
    assert lane is not None
    lane.outstanding += 3
    lane._user.used += 3
    lane._all.used += 3
    lane.end(3, answered=2)
    assert one.live == 2


def test_one_that_does_not_say_that_it_knows(setting: Setting) -> None:
    """It is never asked."""
    one = setting.worker(pings=False)
    for _ in range(20):
        setting.settle(ASK_EVERY)
    assert (one.protocol.asked, one.live) == (0, None)


def test_one_that_is_alone(setting: Setting) -> None:
    """It is asked less often, to see whether it answers."""
    one = setting.worker(shared=False)
    for _ in range(3 * int(PING_TIMEOUT)):
        setting.settle(ASK_EVERY)
    assert one.protocol.asked == 3


class Watcher:
    """Is told of a worker that the service has started."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def registered(self, link: Any) -> None:
        pass

    def lost(self, link: Any) -> None:
        pass

    def silent(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize("traced", [False, True])
def test_one_that_hangs(setting: Setting, monkeypatch: pytest.MonkeyPatch, traced: bool) -> None:
    """
    It is given no connections until it answers, and who has started it is told; but not while a
    debugger has it.
    """
    monkeypatch.setattr(Peer, "isTraced", traced)
    protocol = Reporting()
    protocol.later = Deferred()
    one = setting.worker(protocol, shared=False)
    watcher = Watcher()
    one.desk._watcher = watcher  # type: ignore[assignment]
    lane = one.desk.lane
    assert lane is not None
    setting.settle(ASK_EVERY)
    with capturedLogs() as logs:
        for _ in range(int(PING_TIMEOUT) - 1):
            setting.settle(ASK_EVERY)
        assert (lane.stateFor(ADDRESS), watcher.seconds) == ("ready", [])
        setting.settle(ASK_EVERY)
        setting.settle(ASK_EVERY)
    if traced:
        assert (lane.stateFor(ADDRESS), watcher.seconds, list(logs)) == ("ready", [], [])
        return
    assert (lane.stateFor(ADDRESS), lane.takes(ADDRESS)) == ("silent", False)
    assert watcher.seconds == [PING_TIMEOUT, PING_TIMEOUT + 1]
    (line,) = [str(formatEvent(event)) for event in logs]
    assert line.endswith("has not answered for 5 s: it is given no connections until it does")
    arrival = RecordedArrival("net.tcp://localhost/a")
    setting.shared.factory.router(arrival)
    route = setting.shared.tree.get(ADDRESS)
    assert isinstance(route, WorkerRoute)
    assert route.waiting == 1
    answer, protocol.later = protocol.later, None
    answer.callback({"connections": 0, "returning": 0})
    setting.settle()
    assert (lane.stateFor(ADDRESS), route.waiting) == ("ready", 0)
    for _ in range(20):
        setting.settle(ASK_EVERY)
    assert len(watcher.seconds) == 2


def test_without_a_limit() -> None:
    """Only those that share an address are asked, and none is silent."""
    setting = Setting(pingTimeout=None)
    protocol = Reporting()
    protocol.later = Deferred()
    alone, shared = setting.worker(path="b", shared=False), setting.worker(protocol)
    for _ in range(20):
        setting.settle(ASK_EVERY)
    assert (alone.protocol.asked, protocol.asked) == (0, 1)
    assert shared.desk.lane is not None
    assert shared.desk.lane.stateFor(ADDRESS) == "ready"
    for worker in setting.workers:
        worker.link.lose()


def test_a_take_over_of_one_that_hangs(setting: Setting) -> None:
    """It is given nothing until both are over."""
    one = setting.worker(shared=False)
    lane = one.desk.lane
    assert lane is not None
    lane.silence(True)
    lane.freeze(True)
    lane.freeze(False)
    assert not lane.takes(ADDRESS)
    lane.freeze(True)
    lane.silence(False)
    assert not lane.takes(ADDRESS)
    lane.freeze(False)
    assert lane.takes(ADDRESS)


def test_one_that_does_not_answer(setting: Setting) -> None:
    """It is asked again when it has answered."""
    protocol = Reporting()
    protocol.later = Deferred()
    one = setting.worker(protocol)
    setting.settle(ASK_EVERY)
    setting.settle(ASK_EVERY)
    assert (protocol.asked, one.live) == (1, None)
    answer, protocol.later = protocol.later, None
    answer.callback({"connections": -3, "returning": 0})
    setting.settle()
    assert one.live == 0
    setting.settle(ASK_EVERY)
    assert protocol.asked == 2


def test_one_that_does_not_know_how(setting: Setting) -> None:
    """It said that it does, and does not: it keeps its link, and is not asked again."""
    one = setting.worker(ControlProtocol())
    setting.settle(ASK_EVERY)
    setting.settle(ASK_EVERY)
    assert one.link.connected
    assert one.live is None


def test_many_are_asked_less_often() -> None:
    """So many a second, and no more."""
    clock: Any = Clock()
    asked: list[Any] = []

    class Link:
        def askForReport(
            self, now: float, pauses: tuple[float, float], timeout: float | None
        ) -> None:
            asked.append(pauses)

    reports = Reports(clock, PING_TIMEOUT)
    links: list[Any] = [Link() for _ in range(2000)]
    for link in links:
        reports.add(link)
    clock.advance(ASK_EVERY)
    assert set(asked) == {(10.0, 10.0)}
    for link in links[100:]:
        reports.discard(link)
    asked.clear()
    clock.advance(ASK_EVERY)
    assert set(asked) == {(ASK_EVERY, PING_TIMEOUT)}
    del links[100:]
    for link in links:
        reports.discard(link)
    assert clock.getDelayedCalls() == []
