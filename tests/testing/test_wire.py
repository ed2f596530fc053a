"""A wire between two protocols."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import Protocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.testing.wire import MemoryTransport, Wire, connect


@implementer(IHalfCloseableProtocol)
class Side(Protocol):
    """Keeps what it is told."""

    transport: Any

    def __init__(self) -> None:
        self.told: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def readConnectionLost(self) -> None:
        self.told.append("end")

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Any = None) -> None:
        self.told.append(reason.type)


def test_interface() -> None:
    """The transport provides what TCP's do."""
    verifyObject(ITCPTransport, connect(Protocol()))


def test_halves_close_one_by_one() -> None:
    """Bytes written before the end of a half arrive before it; the other half goes on."""
    one, other = Side(), Side()
    wire = Wire(one, other)
    one.transport.write(b"a")
    one.transport.loseWriteConnection()
    assert wire.flow()
    other.transport.write(b"b")
    other.transport.loseConnection()
    wire.flow()
    assert not wire.flow()
    assert (other.told, one.told) == ([b"a", "end", ConnectionDone], [b"b", "end"])


def test_a_reset_is_told() -> None:
    """Aborting ends both sides, each with its own reason, and tells who asked to be told."""
    one, other = Side(), Side()
    wire = Wire(one, other)
    lost: list[Any] = []
    end: MemoryTransport = wire.ends[0]
    end.whenLost = lambda reason: lost.append(reason.type)
    other.transport.abortConnection()
    wire.flow()
    assert (one.told, other.told) == ([ConnectionLost], [ConnectionAborted])
    assert lost == [ConnectionLost]


def test_a_paused_side_gets_nothing() -> None:
    """Bytes wait until their receiver reads again."""
    one, other = Side(), Side()
    wire = Wire(one, other)
    other.transport.pauseProducing()
    one.transport.write(b"a")
    assert not wire.flow()
    other.transport.resumeProducing()
    assert wire.flow()
    assert other.told == [b"a"]
