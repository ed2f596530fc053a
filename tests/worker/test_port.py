"""netshare.worker.port: registering and closing a port behind a shared one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netshare.control import commands
from netshare.endpoints.address import SharedPortAddress
from netshare.worker.inherited import InheritedSession
from netshare.worker.link import Wish
from netshare.worker.port import DRAIN_CHECK, LINGER_CHECK, SharedListeningPort
from netshare.worker.session import WorkerSession


class Link:
    """A link that notes in which order things happen."""

    def __init__(self, events: list[Any], answer: Any) -> None:
        self.lane = self.transport = self
        self._events, self._answer = events, answer
        self.port: Any = None

    async def register(self, wish: Wish) -> str:
        assert wish.address is not None
        return wish.address

    def callRemote(self, command: Any, **arguments: Any) -> Any:
        self._events.append((command, self.port.intake.accepting))
        return self._answer

    def drain(self) -> Deferred[None]:
        self._events.append(("drained", self.port.intake.accepting))
        return succeed(None)

    def goOn(self) -> None:
        pass

    def loseConnection(self) -> None:
        self._events.append("closed")


class Stopping:
    """A port that is to be closed."""

    session_class = WorkerSession

    def __init__(self, answer: Any = None) -> None:
        self.clock: Any = Clock()
        self.events: list[Any] = []
        self.session = self.session_class(self.clock, Path("/nothing/control"), None)
        self.link: Any = Link(self.events, answer or succeed({}))
        self.session.link = self.link
        wish = Wish("net.tcp://+/a")
        self.port = self.link.port = SharedListeningPort(self.clock, self.session, wish, Factory())
        assert _result(self.port.start(wait=False)) is self.port

    def stop(self) -> list[Any]:
        results: list[Any] = []
        self.port.stopListening().addBoth(results.append)
        return results


def _result(starting: Any) -> Any:
    results: list[Any] = []
    ensureDeferred(starting).addBoth(results.append)
    return results[0]


def test_the_interface() -> None:
    """It is a port like any other, whose address is the registered one."""
    port = Stopping().port
    verifyObject(IListeningPort, port)
    assert port.getHost() == SharedPortAddress("net.tcp://+/a")
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
    monkeypatch.setattr(one.port.intake, "mayGiveBack", lambda: needed[0])
    assert one.stop() == [None]
    one.clock.advance(LINGER_CHECK)
    assert "closed" not in one.events
    needed[0] = False
    one.clock.advance(LINGER_CHECK)
    assert one.events[-1] == "closed"
    assert one.clock.getDelayedCalls() == []


class Draining(Stopping):
    """A port that the service drains."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any = None) -> None:
        super().__init__(answer)
        self.open: list[Any] = []
        monkeypatch.setattr(self.port.intake, "open", lambda: self.open)
        monkeypatch.setattr(self.port.intake, "mayGiveBack", lambda: bool(self.open))


def test_the_order_of_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane goes back, then connections may end, and it is said before the link goes."""
    one = Draining(monkeypatch)
    one.open.append("a session")
    one.port.drain(90.0)
    one.port.drain(90.0)
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
    one.port.intake.returning = 1
    one.port.drain(90.0)
    one.clock.advance(1)
    assert one.events == [("drained", False)]
    one.port.intake.returning = 0
    one.clock.advance(DRAIN_CHECK)
    assert one.events[-1] == "closed"


@pytest.mark.parametrize("answer", [None, fail(commands.InvalidArgument("never heard of it"))])
def test_the_deadline_of_a_drain(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """Then it is said how many are left; the link stays while they may have to go back."""
    one = Draining(monkeypatch, answer)
    one.open.append("a session")
    one.port.drain(3.0)
    one.clock.pump([DRAIN_CHECK] * int(3 / DRAIN_CHECK + 2))
    assert one.events == [("drained", False), (commands.Drained, False)]
    one.open.clear()
    one.clock.advance(LINGER_CHECK)
    assert one.events[-1] == "closed"
    assert one.clock.getDelayedCalls() == []


class Inherited(Draining):
    """One of a process that the service has started."""

    session_class = InheritedSession

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any = None) -> None:
        super().__init__(monkeypatch, answer)
        self.killed: list[Any] = []
        monkeypatch.setattr("os.kill", lambda *arguments: self.killed.append(arguments))

    def lose(self) -> None:
        self.session.lost(self.link)


def test_an_inherited_link_is_left_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the service has started is ended by it."""
    one = Inherited(monkeypatch)
    one.session.drain("net.tcp://+/a", 90.0)
    assert one.events == [("drained", False), (commands.Drained, False)]
    one.clock.pump([LINGER_CHECK] * 10)
    assert one.killed == []
    one.lose()  # it has died before it came to that
    one.clock.advance(LINGER_CHECK)
    assert len(one.killed) == 1
    assert one.clock.getDelayedCalls() == []


def test_a_service_that_dies_while_a_worker_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections come to their end all the same, and then the process ends by itself."""
    one = Inherited(monkeypatch)
    one.open.append("a session")
    one.session.drain("net.tcp://+/a", 90.0)
    one.lose()
    one.clock.pump([1.0] * 30)
    assert one.killed == []
    one.open.clear()
    one.clock.advance(DRAIN_CHECK)
    assert len(one.killed) == 1
    assert one.clock.getDelayedCalls() == []


def test_a_link_that_is_lost_while_it_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to tell any more, when the last connection has ended."""
    one = Draining(monkeypatch)
    one.open.append("a session")
    one.session.drain("net.tcp://+/a", 90.0)
    one.session.lost(one.link)
    one.clock.advance(DRAIN_CHECK)
    one.open.clear()
    one.clock.advance(DRAIN_CHECK)
    assert one.clock.getDelayedCalls() == []
    assert one.events == [("drained", False)]
