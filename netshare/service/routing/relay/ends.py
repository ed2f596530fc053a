"""
One end of a relayed connection: a plain socket.

It does what a transport does, and less: what is written is sent at once, in the same turn of the
reactor, and the poller is asked to tell of room only when the system has taken no more. A relay
that was made of two of Twisted's transports took twice the processor time for a connection.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, Protocol

from twisted.python.failure import Failure

from netshare.service.routing.relay.poller import Poller
from netshare.sockets.held import HeldSocket, forbid_lingering
from netshare.sockets.keepalive import keep_alive

#: How many bytes one read asks for.
_READ = 65536

#: Another process that had a socket may have made it a blocking one.
_NO_WAITING = int(socket.MSG_DONTWAIT)

#: How a silent server is asked whether it is still there, and how long it may leave bytes
#: unacknowledged (see :mod:`netshare.sockets.keepalive`): that its machine lost its power is
#: noticed within half a minute. On this machine there is nothing to notice.
KEEPALIVE = (10, 5, 3, 20.0)
_THIS_MACHINE = ("127.", "::1")

_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, no time


class EndOwner(Protocol):
    """
    Who is told what happens at an end. Never called again once the end is closed.
    """

    __slots__ = ()

    def dialled(self, end: SocketEnd) -> None:
        """A connection that was :meth:`SocketEnd.dial` began is there."""

    def received(self, end: SocketEnd, data: bytes) -> None:
        """Bytes have come."""

    def readEnded(self, end: SocketEnd) -> None:
        """No more bytes will come; they may still be sent."""

    def filled(self, end: SocketEnd) -> None:
        """What is written is kept from now on, since the system takes no more."""

    def drained(self, end: SocketEnd) -> None:
        """All of it is sent."""

    def lost(self, end: SocketEnd | None, reason: str) -> None:
        """The connection is gone, or was never made (None); the end is closed."""


class SocketEnd:
    """
    A socket whose bytes go to, and come from, its owner.

    :param connection: not blocking
    :param held: whose descriptor the socket is, until :meth:`keep`; None: it is the end's own
    """

    __slots__ = (
        "_closing",
        "_connecting",
        "_descriptor",
        "_held",
        "_own",
        "_poller",
        "_shutting",
        "_socket",
        "_unsent",
        "closed",
        "owner",
        "readDone",
        "reading",
        "writeDone",
        "writing",
    )

    def __init__(
        self,
        poller: Poller,
        connection: socket.SocketType,
        owner: EndOwner,
        held: HeldSocket | None = None,
    ) -> None:
        self.owner = owner
        #: Whether the socket is no longer this end's.
        self.closed = False
        #: Whether the far end has closed its half.
        self.readDone = False
        #: Whether we have closed ours.
        self.writeDone = False
        self._poller = poller
        self._socket = connection
        self._descriptor = connection.fileno()
        self._held = held
        #: Whether no other process can have the socket.
        self._own = False
        self._connecting = False
        self._shutting = False
        self._closing = False
        self._unsent = bytearray()
        #: What the poller is to tell of.
        self.reading = False
        self.writing = False

    @classmethod
    def of(cls, poller: Poller, held: HeldSocket, owner: EndOwner) -> SocketEnd:
        """
        An end that uses a held socket, which stays its holder's until :meth:`keep`.
        """
        # Its family does not matter for what is done here, and asking for it takes time.
        view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, held.fileno())
        return cls(poller, view, owner, held)

    @classmethod
    def dial(
        cls, poller: Poller, family: int, address: tuple[Any, ...], data: bytes, owner: EndOwner
    ) -> SocketEnd:
        """
        Connect, and send the first bytes.

        :param address: of the kind that ``connect()`` takes, with a host that needs no resolving
        :returns: the end. On the same machine it is often connected already, and then the owner
            is not told
        :raises OSError: it cannot be connected
        """
        connection = socket.SocketType(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        end = cls(poller, connection, owner)
        end._own = True
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not address[0].startswith(_THIS_MACHINE):
                keep_alive(connection, *KEEPALIVE)
            code = connection.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            try:
                sent = connection.send(data, _NO_WAITING)
            except BlockingIOError:
                sent = 0
                end._connecting = code != 0
        except OSError:
            connection.close()
            raise
        if sent < len(data) or end._connecting:
            end._keep(data, sent)
        end.resume()
        return end

    @property
    def connecting(self) -> bool:
        """Whether the connection is not there yet."""
        return self._connecting

    @property
    def hasUnsent(self) -> bool:
        """Whether something that was written could not be sent yet."""
        return bool(self._unsent)

    def keep(self) -> None:
        """The held socket is this end's from now on."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def detach(self) -> HeldSocket:
        """
        Leave the reactor, and give the socket to a new owner.

        :returns: the socket; the one that this end was made of, if it is still its holder's
        """
        self._leave()
        descriptor = self._socket.detach()
        return HeldSocket(descriptor) if self._held is None else self._held

    def write(self, data: bytes | bytearray) -> None:
        """
        Send, or keep until it can be sent.
        """
        if self._unsent:
            self._unsent += data
            return
        if self.closed:
            return
        try:
            sent = self._socket.send(data, _NO_WAITING)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(error)
            return
        if sent < len(data):
            self._keep(data, sent)
            self.owner.filled(self)

    def pause(self) -> None:
        """Read nothing until :meth:`resume`."""
        self.reading = False

    def resume(self) -> None:
        """Read, unless there is nothing more to come."""
        if not (self.reading or self.closed or self.readDone):
            self.reading = True
            self._poller.look(self)

    def loseWrite(self) -> None:
        """Close our half, when everything is sent."""
        self._shutting = True
        if not (self._unsent or self.closed or self.writeDone):
            self._shutDown()

    def lose(self) -> None:
        """Close, when everything is sent; nothing more is read."""
        if self.closed:
            return
        self.pause()
        self._closing = True
        if not self._unsent:
            self.close()

    def close(self) -> None:
        """Close now; the owner is not told."""
        if self.closed:
            return
        self._leave(self._own)
        if self._held is None:
            if not self._own:
                forbid_lingering(self._socket)
            self._socket.close()
        else:
            self._socket.detach()

    def abort(self) -> None:
        """Close now, with a reset; the owner is not told."""
        if not self.closed and self._held is None:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                pass  # no socket that could be reset
        self.close()

    # What the poller calls.

    def fileno(self) -> int:
        """The descriptor; when it is closed, the one that it was."""
        return self._descriptor

    def doRead(self) -> bool:
        """
        Bytes, or their end, have come.

        :returns: whether there may be more
        """
        try:
            data = self._socket.recv(_READ, _NO_WAITING)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lost(error)
            return False
        if data:
            self.owner.received(self, data)
            return len(data) == _READ
        self.reading = False
        self.readDone = True
        self.owner.readEnded(self)
        return False

    def doWrite(self) -> None:
        """The connection is there, or has room again."""
        if self.closed:
            return
        if self._connecting:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._lost(OSError(code, os.strerror(code)))
                return
            self._connecting = False
            self.owner.dialled(self)
            if not self._unsent:
                return  # it was closed
        try:
            sent = self._socket.send(self._unsent, _NO_WAITING)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error)
            return
        del self._unsent[:sent]
        if self._unsent:
            return
        self.writing = False
        if self._closing:
            self.close()
            return
        if self._shutting:
            self._shutDown()
        if not self.closed:
            self.owner.drained(self)

    def connectionLost(self, reason: Failure) -> None:
        """The poller has given the socket up."""
        self._lost(reason.value)

    def _keep(self, data: bytes | bytearray, sent: int) -> None:
        self._unsent += memoryview(data)[sent:]
        self.writing = True
        self._poller.look(self)

    def _shutDown(self) -> None:
        self.writeDone = True
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lost(error)

    def _leave(self, closing: bool = False) -> None:
        self.closed = True
        self.reading = self.writing = False
        self._poller.leave(self, closing)
        self._unsent.clear()

    def _lost(self, error: BaseException | None) -> None:
        if self.closed:
            return
        self.close()
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        self.owner.lost(self, str(reason))
