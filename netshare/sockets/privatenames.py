"""
Everything that depends on names which Twisted, or Python, keep for themselves.

Twisted promises that a name which begins with an underscore may change in any release, and so may
what one method of a class does for another. Nearly all of netshare lives without them. What does
not has one of five reasons:

- *A connection that another process accepted.* ``IReactorSocket.adoptStreamConnection`` copies the
  descriptor, asks for the socket's name twice, and leaves the first bytes, which are here already,
  to be delivered behind the reactor's back; their answer waits for the reactor's next turn. So
  :class:`AdoptedConnection` is a :class:`twisted.internet.tcp.Server` that is made straight from
  the descriptor and used before its reactor knows of it. It overrides ``tcp.Connection`` where that
  asks the reactor, or trusts that the socket does not wait: another process has the socket, too.
- *Writing without a turn.* For a short answer, ``addWriter``, one turn of the reactor and
  ``removeWriter`` cost more than the send itself. :func:`send_now` sends when nothing waits in the
  transport, and :func:`is_idle` has to look at its buffers to know that.
- *AMP without its log.* ``AMP.makeConnection`` and ``connectionLost`` do nothing but log every
  connection twice; :func:`make_amp_connection` and :func:`lose_amp_connection` go to the class
  below. :func:`declared_errors` reads the table that AMP's metaclass makes.
- *AMP that goes on in another process.* Nothing of a conversation's state is public:
  :func:`amp_counts`, :func:`amp_descriptors` and :func:`amp_questions` read it,
  :func:`set_amp_counts` sets it.
- *The PROXY protocol.* Twisted's ``haproxy:`` endpoint puts a factory around ours, whose class has
  no public name; :func:`is_proxy_wrapping` knows it, so that netshare reads the header instead:
  Twisted's reader does not know ``UNKNOWN`` and wants the header in one piece.

And of Python: a listening socket accepts a descriptor (:func:`acceptor`) without the socket object
around it, which costs twice what the rest of accepting does. What sends descriptors stands in
:mod:`netshare.sockets.unixnames`.

:data:`RELIED_ON` lists the names; a test looks for each, so that a release in which one is gone is
noticed there and not by users. Where a name may be missing there is another way, slower and public:
:func:`makes_tcp_servers` tells whether the reactor's connections are ours to make,
:func:`is_idle` says no, :func:`acceptor` calls ``accept()``.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.tcp import Connection, Server
from twisted.protocols import amp
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure

from netshare.logger import Logger
from netshare.reactors import IConnection, IReactor
from netshare.sockets.held import forbid_lingering

#: The classes and what is used of them that is not promised.
RELIED_ON: tuple[tuple[type, str], ...] = (
    (Server, "_closeSocket"),
    (Server, "_dataReceived"),
    (Server, "_addressType"),
    (Server, "_aborting"),
    (Server, "_writeDisconnecting"),
    (Server, "_tempDataBuffer"),
    (Server, "dataBuffer"),
    (Server, "producerPaused"),
    (Server, "streamingProducer"),
    (Server, "logstr"),
    (PosixReactorBase, "adoptStreamConnection"),
    (amp.BinaryBoxProtocol, "makeConnection"),
    (amp.BinaryBoxProtocol, "connectionLost"),
    (amp.Command, "reverseErrors"),
    (amp.AMP, "_counter"),
    (amp.AMP, "_outstandingRequests"),
    (socket.socket, "_accept"),
)

#: Another process that has the socket can make it a blocking one at any time.
_NO_WAITING = int(socket.MSG_DONTWAIT)

#: Errors that do not end a connection.
_LATER = (errno.EWOULDBLOCK, errno.ENOBUFS)

_log = Logger(namespace="netshare.sockets")


# ---- connections that another process accepted


def makes_tcp_servers(reactor: IReactor) -> bool:
    """
    Whether adopting on this reactor makes a :class:`twisted.internet.tcp.Server`, as it does on
    all that Twisted has for UNIX.
    """
    return (
        getattr(type(reactor), "adoptStreamConnection", None)
        is PosixReactorBase.adoptStreamConnection
    )


class AdoptedConnection(Server):
    """
    A connection that is made and used before its reactor knows of it.

    Before :meth:`join` the four methods that start and stop reading and writing only set flags;
    ``join`` sends what was written so far and tells the reactor the rest.

    :param connection: the socket, which this object now owns
    :param protocol: gets the bytes; the caller connects it
    :param peer: the far end, as ``getpeername`` returns it
    """

    reactor: IReactor

    #: Those of one owner that are open; this one takes itself out when it is lost.
    among: set[Any] | None = None
    _joined = False
    _reads = False
    _writes = False
    #: What was read before, for a protocol that does not read now.
    _first = b""

    def __init__(
        self,
        connection: socket.socket,
        protocol: IProtocol,
        peer: tuple[Any, ...],
        reactor: IReactor,
    ) -> None:
        # There is no port, as with connections that Twisted adopts.
        super().__init__(connection, protocol, peer, None, peer[1], reactor)  # type: ignore[arg-type]

    def startReading(self) -> None:
        self._reads = True
        if self._joined:
            if self._first:
                self.reactor.callLater(0, self._receiveKept)
            else:
                self.reactor.addReader(self)

    def stopReading(self) -> None:
        if self._reads:
            self._reads = False
            if self._joined:
                self.reactor.removeReader(self)

    def startWriting(self) -> None:
        self._writes = True
        if self._joined:
            self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        if self._writes:
            self._writes = False
            if self._joined:
                self.reactor.removeWriter(self)

    def receiveFirst(self, data: bytes) -> None:
        """
        Let the protocol have the bytes that were read before: now, or when it reads again.
        """
        if self._reads:
            self.protocol.dataReceived(data)
        else:
            self._first = data

    def join(self) -> None:
        """
        Send what was written so far, and let the reactor do the rest.
        """
        if self._writes and not self._callsBack():
            self.doWrite()  # an error is met by the reactor, which tries again
        self._joined = True
        if self._reads:
            self.reactor.addReader(self)
        if self._writes:
            self.reactor.addWriter(self)

    def doRead(self) -> Any:
        """Read without waiting, even if another process made the socket a blocking one."""
        try:
            data = self.socket.recv(self.bufferSize, _NO_WAITING)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        return self._dataReceived(data)

    def writeSomeData(self, data: bytes) -> Any:
        """Write without waiting, likewise."""
        if len(data) > self.SEND_LIMIT:
            data = memoryview(data)[: self.SEND_LIMIT]  # type: ignore[assignment]
        try:
            return self.socket.send(data, _NO_WAITING)
        except OSError as error:
            return 0 if error.errno in _LATER else CONNECTION_LOST

    def readConnectionLost(self, reason: Failure) -> None:
        """
        The far end has closed its half. No adapter is looked for that would make the protocol
        half-closeable: there is none, and looking takes longer than closing.
        """
        if IHalfCloseableProtocol.providedBy(self.protocol):
            super().readConnectionLost(reason)
        else:
            self.connectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """The connection is over."""
        if self.among is not None:
            self.among.discard(self)
        super().connectionLost(reason)

    def _closeSocket(self, orderly: bool) -> None:
        if orderly:
            with suppress(OSError):  # the socket was taken out of this transport
                forbid_lingering(self.socket)
        super()._closeSocket(orderly)

    def _receiveKept(self) -> None:
        first, self._first = self._first, b""
        if not first:
            return
        try:
            self.receiveFirst(first)
        except Exception:
            _log.failure("the protocol of {transport} failed", transport=self)
            self.abortConnection()
        if self._reads:
            self.reactor.addReader(self)

    def _callsBack(self) -> bool:
        """
        Whether the protocol, or a producer, is called when all is written: only the reactor may
        do that, since the caller of :meth:`join` does not expect it.
        """
        if self.disconnecting or self._writeDisconnecting:
            return True
        return self.producer is not None and (self.producerPaused or not self.streamingProducer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.logstr}>"


def is_closing(transport: Any) -> bool:
    """
    Whether a transport was told to close, or to abort: no more bytes are for its protocol.
    """
    return bool(transport.disconnecting or getattr(transport, "_aborting", False))


# ---- writing without a turn of the reactor


def is_idle(transport: Any) -> bool:
    """
    Whether a transport is a TCP connection on which nothing else is being written. Without one of
    the names below there is always something.
    """
    return (
        isinstance(transport, Connection)
        and bool(transport.connected)
        and not transport.dataBuffer
        and not transport.disconnecting
        and not transport.TLS
        and not getattr(transport, "_tempDataBuffer", True)
        and not getattr(transport, "_writeDisconnecting", True)
        and not getattr(transport, "_aborting", True)
    )


def send_now(transport: Any, data: bytes) -> int:
    """
    Send without asking the reactor, if the transport :func:`is_idle`.

    :returns: how many bytes have left; the rest, perhaps all, is to be written to the transport as
        usual, which then also meets the error if there was one
    """
    if not is_idle(transport):
        return 0
    try:
        sent: int = transport.socket.send(data, _NO_WAITING)
    except OSError:
        return 0
    return sent


# ---- AMP without its log


def make_amp_connection(protocol: amp.AMP, transport: IConnection) -> None:
    """``AMP.makeConnection`` without the line in the log."""
    amp.BinaryBoxProtocol.makeConnection(protocol, transport)


def lose_amp_connection(protocol: amp.AMP, reason: Failure) -> None:
    """``AMP.connectionLost`` without the line in the log."""
    amp.BinaryBoxProtocol.connectionLost(protocol, reason)


class _Counter:
    """
    Counts as AMP's own counters do, and says where it is.
    """

    __slots__ = ("next",)

    def __init__(self, start: int) -> None:
        self.next = start

    def __call__(self) -> int:
        number = self.next
        self.next = number + 1
        return number


def amp_counts(protocol: amp.AMP) -> tuple[int, int, int]:
    """
    How many descriptors an AMP conversation has sent and received, and how many questions asked.
    :func:`set_amp_counts` has to be said when it begins.
    """
    sending: Any = protocol._sendingDescriptorCounter
    receiving: Any = protocol._receivingDescriptorCounter
    return sending.next, receiving.next, protocol._counter


def set_amp_counts(protocol: amp.AMP, sent: int, received: int, asked: int) -> None:
    """
    Let a new protocol begin, or go on with, a conversation whose :func:`amp_counts` can be read.
    """
    made: Any = protocol
    made._sendingDescriptorCounter = _Counter(sent)
    made._receivingDescriptorCounter = _Counter(received)
    made._counter = asked


def count_amp_descriptor(protocol: amp.AMP) -> int:
    """The number of the descriptor that was just sent, not by AMP itself."""
    number: int = protocol._sendingDescriptorCounter()
    return number


def amp_descriptors(protocol: amp.AMP) -> dict[int, int]:
    """
    The descriptors that came and no command has asked for, by their numbers in the conversation.
    """
    return protocol._descriptors


def amp_questions(protocol: amp.AMP) -> list[bytes]:
    """
    The tags of questions of ``callRemote`` that are not answered.
    """
    return list(protocol._outstandingRequests or ())


def declared_errors(command: type[amp.Command]) -> dict[bytes, type[Exception]]:
    """
    The errors that a command declares, by their name on the wire.
    """
    return command.reverseErrors  # type: ignore[attr-defined, no-any-return]


# ---- the PROXY protocol


def is_proxy_wrapping(factory: Any, inner: Any) -> bool:
    """
    Whether a port's factory does nothing but read PROXY headers for another one.
    """
    return (
        type(factory) is HAProxyWrappingFactory
        and getattr(factory, "wrappedFactory", None) is inner
    )


# ---- accepting


def acceptor(listening: Any) -> Callable[[], tuple[int, Any]]:
    """
    What accepts a connection, and gives its descriptor and the client's address.

    Sockets of CPython and PyPy can do that; where one cannot, the socket object that
    ``accept()`` makes is thrown away.
    """
    straight: Callable[[], tuple[int, Any]] | None = getattr(listening, "_accept", None)
    if straight is not None:
        return straight

    def through_an_object() -> tuple[int, Any]:
        connection, name = listening.accept()
        return connection.detach(), name

    return through_an_object
