"""netshare.endpoints.preamble and netshare.endpoints.client: any protocol inside a preamble."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netshare.endpoints.preamble import MAX_REFUSING, ConsumingFactory, factory_for
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import PREAMBLE_ACK, SSL_TLS_UPGRADE, Mode, preamble
from netshare.testing import AdoptingReactor, tcpPair
from netshare.testing.wire import MemoryTransport
from tests.helpers.places import VECTORS
from tests.helpers.protocols import Kept

VIA = "net.tcp://127.0.0.1:9000/a"


class Consuming:
    """A consuming Factory with one connection."""

    def __init__(self, timeout: float | None = 30.0, wrapped: Any = None) -> None:
        self.reactor = MemoryReactorClock()
        self.inner: list[Kept] = []
        factory = Factory()
        factory.buildProtocol = self.build  # type: ignore[assignment]
        self.factory = ConsumingFactory(wrapped or factory, self.reactor, timeout)
        self.transport = StringTransport()
        self.protocol: Any = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def build(self, addr: Any) -> Kept:
        self.inner.append(Kept())
        return self.inner[-1]

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.mark.parametrize("mode", [Mode.DUPLEX, Mode.SINGLETON])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_consuming(mode: Mode, step: int) -> None:
    """The preamble is acknowledged, and the wrapped protocol sees what follows it only."""
    one = Consuming()
    data = preamble(VIA, mode) + b"GET / HTTP/1.1"
    for at in range(0, len(data), step):
        one.protocol.dataReceived(data[at : at + step])
    assert one.transport.value() == PREAMBLE_ACK
    (inner,) = one.inner
    assert inner.data == b"GET / HTTP/1.1"
    assert inner.transport is not None
    inner.transport.write(b"answer")
    assert one.transport.value() == PREAMBLE_ACK + b"answer"
    assert one.reactor.getDelayedCalls() == []
    one.lose()
    assert inner.lost
    assert one.factory.protocols == {}


@pytest.mark.parametrize("mode", [Mode.SIMPLEX, Mode.SINGLETON_SIZED])
def test_modes_without_an_answer(mode: Mode) -> None:
    """The two modes of message queues expect no acknowledgement."""
    one = Consuming()
    one.protocol.dataReceived(preamble(VIA, mode))
    assert one.transport.value() == b""
    assert len(one.inner) == 1
    one.lose()


REFUSED = [
    (preamble(VIA, upgrade=SSL_TLS_UPGRADE), Fault.UPGRADE_INVALID),
    (b"\0\2", Fault.UNSUPPORTED_VERSION),
    (b"\0\1\0\1\7", Fault.UNSUPPORTED_MODE),
    (b"GET / HTTP/1.1", None),
    (preamble(VIA)[:-1] + b"\x06", None),
]


@pytest.mark.parametrize(("data", "fault"), REFUSED)
def test_refusing(data: bytes, fault: Fault | None) -> None:
    """What cannot be served is answered by its fault, or by closing, and reaches nobody."""
    one = Consuming()
    one.protocol.dataReceived(data)
    assert one.transport.value() == (fault.record if fault is not None else b"")
    assert one.transport.disconnecting
    assert one.inner == []
    one.lose()
    assert one.reactor.getDelayedCalls() == []
    assert one.factory.protocols == {}


@pytest.mark.parametrize("leaves", ["closes", "is lost", "stays", "sends on"])
def test_a_refused_client_hears_it(leaves: str) -> None:
    """
    The fault goes out, and what the client still sends is read: closing with unread bytes would
    reset the connection, and take the fault with it.
    """
    one = Consuming()
    protocol: Any = one.factory.buildProtocol(None)
    transport = MemoryTransport(protocol)
    protocol.makeConnection(transport)
    transport.receive(REFUSED[0][0] + b"x" * 1000)
    assert transport.take() == Fault.UPGRADE_INVALID.record
    assert (transport.state, transport.halfClosed) == ("open", True)
    transport.receive(b"x" * 60000)
    assert transport.state == "open"
    if leaves == "closes":
        transport.receiveEof()
        assert transport.state == "closing"
    elif leaves == "stays":
        one.reactor.advance(10.1)
        assert transport.state == "aborting"
    elif leaves == "sends on":
        transport.receive(b"x" * 10000)
        assert transport.state == "aborting"
    transport.lose(ConnectionDone())
    one.lose()
    assert (one.inner, one.factory.protocols, one.factory.refusing) == ([], {}, set())
    assert one.reactor.getDelayedCalls() == []


def test_many_refused_clients() -> None:
    """All get their fault, and only so many of them are waited for."""
    one = Consuming()
    transports = []
    for _ in range(MAX_REFUSING + 1):
        protocol: Any = one.factory.buildProtocol(None)
        transports.append(MemoryTransport(protocol))
        protocol.makeConnection(transports[-1])
        transports[-1].receive(REFUSED[0][0])
        assert transports[-1].take() == Fault.UPGRADE_INVALID.record
    assert [transport.state for transport in transports[-2:]] == ["open", "closing"]
    for transport in transports:
        transport.lose(ConnectionDone())
    one.lose()
    assert one.reactor.getDelayedCalls() == []


def test_a_preamble_that_does_not_come() -> None:
    """After the timeout the connection is cut."""
    one = Consuming(timeout=5)
    one.protocol.dataReceived(b"\0\1")
    one.reactor.advance(4.9)
    assert not one.transport.disconnecting
    one.reactor.advance(0.2)
    assert one.transport.disconnecting
    one.lose()


def test_a_client_that_leaves_early() -> None:
    """Nothing is left of it, and the wrapped Factory never heard of it."""
    one = Consuming()
    one.lose()
    assert (one.inner, one.factory.protocols, one.reactor.getDelayedCalls()) == ([], {}, [])


def test_no_timeout() -> None:
    """Without one a client may take for ever."""
    one = Consuming(timeout=None)
    assert one.reactor.getDelayedCalls() == []
    one.lose()


def test_a_factory_that_wants_no_protocol() -> None:
    """The client is told that the server is busy, and gets no ack."""
    wrapped = Factory()
    wrapped.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    one = Consuming(wrapped=wrapped)
    one.protocol.dataReceived(preamble(VIA))
    assert one.transport.value() == Fault.SERVER_TOO_BUSY.record
    assert one.transport.disconnecting
    one.lose()
    assert one.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("wanted", [True, False])
def test_a_factory_that_is_asked_first(wanted: bool) -> None:
    """With the whole preamble at hand, the Factory says whether it wants it before anything."""
    one = Consuming()
    if not wanted:
        one.factory.wrappedFactory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    asked = factory_for(one.factory, preamble(VIA) + b"GET /")
    protocol: Any = asked.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5000))
    assert len(one.inner) == wanted
    assert (protocol is not None) is wanted
    if wanted:
        transport = MemoryTransport(protocol)
        protocol.makeConnection(transport)
        assert not one.inner[0].made
        transport.receive(preamble(VIA) + b"GET /")
        assert (one.inner[0].made, one.inner[0].data, len(one.inner)) == (True, b"GET /", 1)
        assert transport.take() == PREAMBLE_ACK
        transport.lose(ConnectionDone())
        assert one.inner[0].lost
    one.lose()
    assert (one.factory.protocols, one.reactor.getDelayedCalls()) == ({}, [])


@pytest.mark.parametrize(
    "data", [b"", preamble(VIA)[:-1], preamble(VIA, upgrade=SSL_TLS_UPGRADE), b"\0\2"]
)
def test_what_does_not_concern_the_factory_yet(data: bytes) -> None:
    """It is not asked for a connection whose preamble is not whole, or that is refused."""
    one = Consuming()
    assert factory_for(one.factory, data) is one.factory
    plain = Factory()
    assert factory_for(plain, preamble(VIA)) is plain
    one.lose()


class Closing(Kept):
    """Closes at once."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


