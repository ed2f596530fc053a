"""What workers say they have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from netshare.addresses import parse_base_address
from netshare.control import commands
from netshare.control.commands import WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.desk.reports import ASK_EVERY, Reports
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports

ADDRESS = parse_base_address("net.tcp://+/a")


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

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(expectAfterLoss=0.0))
        self.workers: list[Worker] = []

    def worker(self, protocol: Any = None, **wish: Any) -> Worker:
        one = Worker(self.shared, protocol or Reporting())
        self.workers.append(one)
        one.register(**{"shared": True, "pings": True, **wish})
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


@pytest.mark.parametrize("wish", [{"shared": False}, {"pings": False}])
def test_who_is_not_asked(setting: Setting, wish: dict[str, Any]) -> None:
    """One that has its address alone, or does not know the question."""
    one = setting.worker(**wish)
    setting.settle(ASK_EVERY)
    assert (one.protocol.asked, one.live) == (0, None)


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
    asked: list[int] = []

    class Link:
        def askForReport(self) -> None:
            asked.append(1)

    reports = Reports(clock)
    links: list[Any] = [Link() for _ in range(1000)]
    for link in links:
        reports.add(link)
    clock.pump([0.5] * 40)
    assert 3000 <= len(asked) <= 5000
    for link in links:
        reports.discard(link)
    assert clock.getDelayedCalls() == []
