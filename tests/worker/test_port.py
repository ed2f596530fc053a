"""netshare.worker.port: closing a port behind a shared one, and trying again."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netshare.control import commands
from netshare.endpoints.address import SharedPortAddress
from netshare.worker.link import Wish
from netshare.worker.port import (
    DRAIN_CHECK,
    LINGER_CHECK,
    RETRY_FIRST,
    RETRY_LONGEST,
    RETRY_SOON,
    SharedListeningPort,
    retry_delay,
)


class Link:
    """A link that notes in which order things happen."""

    def __init__(self, port: SharedListeningPort, events: list[Any], answer: Any) -> None:
        self.lane = self.transport = self
        self._port, self._events, self._answer = port, events, answer
        self.returning = 0

    def callRemote(self, command: Any, **arguments: Any) -> Any:
        self._events.append((command, self._port._intake.accepting))
        return self._answer

    def drain(self) -> Deferred[None]:
        self._events.append(("drained", self._port._intake.accepting))
        return succeed(None)

    def loseConnection(self) -> None:
        self._events.append("closed")
        self._port._intake.link = None


class Stopping:
    """A port that is to be closed."""

    def __init__(self, answer: Any = None) -> None:
        self.clock = Clock()
        self.events: list[Any] = []
        self.port = SharedListeningPort(self.clock, Wish("net.tcp://+/a"), Factory(), frozenset())
        link: Any = Link(self.port, self.events, answer or succeed({}))
        self.port._intake.link = link
        self.port._factory.doStart()

    def stop(self) -> list[Any]:
        results: list[Any] = []
        self.port.stopListening().addBoth(results.append)
        return results


def test_the_interface() -> None:
    """It is a port like any other, whose address is the registered one."""
    port = Stopping().port
    verifyObject(IListeningPort, port)
    assert port.getHost() == SharedPortAddress("")
    assert port.connections == 0


@pytest.mark.parametrize(
    "answer",
    [None, fail(ConnectionClosed()), fail(commands.InvalidArgument("not registered"))],
    ids=["answered", "lost", "unknown"],
)
def test_the_order_of_closing(answer: Any) -> None:
    """
    First the service sends no more, then nothing is taken and the lane is given back, and the
    link ends last: what was refused before could only come again.
    """
    one = Stopping(answer)
    assert one.stop() == [None]
    assert one.events == [(commands.Unregister, True), ("drained", False), "closed"]
    assert one.stop() == [None]
    assert one.clock.getDelayedCalls() == []


def test_a_link_that_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """While connections are open that may have to go back, the link outlives the port."""
    one = Stopping()
    needed = [True]
    monkeypatch.setattr(one.port._intake, "mayGiveBack", lambda: needed[0])
    assert one.stop() == [None]
    one.clock.advance(LINGER_CHECK)
    assert "closed" not in one.events
    needed[0] = False
    one.clock.advance(LINGER_CHECK)
    assert one.events[-1] == "closed"
    assert one.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(0, RETRY_FIRST), (5, RETRY_SOON), (1000, RETRY_LONGEST), (10**6, RETRY_LONGEST)],
)
def test_trying_again(failures: int, longest: float) -> None:
    """Soon at first, then less often, and never all at the same moment."""
    delays = {retry_delay(failures) for _ in range(20)}
    assert len(delays) > 1
    assert all(longest / 2 <= delay <= longest for delay in delays)


class Draining(Stopping):
    """A port that the service drains."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any = None) -> None:
        super().__init__(answer)
        self.open: list[Any] = []
        monkeypatch.setattr(self.port._intake, "open", lambda: self.open)
        monkeypatch.setattr(self.port._intake, "mayGiveBack", lambda: bool(self.open))
        self.port._address = "net.tcp://+/a"

    @property
    def link(self) -> Any:
        return self.port._intake.link


def test_the_order_of_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane goes back, then connections may end, and it is said before the link goes."""
    one = Draining(monkeypatch)
    one.open.append("a session")
    one.port._toDrain(90.0)
    one.port._toDrain(90.0)
    assert one.events == [("drained", False)]
    one.clock.advance(30)
    assert one.events == [("drained", False)]
    one.open.clear()
    one.clock.advance(DRAIN_CHECK)
    assert one.events == [("drained", False), (commands.Drained, False), "closed"]
    assert one.stop() == [None]
    assert one.clock.getDelayedCalls() == []


def test_returns_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not over before the service has what was given back last."""
    one = Draining(monkeypatch)
    one.link.returning = 1
    one.port._toDrain(90.0)
    one.clock.advance(1)
    assert one.events == [("drained", False)]
    one.link.returning = 0
    one.clock.advance(DRAIN_CHECK)
    assert one.events[-1] == "closed"


@pytest.mark.parametrize("answer", [None, fail(commands.InvalidArgument("never heard of it"))])
def test_the_deadline_of_a_drain(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """Then it is said how many are left; the link stays while they may have to go back."""
    one = Draining(monkeypatch, answer)
    one.open.append("a session")
    one.port._toDrain(3.0)
    one.clock.pump([DRAIN_CHECK] * int(3 / DRAIN_CHECK + 2))
    assert one.events == [("drained", False), (commands.Drained, False)]
    one.open.clear()
    one.clock.advance(LINGER_CHECK)
    assert one.events[-1] == "closed"
    assert one.clock.getDelayedCalls() == []


def test_an_inherited_link_is_left_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the service has started is ended by it."""
    one = Draining(monkeypatch)
    one.port._inherited = True
    one.port._toDrain(90.0)
    assert one.events == [("drained", False), (commands.Drained, False)]
    killed: list[Any] = []
    monkeypatch.setattr("os.kill", lambda *arguments: killed.append(arguments))
    one.port._inheritedLinkLost()
    assert len(killed) == 1


@pytest.mark.parametrize("reason", [ConnectError(), commands.ConflictingRegistration("no")])
def test_an_inherited_link_that_is_lost(monkeypatch: pytest.MonkeyPatch, reason: Exception) -> None:
    """
    It is looked for a service that knows this process: until that says no, or for five seconds.
    """
    one = Draining(monkeypatch)
    one.port._inherited = True
    attempts: list[float] = []

    async def connect() -> None:
        attempts.append(one.clock.seconds())
        raise reason

    monkeypatch.setattr(one.port, "_connect", connect)
    killed: list[Any] = []
    monkeypatch.setattr("os.kill", lambda *arguments: killed.append(arguments))
    one.port._inheritedLinkLost()
    one.clock.pump([0.05] * 90)
    refused = isinstance(reason, commands.RegistrationError)
    assert len(killed) == int(refused)
    assert (len(attempts) == 1) is refused
    one.clock.pump([0.05] * 20)
    assert len(killed) == 1
    assert one.clock.getDelayedCalls() == []


def test_a_link_that_is_lost_while_it_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to tell any more."""
    one = Draining(monkeypatch)
    one.open.append("a session")
    one.port._toDrain(90.0)
    one.port._intake.link = None
    one.clock.advance(DRAIN_CHECK)
    assert one.clock.getDelayedCalls() == []
    assert one.events == [("drained", False)]
