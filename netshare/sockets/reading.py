"""
A transport that only reads: for connections that say a few bytes and then belong to another.

Making one of Twisted's transports takes several times as long, which counts when thousands of
connections say nothing at all.
"""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.reactors import IReactor
from netshare.sockets.held import HeldSocket

#: How many bytes one read asks for, and that it never waits: another process that has the socket
#: can make it a blocking one.
_READ, _NO_WAITING = 65536, int(socket.MSG_DONTWAIT)

_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, no time


@implementer(IReadDescriptor)
class ReadingTransport:
    """
    Gives a protocol what comes on a TCP socket. It has what
    :meth:`HeldSocket.from_transport <netshare.sockets.held.HeldSocket.from_transport>` needs to
    take the socket out again, and nothing for writing.

    :param held: the socket, which this transport owns from now on
    """

    __slots__ = ("_descriptor", "_protocol", "_reactor", "_reading", "_socket", "alone")

    def __init__(self, reactor: IReactor, held: HeldSocket, protocol: Protocol) -> None:
        self._reactor = reactor
        self._protocol = protocol
        #: Whether no other process has, or had, the socket.
        self.alone = held.alone
        self._descriptor = held.release()
        # Its family does not matter for reading, and asking for it takes time.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, self._descriptor)
        self._reading = False

    def begin(self) -> None:
        """Connect the protocol, and read."""
        self._protocol.makeConnection(self)
        if self._socket.fileno() >= 0:
            self._reading = True
            self._reactor.addReader(self)

    def getHandle(self) -> socket.socket:
        """The socket; who detaches it has it."""
        return self._socket

    def pauseProducing(self) -> None:
        """Read no more."""
        if self._reading:
            self._reading = False
            self._reactor.removeReader(self)

    def abortConnection(self) -> None:
        """
        Reset the connection. The protocol is told, unless the socket was taken out of here.
        """
        self.pauseProducing()
        if self._socket.fileno() < 0:
            return
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass  # it is gone already
        self._lose()

    def fileno(self) -> int:
        """The descriptor; when it is closed, the one that it was."""
        return self._descriptor

    def logPrefix(self) -> str:
        """For Twisted's log."""
        return "netshare"

    def doRead(self) -> None:
        """Something has come, or the end."""
        if self._socket.fileno() < 0:
            return
        try:
            data = self._socket.recv(_READ, _NO_WAITING)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._protocol.dataReceived(data)
        else:
            self._lose()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has given the descriptor up."""
        if self._socket.fileno() >= 0:
            self._lose()

    def _lose(self) -> None:
        self.pauseProducing()
        self._socket.close()
        self._protocol.connectionLost()
