"""The network in memory: clients meet servers as they do over TCP."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import (
    CannotListenError,
    ConnectionDone,
    ConnectionRefusedError,
    NotConnectingError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import (
    IConnector,
    IListeningPort,
    IPushProducer,
    IReactorTCP,
    ITCPTransport,
)
from twisted.internet.protocol import ClientFactory, Factory, Protocol, ReconnectingClientFactory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.testing import MemoryNetwork


class Echo(Protocol):
    """Says what it is told."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Client(Protocol):
    """Keeps what it is told."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.reason: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.reason = reason


class Noting(ClientFactory):
    """Notes what it is told of its connection."""

    noisy = False
    protocol = Client

    def __init__(self) -> None:
        self.told: list[Any] = []

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.told.append(reason.type)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self.told.append(("lost", reason.type))


@pytest.fixture
def network() -> MemoryNetwork:
    """A network without ports."""
    return MemoryNetwork()


def echoing(network: MemoryNetwork, **options: Any) -> Any:
    """Listen."""
    return network.listenTCP(options.pop("port", 9000), Factory.forProtocol(Echo), **options)


def connect(network: MemoryNetwork, host: str = "127.0.0.1", port: int = 9000) -> Any:
    """A connected client."""
    endpoint = TCP4ClientEndpoint(network, host, port)
    return network.result(connectProtocol(endpoint, Client()))


def test_interfaces(network: MemoryNetwork) -> None:
    """Reactor, port, connector and transport provide what Twisted's do."""
    verifyObject(IReactorTCP, network)
    port = echoing(network)
    verifyObject(IListeningPort, port)
    verifyObject(IPushProducer, port)
    verifyObject(IConnector, network.connectTCP("127.0.0.1", 9000, Noting()))
    verifyObject(ITCPTransport, connect(network).transport)


def test_bytes_and_addresses(network: MemoryNetwork) -> None:
    """Bytes arrive, and each side knows the other's address."""
    echoing(network)
    client = connect(network)
    client.transport.write(b"one")
    network.settle()
    assert client.received == b"one"
    wire = network.wires[0]
    assert wire.spoken == [(0, b"one"), (1, b"one")]
    assert client.transport.getPeer() == wire.ends[1].getHost()
    assert wire.ends[1].getPeer() == client.transport.getHost()
    assert client.transport.getPeer().port == 9000


def test_the_end_of_a_connection(network: MemoryNetwork) -> None:
    """The factory of a client is told when its connection is over."""
    echoing(network)
    factory = Noting()
    connector = network.connectTCP("127.0.0.1", 9000, factory)
    network.settle()
    connector.disconnect()
    network.settle()
    assert factory.told == [("lost", ConnectionDone)]


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1"])
def test_names(network: MemoryNetwork, host: str) -> None:
    """HostnameEndpoint works, whatever it is given."""
    echoing(network)
    connecting = connectProtocol(HostnameEndpoint(network, host, 9000), Client())
    assert isinstance(network.result(connecting), Client)


def test_refused(network: MemoryNetwork) -> None:
    """Where nothing listens a client is refused, as after the port is closed."""
    with pytest.raises(ConnectionRefusedError):
        connect(network)
    port = echoing(network)
    connect(network)
    port.stopListening()
    port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        connect(network)


def test_a_factory_without_a_protocol(network: MemoryNetwork) -> None:
    """A server whose factory builds none refuses."""

    class Full(Factory):
        def buildProtocol(self, addr: Any) -> None:
            return None

    network.listenTCP(9000, Full())
    with pytest.raises(ConnectionRefusedError):
        connect(network)


def test_ports(network: MemoryNetwork) -> None:
    """A port is listened on once, for each family; port 0 is a free one."""
    echoing(network)
    with pytest.raises(CannotListenError):
        echoing(network)
    echoing(network, interface="::")
    assert echoing(network, port=0).getHost().port != echoing(network, port=0).getHost().port


def test_a_paused_port_lets_clients_wait(network: MemoryNetwork) -> None:
    """What comes to a paused port is accepted later, or gives up when its time is over."""
    port = echoing(network)
    port.pauseProducing()
    endpoint = TCP4ClientEndpoint(network, "127.0.0.1", 9000, timeout=3)
    patient: Deferred[Any] = connectProtocol(endpoint, Client())
    network.settle()
    assert not patient.called
    port.resumeProducing()
    assert isinstance(network.result(patient), Client)
    port.pauseProducing()
    late: Deferred[Any] = connectProtocol(endpoint, Client())
    network.settle()
    network.advance(3)
    with pytest.raises(TimeoutError):
        network.result(late)
    port.resumeProducing()
    assert len(network.wires) == 1


def test_an_attempt_can_be_given_up(network: MemoryNetwork) -> None:
    """stopConnecting fails the attempt, once."""
    echoing(network)
    factory = Noting()
    connector = network.connectTCP("127.0.0.1", 9000, factory)
    connector.stopConnecting()
    assert factory.told == [UserError]
    with pytest.raises(NotConnectingError):
        connector.stopConnecting()
    network.settle()
    assert network.wires == []


def test_connecting_again(network: MemoryNetwork) -> None:
    """A factory that reconnects gets its connection once somebody listens."""
    factory = ReconnectingClientFactory()
    factory.noisy = False
    factory.protocol = Client
    network.connectTCP("127.0.0.1", 9000, factory)
    factory.clock = network
    network.settle()
    echoing(network)
    network.advance(60)
    network.settle()
    assert len(network.wires) == 1
    factory.stopTrying()


def test_results(network: MemoryNetwork) -> None:
    """A coroutine's result is given, its error raised, and neither is an error of its own."""

    async def three() -> int:
        return 3

    async def wrong() -> None:
        raise KeyError("x")

    assert network.result(three()) == 3
    with pytest.raises(KeyError):
        network.result(wrong())
    with pytest.raises(AssertionError, match="no result yet"):
        network.result(Deferred())
