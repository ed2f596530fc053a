"""
netshare.service.front.preamble, arrival and refusal: from the first byte to one outcome, with
real TCP sockets under a reactor that moves only when it is told to.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from netshare.endpoints.refusal import MAX_DRAIN_SIZE
from netshare.framing.faults import Fault
from netshare.framing.records import preamble
from netshare.interfaces import IArrival, IRoute
from netshare.service.front.arrival import FAULTS, Arrival, Ending
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.outcomes import Outcome
from netshare.service.quotas import Admission, Quotas
from netshare.service.routing.routes import FaultRoute, LocalRoute
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text
from netshare.testing import AdoptingReactor, FakeStreamTransport, RecordingOutcomes, tcpPair

VIA = "net.tcp://localhost/a"
PREAMBLE = preamble(VIA)


class Front:
    """A front door, and whoever knocks at it."""

    def __init__(self, quotas: Quotas, batches: bool) -> None:
        self.batches = batches
        self.reactor = AdoptingReactor()
        self.outcomes = RecordingOutcomes()
        self.admission = Admission(quotas, 10_000)
        self.ending = Ending(self.reactor, self.admission, self.outcomes)
        self.arrivals: list[Arrival] = []
        self.router: Callable[[Arrival], None] = self.arrivals.append
        self.factory = SharedPortFactory(lambda arrival: self.router(arrival), self.ending)
        self.clients: list[socket.socket] = []

    def connect(
        self, data: bytes = b"", factory: Any = None, family: Any = socket.AF_INET
    ) -> socket.socket:
        client, server = tcpPair(family)
        self.clients.append(client)
        if self.batches and factory is None:  # as a port of netshare's own does
            client.sendall(data)
            if data:
                select.select([server], [], [], 5)
            server.setblocking(False)
            ends = [socket_address_text(n) for n in (server.getpeername(), server.getsockname())]
            self.factory.accepted(HeldSocket(server.detach()), *ends)
            self.reactor.settle()
        else:  # as a port of Twisted's does
            self.reactor.connect(factory or self.factory, server)
            self.reactor.settle()
            self.send(client, data)
        return client

    def send(self, client: socket.socket, data: bytes) -> None:
        client.sendall(data)
        self.reactor.settle()

    def hangUp(self, client: socket.socket) -> None:
        client.close()
        self.reactor.settle()

    def check(self) -> None:
        """The books are right at any time, and say zero when nothing is left."""
        undecided = len(self.factory.undecided)
        open_arrivals = sum(not arrival._decided for arrival in self.arrivals)
        assert self.outcomes.undecided == undecided + open_arrivals
        assert self.admission.pending == undecided
        if not undecided and not open_arrivals and not self.ending._refusing:
            assert self.admission.pendingBytes == 0
            assert self.admission.descriptors == 0
            assert not self.admission._byPeer
            assert not self.admission.paused
            assert self.reactor.getDelayedCalls() == []

    def finish(self) -> None:
        for client in self.clients:
            client.close()
        self.reactor.settle()
        for arrival in self.arrivals:
            if not arrival._decided:
                arrival.take(Outcome.HANDED_OVER)
        self.reactor.settle()
        self.check()
        assert not self.factory.undecided
        self.reactor.close()


@pytest.fixture(params=[False, True], ids=["twisted", "batches"])
def open_front(request: pytest.FixtureRequest) -> Iterator[Callable[..., Front]]:
    """Makes fronts with some quotas, and checks at the end that nothing of them is left."""
    fronts: list[Front] = []

    def make(**quotas: Any) -> Front:
        fronts.append(Front(Quotas(**quotas), request.param))
        return fronts[-1]

    yield make
    for front in fronts:
        front.finish()


@pytest.fixture
def front(open_front: Callable[..., Front]) -> Front:
    """A front with the default quotas."""
    return open_front()


def everything(client: socket.socket) -> bytes:
    """What arrives at a client until the service closes its half; fails after five seconds."""
    data = b""
    while piece := client.recv(4096):
        data += piece
    return data


def is_reset(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_an_arrival(front: Front) -> None:
    """A connection arrives with its via, all its bytes and both addresses; nothing is written."""
    client = front.connect(PREAMBLE + b"\x06\x01x")
    (arrival,) = front.arrivals
    verifyObject(IArrival, arrival)
    assert (arrival.via, arrival.readData) == (VIA, PREAMBLE + b"\x06\x01x")
    assert arrival.peer == f"127.0.0.1:{client.getsockname()[1]}"
    assert arrival.local == f"127.0.0.1:{client.getpeername()[1]}"
    assert "net.tcp" in repr(arrival)
    assert front.admission.pending == 0
    assert front.admission.descriptors == 1
    view = arrival.held.view()
    try:
        view.send(b"still open")
    finally:
        view.detach()
    arrival.take(Outcome.HANDED_OVER)
    assert arrival.held.closed
    assert everything(client) == b"still open"
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER]


def test_an_arrival_over_ipv6(front: Front) -> None:
    """IPv6 addresses are written in brackets."""
    client = front.connect(PREAMBLE, family=socket.AF_INET6)
    assert front.arrivals[0].peer == f"[::1]:{client.getsockname()[1]}"


def test_byte_by_byte(front: Front) -> None:
    """A preamble that comes one byte at a time arrives when the via is complete."""
    client = front.connect()
    for at in range(len(PREAMBLE) - 3):
        assert front.arrivals == []
        front.check()
        front.send(client, PREAMBLE[at : at + 1])
    assert front.arrivals[0].readData == PREAMBLE[:-3]


def test_one_outcome_only(front: Front) -> None:
    """A second outcome for a connection is a mistake of the program and is not counted."""
    front.connect(PREAMBLE)
    arrival = front.arrivals[0]
    arrival.take(Outcome.LOCAL, keeps=1)
    for second in (lambda: arrival.take(Outcome.LOCAL), lambda: arrival.refuse(Outcome.EMPTY, "")):
        with pytest.raises(AssertionError, match="second outcome"):
            second()
    assert front.outcomes.outcomes == [Outcome.LOCAL]
    assert front.admission.descriptors == 1
    front.admission.release()


@pytest.mark.parametrize("keeps", [0, 1, 2])
def test_kept_descriptors(front: Front, keeps: int) -> None:
    """Whoever takes a connection says how many descriptors stay in this process for it."""
    front.connect(PREAMBLE)
    front.arrivals[0].take(Outcome.RELAYED, keeps=keeps)
    assert front.admission.descriptors == keeps
    front.admission.release(keeps)


WRONG = [
    (b"\0\2", Outcome.UNSUPPORTED_VERSION, Fault.UNSUPPORTED_VERSION),
    (b"\0\1\0\1\5", Outcome.UNSUPPORTED_MODE, Fault.UNSUPPORTED_MODE),
    (b"\0\1\0\1\2\2\x81\x10", Outcome.VIA_TOO_LONG, Fault.VIA_TOO_LONG),
    (b"\0\1\0\1\2\2\xff\xff\xff\xff\xff", Outcome.MALFORMED, None),
    (b"\0\1\0\1\2\2\0", Outcome.MALFORMED, None),
    (b"GET / HTTP/1.1\r\n\r\n", Outcome.MALFORMED, None),
    (b"\x16\x03\x01", Outcome.MALFORMED, None),
    (b"\xff" * 10_000, Outcome.MALFORMED, None),
]


@pytest.mark.parametrize(("data", "outcome", "fault"), WRONG)
@pytest.mark.parametrize("behind", [b"", b"\x00" * 3000])
def test_bytes_that_are_no_preamble(
    front: Front, data: bytes, outcome: Outcome, fault: Fault | None, behind: bytes
) -> None:
    """What has a fault gets exactly its record, half-closed; the rest is closed without a word."""
    client = front.connect(data + behind)
    if fault is not None:
        assert everything(client) == fault.record
        front.send(client, b"the client goes on for a while")
        assert front.admission.descriptors == 1
        front.hangUp(client)
    else:
        assert is_reset(client)
    assert front.outcomes.outcomes == [outcome]
    assert front.admission.descriptors == 0
    front.check()


@pytest.mark.parametrize("outcome", list(FAULTS))
def test_each_refusal(front: Front, outcome: Outcome) -> None:
    """Each outcome with a fault sends that fault, waits for the client's close, and is closed."""
    client = front.connect(PREAMBLE)
    front.arrivals[0].refuse(outcome, "because")
    front.reactor.settle()
    assert everything(client) == FAULTS[outcome].record
    assert front.outcomes.outcomes == [outcome]
    assert front.admission.descriptors == 1
    front.hangUp(client)
    assert front.admission.descriptors == 0


