"""netshare.sockets.reading: a transport that only reads."""

from __future__ import annotations

import socket

import pytest
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.sockets.held import HeldSocket
from netshare.sockets.reading import ReadingTransport
from netshare.testing import tcpPair
from tests.helpers.descriptors_ready import TellingReactor


class Noting(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def connectionMade(self) -> None:
        self.told.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.told.append("lost")


def reading() -> tuple[TellingReactor, ReadingTransport, Noting, socket.socket]:
    """A transport in a reactor, its protocol, and the far end."""
    reactor, protocol = TellingReactor(), Noting()
    far, near = tcpPair()
    transport = ReadingTransport(reactor, HeldSocket(near.detach()), protocol)
    transport.begin()
    return reactor, transport, protocol, far


def test_reading() -> None:
    """Bytes, then the end."""
    reactor, transport, protocol, far = reading()
    verifyObject(IReadDescriptor, transport)
    far.sendall(b"hello")
    reactor.settle()
    far.close()
    reactor.settle()
    assert protocol.told == ["made", b"hello", "lost"]
    assert not reactor.readers
    transport.doRead()  # of the same round of the reactor


def test_taking_the_socket_out() -> None:
    """It lives on, the reactor forgets it, and the protocol hears no more."""
    reactor, transport, protocol, far = reading()
    held = HeldSocket.from_transport(transport)
    assert not reactor.readers
    assert protocol.told == ["made"]
    view = held.view()
    view.send(b"still here")
    view.detach()
    assert far.recv(100) == b"still here"
    held.close()
    far.close()


def test_aborting() -> None:
    """The far end sees a reset, the protocol the end, once."""
    reactor, transport, protocol, far = reading()
    transport.abortConnection()
    transport.abortConnection()
    transport.connectionLost(connectionDone)
    with pytest.raises(ConnectionResetError):
        far.recv(1)
    assert protocol.told == ["made", "lost"]
    assert not reactor.readers
    far.close()


def test_a_blocking_socket() -> None:
    """Reading never waits, though another process wants it to."""
    _, transport, protocol, far = reading()
    transport.getHandle().setblocking(True)
    transport.doRead()
    assert protocol.told == ["made"]
    transport.abortConnection()
    far.close()


@pytest.mark.parametrize("alone", [True, False])
def test_whether_another_process_has_it(alone: bool) -> None:
    """That is known of the socket when it is taken out again, too."""
    far, near = tcpPair()
    transport = ReadingTransport(TellingReactor(), HeldSocket(near.detach(), alone), Noting())
    transport.begin()
    held = HeldSocket.from_transport(transport)
    assert held.alone == alone
    held.close()
    far.close()
