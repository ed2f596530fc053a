"""netshare.endpoints.preamble and netshare.endpoints.client: any protocol inside a preamble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.addresses import AddressError
from netshare.endpoints.client import NetTcpClientEndpoint, PreambleRefused
from netshare.endpoints.preamble import ConsumingFactory
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import PREAMBLE_ACK, SSL_TLS_UPGRADE, Mode, preamble
from tests.helpers.places import VECTORS

VIA = "net.tcp://127.0.0.1:9000/a"


class Kept(Protocol):
    """Keeps what happens to it."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = False

    def connectionMade(self) -> None:
        self.made = True

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


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
    assert one.reactor.getDelayedCalls() == []
    one.lose()
    assert one.factory.protocols == {}


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
    """The connection is cut."""
    wrapped = Factory()
    wrapped.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    one = Consuming(wrapped=wrapped)
    one.protocol.dataReceived(preamble(VIA))
    assert one.transport.disconnecting
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


class Client:
    """A client endpoint with its one connection."""

    def __init__(self, **options: Any) -> None:
        self.reactor = MemoryReactorClock()
        self.endpoint = NetTcpClientEndpoint(self.reactor, VIA, **options)
        self.results: list[Any] = []
        self.answer: Deferred[Any] = self.endpoint.connect(Factory.forProtocol(Kept))
        self.answer.addBoth(self.results.append)
        self.transport = StringTransport()

    def connected(self) -> Any:
        self.reactor.advance(1)  # the endpoint tries its addresses on the clock
        host, port, factory, _, _ = self.reactor.tcpClients[0]
        self.where = (host, port)
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return self.protocol

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def errors() -> Iterator[list[Any]]:
    """What is logged as a failure meanwhile; nothing may be."""
    import gc

    logged: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            logged.append(event)

    globalLogPublisher.addObserver(observe)
    yield logged
    gc.collect()
    globalLogPublisher.removeObserver(observe)
    assert logged == []


@pytest.mark.usefixtures("errors")
def test_connecting() -> None:
    """The preamble goes out first; with the ack the protocol is there, and gets the rest."""
    client = Client(mode=Mode.SINGLETON)
    verifyObject(IStreamClientEndpoint, client.endpoint)
    protocol = client.connected()
    assert client.where == ("127.0.0.1", 9000)
    sent = read_preamble(client.transport.value(), Stage.ANSWER)
    assert isinstance(sent, Preamble)
    assert (sent.via, sent.mode) == (VIA, Mode.SINGLETON)
    assert client.results == []
    protocol.dataReceived(b"\x0bhello")
    (inner,) = client.results
    assert inner.data == b"hello"
    protocol.dataReceived(b" more")
    assert inner.data == b"hello more"
    client.lose()
    assert inner.lost
    assert client.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({}, ("127.0.0.1", 9000)),
        ({"host": "127.0.0.9"}, ("127.0.0.9", 9000)),
        ({"port": 99}, ("127.0.0.1", 99)),
        ({"host": "::1", "port": 99}, ("::1", 99)),
        ({"host": "[::1]"}, ("::1", 9000)),
    ],
)
def test_where_to(options: dict[str, Any], where: tuple[str, int]) -> None:
    """Host and port are those of the via, unless they are named."""
    inner = NetTcpClientEndpoint(MemoryReactorClock(), VIA, **options)._endpoint
    assert (inner._hostText, inner._port) == where


def refusal(client: Client) -> Any:
    (failure,) = client.results
    assert failure.check(PreambleRefused), failure
    return failure.value


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("step", [1, 100])
@pytest.mark.usefixtures("errors")
def test_faults(fault: Fault, step: int) -> None:
    """A fault is said in words, with its text for programs; closing afterwards adds nothing."""
    client = Client()
    protocol = client.connected()
    for at in range(0, len(fault.record), step):
        protocol.dataReceived(fault.record[at : at + step])
    refused = refusal(client)
    assert refused.uri == fault.uri
    assert VIA in str(refused)
    assert fault.value in str(refused)
    assert client.transport.disconnecting
    client.lose()


@pytest.mark.parametrize(
    ("data", "uri", "word"),
    [
        (b"\x08\x05hello", "hello", "hello"),
        (b"\x08\x01\xff", "\ufffd", "\ufffd"),
        (b"\x08\x81\x02", None, "too long"),
        (b"\x08\xff\xff\xff\xff\xff", None, "too long"),
        (b"HTTP/1.1 400 Bad Request", None, "no net.tcp"),
        (b"\x0a", None, "no net.tcp"),
        (b"", None, "closed"),
        (b"\x08\x05he", None, "closed"),
    ],
)
@pytest.mark.usefixtures("errors")
def test_other_answers(data: bytes, uri: str | None, word: str) -> None:
    """Any other answer, and none, is a refusal that says so."""
    client = Client()
    protocol = client.connected()
    if data:
        protocol.dataReceived(data)
        protocol.dataReceived(b"")
    client.lose()
    assert refusal(client).uri == uri
    assert word in str(refusal(client))


@pytest.mark.usefixtures("errors")
def test_nobody_there() -> None:
    """An attempt that fails is reported as it failed."""
    client = Client()
    client.reactor.advance(1)
    factory = client.reactor.tcpClients[0][2]
    factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
    client.reactor.pump([1] * 40)
    assert client.results[0].check(ConnectionRefusedError)
    assert client.reactor.getDelayedCalls() == []


@pytest.mark.usefixtures("errors")
def test_an_answer_that_does_not_come() -> None:
    """The timeout covers connecting and the answer; the connection is cut."""
    client = Client(timeout=5)
    client.connected()
    client.reactor.advance(5)
    assert client.results[0].check(TimeoutError)
    assert client.transport.disconnecting
    client.lose()
    assert client.reactor.getDelayedCalls() == []


@pytest.mark.usefixtures("errors")
def test_cancelling_before_the_connection_is_made() -> None:
    """Nobody connects any more, and nothing is left waiting."""
    client = Client()
    client.reactor.advance(1)
    connector = client.reactor.connectors[0]
    client.answer.cancel()
    assert client.results[0].check(CancelledError)
    assert connector.stoppedConnecting  # type: ignore[attr-defined]
    assert client.reactor.getDelayedCalls() == []


@pytest.mark.usefixtures("errors")
def test_a_connection_that_does_not_come_about() -> None:
    """The timeout is a timeout in this phase, too."""
    client = Client(timeout=5)
    client.reactor.pump([1] * 6)
    assert client.results[0].check(TimeoutError)
    assert client.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("via", ["", "no address", "net.tcp://h:0/"])
def test_a_bad_via(via: str) -> None:
    """A via that is no address is refused at once."""
    with pytest.raises(AddressError):
        NetTcpClientEndpoint(MemoryReactorClock(), via)


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


def test_many_different_preambles() -> None:
    """What is remembered of preambles is bounded."""
    one = Consuming()
    for number in range(2000):
        protocol: Any = one.factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(preamble(f"{VIA}/{number}" + "x" * (number % 7 * 300)))
        protocol.connectionLost(Failure(ConnectionDone()))
    assert len(one.inner) == 2000
    assert sum(map(len, one.factory.known)) <= 256 * 1024
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