def test_a_protocol_that_closes_at_once() -> None:
    """It gets no bytes after that."""
    closing = Closing()
    wrapped = Factory()
    wrapped.buildProtocol = lambda addr: closing  # type: ignore[method-assign]
    one = Consuming(wrapped=wrapped)
    one.protocol.dataReceived(preamble(VIA) + b"more")
    assert closing.data == b""
    one.lose()


@pytest.mark.parametrize("step", [7, 1000])
def test_the_same_preamble_again(step: int) -> None:
    """A preamble that was read before counts no less, and no more, than when it was new."""
    one = Consuming()
    for mode, answer in ((Mode.DUPLEX, PREAMBLE_ACK), (Mode.SIMPLEX, b"")):
        for _ in range(3):
            transport = StringTransport()
            protocol: Any = one.factory.buildProtocol(None)
            protocol.makeConnection(transport)
            data = preamble(VIA, mode)
            for at in range(0, len(data), step):
                assert transport.value() == b""
                protocol.dataReceived(data[at : at + step])
            assert transport.value() == answer
            protocol.dataReceived(b"hello")
            assert one.inner[-1].data == b"hello"
            protocol.connectionLost(Failure(ConnectionDone()))
    assert len(one.inner) == 6
    one.lose()


def test_a_listening_factory_keeps_its_timer() -> None:
    """One delayed call serves all connections while the port is open, and goes with it."""
    one = Consuming()
    one.lose()
    one.factory.doStart()
    for _ in range(3):
        protocol: Any = one.factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        (call,) = one.reactor.getDelayedCalls()
        protocol.dataReceived(preamble(VIA))
        assert one.reactor.getDelayedCalls() == [call]
    one.factory.doStop()
    assert one.reactor.getDelayedCalls() == []


