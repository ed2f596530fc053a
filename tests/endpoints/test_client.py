"""netshare.endpoints.client: asking for an address, and what servers answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.addresses import AddressError
from netshare.endpoints.client import NetTcpClientEndpoint, PreambleRefused
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import Mode
from tests.helpers.protocols import Kept

VIA = "net.tcp://127.0.0.1:9000/a"


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
        (b"\x08\x81\x02", None, "longer than"),
        (b"\x08\xff\xff\xff\xff\xff", None, "longer than"),
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