def test_a_client_that_closed_its_half_hears_the_fault(front: Front) -> None:
    """A client that has sent all it wants to, and closed its half, still reads the fault."""
    client = front.connect(PREAMBLE)
    client.shutdown(socket.SHUT_WR)
    front.arrivals[0].refuse(Outcome.ENDPOINT_NOT_FOUND, "because")
    front.reactor.settle()
    assert everything(client) == Fault.ENDPOINT_NOT_FOUND.record
    assert front.admission.descriptors == 0


@pytest.mark.parametrize("outcome", [Outcome.BAD_VIA, Outcome.MALFORMED])
def test_refusals_without_a_fault(front: Front, outcome: Outcome) -> None:
    """An outcome without a fault closes without a word."""
    client = front.connect(PREAMBLE)
    front.arrivals[0].refuse(outcome, "because")
    assert is_reset(client)
    assert front.admission.descriptors == 0


def test_a_refused_client_that_never_closes(open_front: Callable[..., Front]) -> None:
    """After closeTimeout a refused client is cut off."""
    front = open_front(closeTimeout=5)
    client = front.connect(b"\0\2")
    assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    front.reactor.advance(4.9)
    assert front.admission.descriptors == 1
    front.reactor.advance(0.2)
    front.reactor.settle()
    assert front.admission.descriptors == 0


