"""netshare.service.front.accept: a port that accepts what it has room for, and no more."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.front.accept import EXHAUSTED_PAUSE, KEEPALIVE, BatchingPort
from netshare.service.front.arrival import Arrival, Ending
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission, Quotas
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text
from netshare.testing import AdoptingReactor, RecordingOutcomes

PREAMBLE = preamble("net.tcp://localhost/a")


class Listening:
    """A port, with clients that wait in its queue."""

    def __init__(self, interface: str = "127.0.0.1", **quotas: Any) -> None:
        self.reactor = AdoptingReactor()
        self.outcomes = RecordingOutcomes()
        self.admission = Admission(Quotas(**quotas), 1000)
        self.arrivals: list[Arrival] = []
        ending = Ending(self.reactor, self.admission, self.outcomes)
        self.front = SharedPortFactory(self.arrivals.append, ending)
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        self.socket = socket.create_server((interface, 0), family=family, backlog=100)
        self.port = BatchingPort(self.reactor, self.socket, self.front)
        self.admission.addPort(self.port)
        self.port.startListening()
        self.clients: list[socket.socket] = []

    def connect(self, count: int, data: bytes = PREAMBLE, host: str = "127.0.0.1") -> None:
        for _ in range(count):
            client = socket.create_connection((host, self.socket.getsockname()[1]), 5)
            self.clients.append(client)
            client.sendall(data)

    def turn(self) -> None:
        """What a reactor does when the listening socket is readable."""
        if self.port in self.reactor.getReaders():
            self.port.doRead()
        self.reactor.settle()

    def finish(self) -> None:
        self.port.stopListening()
        for client in self.clients:
            client.close()
        self.reactor.settle()
        for arrival in self.arrivals:
            if not arrival._decided:
                arrival.take(Outcome.HANDED_OVER)
        assert self.outcomes.undecided == 0
        assert (self.admission.pending, self.admission.descriptors) == (0, 0)
        assert self.reactor.getDelayedCalls() == []


@pytest.fixture
def listening() -> Iterator[Callable[..., Listening]]:
    """Makes ports, of which nothing is left at the end."""
    made: list[Listening] = []

    def make(**quotas: Any) -> Listening:
        made.append(Listening(**quotas))
        return made[-1]

    yield make
    for one in made:
        one.finish()


def test_the_interface(listening: Callable[..., Listening]) -> None:
    """It is a listening port like any other."""
    one = listening()
    verifyObject(IListeningPort, one.port)
    host = one.port.getHost()
    assert (host.type, host.host, host.port) == ("TCP", *one.socket.getsockname()[:2])


def test_all_at_once(listening: Callable[..., Listening]) -> None:
    """Everybody who waits is accepted, and whose preamble is there has arrived."""
    one = listening()
    one.connect(5)
    one.turn()
    assert len(one.arrivals) == 5
    assert one.arrivals[0].peer == f"127.0.0.1:{one.clients[0].getsockname()[1]}"
    assert one.outcomes.accepted == 5


def test_so_many_in_one_go(listening: Callable[..., Listening]) -> None:
    """No more than maxPendingAccepts are accepted before others get their turn."""
    one = listening(maxPendingAccepts=2)
    one.connect(5)
    for accepted in (2, 4, 5):
        one.turn()
        assert len(one.arrivals) == accepted


def test_only_as_far_as_there_is_room(listening: Callable[..., Listening]) -> None:
    """At the limit of undecided bytes the rest stays in the kernel's queue."""
    one = listening(maxPendingBytes=30, maxPendingAccepts=3)
    one.connect(5, PREAMBLE[:10])
    one.turn()
    assert (one.outcomes.accepted, one.admission.pending) == (3, 3)
    assert one.admission.paused
    one.clients[0].sendall(PREAMBLE[10:])
    one.reactor.settle()
    assert not one.admission.paused
    one.turn()
    assert one.outcomes.accepted == 5


def test_the_backlog_and_keepalive(listening: Callable[..., Listening]) -> None:
    """Whatever the socket was before, it gets the limit of listenBacklog; what it accepts is asked
    after a silence whether it is still there."""
    one = listening(listenBacklog=77)
    info = one.port._listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    assert int.from_bytes(info[28:32], "little") == 77  # tcpi_sacked: a listening socket's limit
    one.connect(1, PREAMBLE)
    one.turn()
    view = one.arrivals[0].held.view()
    assert view.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert view.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEPALIVE[0]
    view.detach()


def test_nobody_there(listening: Callable[..., Listening]) -> None:
    """A port that is woken for nobody does nothing."""
    one = listening()
    one.turn()
    assert one.outcomes.accepted == 0


def refusing(number: int) -> Callable[[], tuple[int, Any]]:
    """What accepts nothing, and says why."""

    def refuse() -> tuple[int, Any]:
        raise OSError(number, "no")

    return refuse