def test_a_recorded_client() -> None:
    """A stock WCF client's conversation goes through, preamble consumed."""
    vectors = VECTORS / "wcf_session_none_echo.json"
    chunks = json.loads(vectors.read_text())["chunks"]
    said = b"".join(bytes.fromhex(chunk["hex"]) for chunk in chunks if chunk["dir"] == "c2s")
    one = Consuming()
    one.protocol.dataReceived(said)
    reading = read_preamble(said, Stage.ANSWER)
    assert isinstance(reading, Preamble)
    assert one.inner[0].data == said[reading.end :]
    assert one.inner[0].data.startswith(b"\x06")
    one.lose()


@pytest.fixture
def rested() -> Any:
    """A reactor, an accepting Factory with an idle limit of eight seconds, and a connection."""
    reactor = AdoptingReactor()
    inner: list[Kept] = []
    wrapped = Factory.forProtocol(Kept)
    wrapped.buildProtocol = lambda addr: inner.append(Kept()) or inner[-1]  # type: ignore[assignment]
    factory = ConsumingFactory(wrapped, reactor, idleTimeout=8.0)
    client, server = tcpPair()
    reactor.connect(factory, server)
    client.sendall(preamble(VIA))
    reactor.settle()
    assert client.recv(10) == PREAMBLE_ACK
    yield reactor, client, inner[0], factory
    reactor.close()
    client.close()


def test_an_idle_limit(rested: Any) -> None:
    """A connection on which nothing comes or goes is cut, and not before."""
    reactor, client, inner, _ = rested
    for number in range(20):  # the client speaks, then the server does
        if number % 2:
            client.sendall(b"x")
        else:
            inner.transport.write(b"y")
        reactor.settle()
        reactor.advance(4)
    for _ in range(4):
        assert not inner.lost
        reactor.advance(2)
    reactor.settle()
    assert inner.lost
    assert reactor.getDelayedCalls() == []


def test_an_idle_limit_of_a_connection_that_ends(rested: Any) -> None:
    """It is watched no more."""
    reactor, client, inner, _ = rested
    client.close()
    reactor.settle()
    assert inner.lost
    assert reactor.getDelayedCalls() == []


def test_an_idle_limit_below_tls_and_without_a_socket(rested: Any) -> None:
    """The socket is found below what is around it; what has none is not idle."""
    _, _, inner, _ = rested
    consuming = inner.transport

    class Around:
        transport = consuming.transport

        def getHandle(self) -> object:
            return object()

    before = consuming.moved()
    consuming.transport, whole = Around(), consuming.transport
    assert consuming.moved() == before
    consuming.transport, consuming.transport.transport = whole, None
    nowhere: Any = ConsumingFactory(Factory(), MemoryReactorClock(), idleTimeout=1.0)
    protocol = nowhere.buildProtocol(None)
    protocol.transport = Around()
    protocol.transport.transport = None
    assert protocol.moved() != protocol.moved()
