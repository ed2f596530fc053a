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
from typing import Any

from twisted.python.failure import Failure

from netshare.service.routing.relay.owner import EndOwner
from netshare.service.routing.relay.pipes import TOO_FEW, Pipe
from netshare.service.routing.relay.poller import Poller
from netshare.sockets.held import HeldSocket, forbid_lingering
from netshare.sockets.keepalive import keep_alive

#: How many bytes one read asks for.
READ_SIZE = 65536

#: Another process that had a socket may have made it a blocking one.
_NO_WAITING = int(socket.MSG_DONTWAIT)

#: How a silent server is asked whether it is still there, and how long it may leave bytes
#: unacknowledged (see :mod:`netshare.sockets.keepalive`): that its machine lost its power is
#: noticed within half a minute. On this machine there is nothing to notice.
KEEPALIVE = (10, 5, 3, 20.0)
_THIS_MACHINE = ("127.", "::1")

_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, no time


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
        "_into",
        "_most",
        "_own",
        "_pipe",
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
        owner: EndOwner[SocketEnd],
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
        self._own = held is not None and held.alone
        #: Where what comes goes unread, and how much of it at most.
        self._into: SocketEnd | None = None
        self._most = 0
        #: What brings bytes to this end that were not read.
        self._pipe: Pipe | None = None
        self._connecting = False
        self._shutting = False
        self._closing = False
        self._unsent = bytearray()
        #: What the poller is to tell of.
        self.reading = False
        self.writing = False

    @classmethod
    def of(cls, poller: Poller, held: HeldSocket, owner: EndOwner[SocketEnd]) -> SocketEnd:
        """
        An end that uses a held socket, which stays its holder's until :meth:`keep`.
        """
        # Its family does not matter for what is done here, and asking for it takes time.
        view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, held.fileno())
        return cls(poller, view, owner, held)

    @classmethod
    def dial(
        cls,
        poller: Poller,
        family: int,
        address: tuple[Any, ...],
        data: bytes,
        owner: EndOwner[SocketEnd],
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
        return bool(self._unsent) or (self._pipe is not None and self._pipe.held > 0)

    def pass_on(self, into: SocketEnd, most: int) -> None:
        """
        Bring what comes to another end unread, until nothing more is there for the moment. Where
        that is not possible, or not worth it, it is told as usual.

        :param most: how many bytes at most
        """
        # The kernel waits where another process has made one of the sockets a blocking one.
        if most >= TOO_FEW and self._own and into._own and not into.hasUnsent:
            self._into, self._most = into, most

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
        return HeldSocket(descriptor, self._own) if self._held is None else self._held

    def write(self, data: bytes | bytearray) -> None:
        """
        Send, or keep until it can be sent.
        """
        if self._unsent or (self._pipe is not None and self._pipe.held):
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
        if not (self.hasUnsent or self.closed or self.writeDone):
            self._shutDown()

    def lose(self) -> None:
        """Close, when everything is sent; nothing more is read."""
        if self.closed:
            return
        self.pause()
        self._closing = True
        if not self.hasUnsent:
            self.close()

    def close(self) -> None:
        """Close now; the owner is not told."""
        if self.closed:
            return
        self._leave(self._own and self._held is None)
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
        if self._into is not None:
            return self._passOn(self._into)
        try:
            data = self._socket.recv(READ_SIZE, _NO_WAITING)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lost(error)
            return False
        if data:
            self.owner.received(self, data)
            return len(data) == READ_SIZE
        self._ended()
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
            if self._pipe is not None:
                self._pipe.pour(self._descriptor)
                self._givePipeBack()
            sent = self._socket.send(self._unsent, _NO_WAITING) if self._unsent else 0
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

    def _passOn(self, into: SocketEnd) -> bool:
        # What waits to be sent there comes first.
        pipe = None if into.hasUnsent else self._poller.pipes.take()
        if pipe is None:
            self._into = None
            return True
        into._pipe = pipe
        try:
            count = pipe.fill(self._descriptor, self._most)
        except BlockingIOError:
            self._into = None
            into._givePipeBack()
            return False
        except OSError as error:
            self._lost(error)
            return False
        if not count:
            into._givePipeBack()
            self._ended()
            return False
        self._most -= count
        if count < TOO_FEW or self._most < TOO_FEW:
            self._into = None
        self.owner.moved_on(self, count)
        into._pour()
        return True

    def _ended(self) -> None:
        self._into = None
        self.reading = False
        self.readDone = True
        self.owner.readEnded(self)

    def _pour(self) -> None:
        """Bring on what is in the pipe."""
        if self._pipe is None:
            return
        try:
            self._pipe.pour(self._descriptor)
        except BlockingIOError:
            self.writing = True
            self._poller.look(self)
            self.owner.filled(self)
        except OSError as error:
            self._lost(error)
        else:
            self._givePipeBack()

    def _givePipeBack(self) -> None:
        if self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            self._poller.pipes.give(pipe)

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
        self._into = None
        self._givePipeBack()
        self._unsent.clear()

    def _lost(self, error: BaseException | None) -> None:
        if self.closed:
            return
        self.close()
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        self.owner.lost(self, str(reason))