@pytest.mark.parametrize(
    ("interface", "host"),
    [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::", "::1"), ("::1", "::1")],
)
def test_where_a_client_has_connected_to(
    listening: Callable[..., Listening], interface: str, host: str
) -> None:
    """A connection knows its own address, also on a port on all interfaces."""
    one = listening(interface=interface)
    one.connect(1, host=host)
    one.turn()
    (arrival,) = one.arrivals
    number = one.socket.getsockname()[1]
    assert arrival.local == socket_address_text((host, number))
    assert arrival.peer == socket_address_text(one.clients[0].getsockname())


def test_the_last_descriptor(listening: Callable[..., Listening]) -> None:
    """A port that paused for want of descriptors goes on when a worker has one of them."""
    one = listening()
    one.admission.descriptorLimit = 2
    one.connect(3)
    one.turn()
    assert (len(one.arrivals), one.admission.paused) == (2, True)
    one.arrivals[0].take(Outcome.HANDED_OVER)
    assert not one.admission.paused
    one.turn()
    assert len(one.arrivals) == 3


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_no_descriptor_left(listening: Callable[..., Listening], number: int) -> None:
    """When the system has none for one more connection, accepting pauses, and goes on later."""
    one = listening()
    one.connect(1)
    accept, one.port._accept = one.port._accept, refusing(number)
    one.turn()
    assert one.port not in one.reactor.getReaders()
    one.port._accept = accept
    one.reactor.advance(EXHAUSTED_PAUSE)
    one.turn()
    assert len(one.arrivals) == 1


def test_stopping_while_there_is_no_descriptor(listening: Callable[..., Listening]) -> None:
    """A port that is closed meanwhile stays closed."""
    one = listening()
    one.connect(1)
    one.port._accept = refusing(errno.EMFILE)
    one.turn()
    one.port.stopListening()
    one.reactor.advance(EXHAUSTED_PAUSE)
    assert one.port not in one.reactor.getReaders()


def test_a_client_that_left_before(listening: Callable[..., Listening]) -> None:
    """It costs nothing, and the others are accepted."""
    one = listening()
    one.connect(1)
    accept, one.port._accept = one.port._accept, refusing(errno.ECONNABORTED)
    one.turn()
    assert one.port in one.reactor.getReaders()
    one.port._accept = accept
    one.turn()
    assert len(one.arrivals) == 1


def test_clients_that_say_nothing(listening: Callable[..., Listening]) -> None:
    """A probe that closes at once is empty, also when it resets."""
    one = listening()
    one.connect(2, b"")
    one.clients[0].close()
    one.clients[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    one.clients[1].close()
    one.turn()
    assert one.outcomes.outcomes == [Outcome.EMPTY] * one.outcomes.accepted


def test_stopping(listening: Callable[..., Listening]) -> None:
    """A closed port is closed, once; what it accepted lives on."""
    one = listening()
    one.connect(1)
    one.turn()
    one.port.stopListening()
    one.port.stopListening()
    assert one.socket.fileno() == -1
    assert not one.arrivals[0].held.closed


def test_resumed_while_there_is_no_descriptor(listening: Callable[..., Listening]) -> None:
    """A port that others resume meanwhile has one pause to end, which ends with the port."""
    one = listening()
    one.connect(1)
    one.port._accept = refusing(errno.EMFILE)
    for _ in range(3):
        one.turn()
        one.port.resumeProducing()
    assert len(one.reactor.getDelayedCalls()) == 1
    one.port.stopListening()
    assert one.reactor.getDelayedCalls() == []


def test_a_bug_closes_no_port(listening: Callable[..., Listening]) -> None:
    """Whatever fails with one connection keeps nobody else from being accepted."""
    one = listening()
    one.connect(1)

    def fail(held: HeldSocket, *_: str) -> None:
        held.close()
        raise ValueError("a bug")

    one.front.accepted = fail  # type: ignore[method-assign]
    one.turn()
    del one.front.accepted
    one.connect(1)
    one.turn()
    assert len(one.arrivals) == 1


def test_a_port_that_the_reactor_gives_up(listening: Callable[..., Listening]) -> None:
    """It is closed, as at the end of the reactor."""
    one = listening()
    one.port.connectionLost(Failure(ValueError("a bug")))
    assert one.socket.fileno() == -1


def test_the_silent_keep_nobody_waiting(listening: Callable[..., Listening]) -> None:
    """Of a batch those are decided first that have said where they go; the rest, bit by bit."""
    one = listening()
    one.connect(30, b"")
    one.connect(1)
    seen: list[int] = []
    readOn = one.front._readOn

    def noting(held: HeldSocket, begun: Any) -> None:
        seen.append(len(one.arrivals))
        readOn(held, begun)

    one.front._readOn = noting  # type: ignore[method-assign]
    one.port.doRead()
    assert (len(one.arrivals), one.front.holds) == (1, 30)
    assert 0 < len(seen) < 30
    assert one.admission.descriptors == 31
    one.turn()
    assert seen == [1] * 30
    assert (len(one.front.undecided), one.front.holds) == (30, 30)
    assert one.admission.descriptors == 31


@pytest.mark.parametrize("how", ["stop", "handed over"])
def test_the_silent_are_not_forgotten(listening: Callable[..., Listening], how: str) -> None:
    """Those that are not dealt with yet are stopped, or handed over, like the others."""
    one = listening()
    one.connect(30, b"")
    one.port.doRead()
    assert len(one.front.undecided) < 30
    if how == "stop":
        one.front.stop()
        one.reactor.settle()
        assert one.outcomes.outcomes == [Outcome.SHUTDOWN] * 30
    else:
        assert len(list(one.front.handed_over())) == 30
