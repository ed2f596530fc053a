"""netshare.endpoints.preamble and netshare.endpoints.client: any protocol inside a preamble."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netshare.endpoints.preamble import ConsumingFactory
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import PREAMBLE_ACK, SSL_TLS_UPGRADE, Mode, preamble
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