def test_a_refused_client_that_never_stops_sending(front: Front) -> None:
    """Only so many bytes are drained."""
    client = front.connect(b"\0\2")
    sent = 0
    while sent <= MAX_DRAIN_SIZE:
        assert front.admission.descriptors == 1
        sent += client.send(b"x" * 8192)
        front.reactor.settle()
    assert front.admission.descriptors == 0


def test_a_refused_client_that_has_left(front: Front) -> None:
    """Refusing a connection whose client has reset it is one outcome, and no leak."""
    client = front.connect(PREAMBLE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    front.arrivals[0].refuse(Outcome.SERVER_TOO_BUSY, "because")
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
    front.check()


def test_many_refusals_at_once(open_front: Callable[..., Front]) -> None:
    """Under attack every client still gets its fault, but nobody is waited for."""
    front = open_front(maxPendingConnections=2)
    clients = [front.connect(b"\0\2") for _ in range(4)]
    assert len(front.ending._refusing) == 2
    assert front.admission.descriptors == 2
    for client in clients:
        assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    assert front.outcomes.outcomes == [Outcome.UNSUPPORTED_VERSION] * 4


def test_stopping_while_refusing(front: Front) -> None:
    """Stopping cuts off who is still being refused."""
    front.connect(b"\0\2")
    front.ending.stop()
    front.reactor.settle()
    assert front.admission.descriptors == 0


@pytest.mark.parametrize("sent", [0, 1, len(PREAMBLE) - 4])
def test_the_receive_timeout(open_front: Callable[..., Front], sent: int) -> None:
    """A preamble that takes longer than receiveTimeout, counted from the connecting, is cut."""
    front = open_front(receiveTimeout=30)
    client = front.connect()
    front.reactor.advance(20)
    front.send(client, PREAMBLE[:sent])
    front.reactor.advance(9.9)
    assert front.outcomes.outcomes == []
    front.reactor.advance(0.2)
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.RECEIVE_TIMEOUT]
    assert is_reset(client)
    front.check()


def test_no_receive_timeout(open_front: Callable[..., Front]) -> None:
    """Without one a client may take for ever."""
    front = open_front(receiveTimeout=None)
    front.connect()
    front.reactor.advance(1e6)
    assert len(front.factory.undecided) == 1


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(b"", Outcome.EMPTY), (b"\0", Outcome.INCOMPLETE), (PREAMBLE[:-4], Outcome.INCOMPLETE)],
)
def test_clients_that_leave(front: Front, data: bytes, outcome: Outcome) -> None:
    """A client that leaves before its via is counted by whether it said anything."""
    front.hangUp(front.connect(data))
    assert front.outcomes.outcomes == [outcome]
    front.check()


def test_the_pending_limit(open_front: Callable[..., Front]) -> None:
    """At the limit of undecided connections the ports pause, until one is decided."""
    front = open_front(maxPendingConnections=2)
    one, _ = front.connect(), front.connect()
    assert front.admission.paused
    front.send(one, PREAMBLE)
    assert not front.admission.paused


def test_the_byte_limit(open_front: Callable[..., Front]) -> None:
    """At the limit of undecided bytes the ports pause; a decision gives its bytes back."""
    front = open_front(maxPendingBytes=20)
    client = front.connect(PREAMBLE[:15])
    assert not front.admission.paused
    front.connect(PREAMBLE[:5])
    assert front.admission.paused
    front.send(client, PREAMBLE[15:])
    assert front.admission.pendingBytes == 5
    assert not front.admission.paused


def test_the_per_peer_limit(open_front: Callable[..., Front]) -> None:
    """A client with too many undecided connections gets ServerTooBusy at once, others do not."""
    front = open_front(maxPendingPerPeer=2)
    front.connect()
    front.connect()
    assert everything(front.connect()) == Fault.SERVER_TOO_BUSY.record
    front.connect(PREAMBLE, family=socket.AF_INET6)
    assert len(front.arrivals) == 1
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
    front.hangUp(front.clients[0])
    front.connect(PREAMBLE)
    assert len(front.arrivals) == 2


def test_stopping(front: Front) -> None:
    """What is undecided when the service stops is dropped, and counted as that."""
    front.connect()
    front.connect(b"\0\1")
    front.factory.stop()
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.SHUTDOWN] * 2
    front.check()


class Unpassable(FakeStreamTransport):
    """A transport whose state is not all in the socket."""


def test_a_connection_that_cannot_be_given_away(front: Front) -> None:
    """A TLS listener's connection is refused, and the log says what to do."""
    client, server = tcpPair()
    front.clients.append(client)
    protocol = front.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    transport = Unpassable(server, front.reactor, protocol)
    directlyProvides(transport, ISSLTransport)
    front.reactor.transports.append(transport)
    protocol.makeConnection(transport)  # type: ignore[arg-type]
    front.send(client, PREAMBLE)
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    assert front.outcomes.outcomes == [Outcome.NOT_PASSABLE]
    front.check()


PROXY_V1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 808\r\n"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\7\xc6\x33\x64\1\x12\x67\3\x28"


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
@pytest.mark.parametrize("together", [True, False])
def test_behind_a_balancer(front: Front, header: bytes, together: bool) -> None:
    """Behind the haproxy: endpoint an arrival has the real client's address."""
    factory = HAProxyWrappingFactory(front.factory)
    if together:
        front.connect(header + PREAMBLE, factory)
    else:
        client = front.connect(header, factory)
        front.send(client, PREAMBLE)
    (arrival,) = front.arrivals
    assert (arrival.peer, arrival.local) == ("203.0.113.7:4711", "198.51.100.1:808")
    assert arrival.readData == PREAMBLE


def returned(front: Front) -> tuple[socket.socket, Any]:
    """A connection that was handed over, and that its worker gives back."""
    client = front.connect(PREAMBLE)
    arrival = front.arrivals.pop()
    view = arrival.held.view()
    copy = view.dup()
    view.detach()
    arrival.take(Outcome.HANDED_OVER)
    return client, HeldSocket(copy.detach())


def test_a_returned_connection(front: Front) -> None:
    """It is counted as returned, and arrives again, with the address that the worker knows."""
    _, held = returned(front)
    front.factory.receiveReturned(held, PREAMBLE, "203.0.113.7:1", "127.0.0.1:808")
    (arrival,) = front.arrivals
    assert (arrival.via, arrival.peer) == (VIA, "203.0.113.7:1")
    assert (front.outcomes.accepted, front.outcomes.returned) == (1, 1)
    assert front.admission.descriptors == 1
    front.check()


@pytest.mark.parametrize("cut", [0, 1, 8, len(PREAMBLE) - 4])
def test_a_returned_connection_with_part_of_its_preamble(front: Front, cut: int) -> None:
    """The rest is read here, under the same time limit, and the address is kept."""
    client, held = returned(front)
    front.factory.receiveReturned(held, PREAMBLE[:cut], "203.0.113.7:1", "x")
    assert front.admission.pending == 1
    front.check()
    front.send(client, PREAMBLE[cut:])
    (arrival,) = front.arrivals
    assert (arrival.via, arrival.readData, arrival.peer) == (VIA, PREAMBLE, "203.0.113.7:1")
    assert (front.outcomes.accepted, front.outcomes.returned) == (1, 1)


def test_a_returned_connection_that_goes_silent(open_front: Callable[..., Front]) -> None:
    """It has the receiveTimeout, like any other."""
    front = open_front(receiveTimeout=30)
    _, held = returned(front)
    front.factory.receiveReturned(held, b"\0", "203.0.113.7:1", "x")
    front.reactor.advance(31)
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.RECEIVE_TIMEOUT]
    front.check()


def test_a_returned_connection_that_makes_no_sense(front: Front) -> None:
    """It is refused as if it had just come."""
    client, held = returned(front)
    front.factory.receiveReturned(held, b"\0\2", "203.0.113.7:1", "x")
    front.reactor.settle()
    assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.UNSUPPORTED_VERSION]


@pytest.mark.parametrize("data", [b"", PREAMBLE])
def test_a_returned_connection_whose_client_has_left(front: Front, data: bytes) -> None:
    """It has one more outcome, and leaves nothing behind."""
    client, held = returned(front)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    front.factory.receiveReturned(held, data, "203.0.113.7:1", "x")
    front.reactor.settle()
    if data:
        front.arrivals[0].take(Outcome.CLIENT_GONE)
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.CLIENT_GONE]
    front.check()


def test_refusing_a_returned_connection(front: Front) -> None:
    """A connection that went round too often is refused without being read."""
    client, held = returned(front)
    front.factory.refuseReturned(held, Outcome.CONNECTION_DISPATCH_FAILED, "round", "p", "l")
    front.reactor.settle()
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.CONNECTION_DISPATCH_FAILED]


def failing(arrival: IArrival) -> None:
    raise RuntimeError("a mistake in somebody's route")


def test_a_route_that_fails(front: Front) -> None:
    """A connection whose route raises is refused; the next one is served."""
    arrivals = front.router
    front.router = failing
    client = front.connect(PREAMBLE)
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    front.router = arrivals
    front.connect(PREAMBLE)
    assert len(front.arrivals) == 1
    assert front.outcomes.outcomes == [Outcome.CONNECTION_DISPATCH_FAILED]


class Received(Protocol):
    """Keeps what it is sent."""

    def __init__(self, fails: bool = False) -> None:
        self.data = b""
        self.fails = fails

    def dataReceived(self, data: bytes) -> None:
        if self.fails:
            raise RuntimeError("a mistake in somebody's protocol")
        self.data += data


def local_route(front: Front, protocol: Any) -> LocalRoute:
    factory = Factory()
    factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign]
    route = LocalRoute(front.reactor, factory)
    verifyObject(IRoute, route)
    front.router = route.render
    return route


def test_a_local_route(front: Front) -> None:
    """A Factory in this process gets every byte from the preamble on, and the connection."""
    protocol = Received()
    local_route(front, protocol)
    client = front.connect(PREAMBLE)
    front.send(client, b"more")
    assert protocol.data == PREAMBLE + b"more"
    assert protocol.transport is not None
    protocol.transport.write(b"answer")
    protocol.transport.loseConnection()
    front.reactor.settle()
    assert everything(client) == b"answer"
    assert front.outcomes.outcomes == [Outcome.LOCAL]
    front.check()


def test_a_local_factory_that_wants_no_protocol(front: Front) -> None:
    """It is busy: the client is told so, and it is counted as that."""
    local_route(front, None)
    assert everything(front.connect(PREAMBLE)) == Fault.SERVER_TOO_BUSY.record
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]


def test_a_local_protocol_that_fails(front: Front) -> None:
    """Its connection is lost, as on any port, and has its one outcome."""
    local_route(front, Received(fails=True))
    assert is_reset(front.connect(PREAMBLE))
    assert front.outcomes.outcomes == [Outcome.LOCAL]


def test_a_local_factory_that_fails(front: Front) -> None:
    """A Factory that raises costs its connection only."""

    class Failing(Factory):
        def buildProtocol(self, addr: object) -> Protocol:
            raise RuntimeError("a mistake in somebody's Factory")

    front.router = LocalRoute(front.reactor, Failing()).render
    assert is_reset(front.connect(PREAMBLE))
    assert front.outcomes.outcomes == [Outcome.CONNECTION_DISPATCH_FAILED]


def test_a_local_route_whose_client_has_left(front: Front) -> None:
    """A client that reset its connection meanwhile is counted as gone."""
    route = local_route(front, Received())
    front.router = front.arrivals.append
    client = front.connect(PREAMBLE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    route.render(front.arrivals[0])
    assert front.outcomes.outcomes == [Outcome.CLIENT_GONE]


def test_a_fault_route(front: Front) -> None:
    """An address can be closed for maintenance."""
    route = FaultRoute(Outcome.ENDPOINT_UNAVAILABLE, "closed until tomorrow")
    verifyObject(IRoute, route)
    front.router = route.render
    assert everything(front.connect(PREAMBLE)) == Fault.ENDPOINT_UNAVAILABLE.record
    assert front.outcomes.outcomes == [Outcome.ENDPOINT_UNAVAILABLE]
