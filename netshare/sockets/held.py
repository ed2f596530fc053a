"""
Ownership of one connected socket on its way from process to process.

Twisted has no approved way of taking a socket out of a transport (twisted #1796), and a
descriptor that is sent stays open in its sender (#6367). :class:`HeldSocket` is the one place
that knows how both are done: its holder owns the descriptor, and it is closed exactly
once, on every path.

Two rules come from the kernel. A passed socket is never ``shutdown()``: that acts on the
connection, also for every other process that holds it. And it leaves the poller *before* it is
sent: what others hold stays in epoll after a close, and comes back as events of another
descriptor.

And everything about a socket but its descriptor is shared by all who have it: another holder
can make it wait where it should not (:func:`forbid_lingering`).
"""

from __future__ import annotations

import os
import socket
import struct
import warnings

from twisted.internet.interfaces import ISSLTransport

from netshare.reactors import IConnection
from netshare.sockets.names import socket_address_text

_LINGER = struct.Struct("ii")


class NotPassable(Exception):
    """
    A transport's socket cannot be given to another process, since part of the connection's
    state (TLS) lives in this one.
    """


class HeldSocket:
    """
    A connected socket that belongs to no reactor.

    :param descriptor: an open descriptor, which this object now owns
    :param alone: whether no other process has, or had, the socket
    """

    __slots__ = ("_descriptor", "alone")

    def __init__(self, descriptor: int, alone: bool = False) -> None:
        self._descriptor = descriptor
        self.alone = alone

    @classmethod
    def from_transport(cls, transport: IConnection) -> HeldSocket:
        """
        Take the socket out of a transport, which then reports its connection as aborted.

        Nothing may be waiting in the transport's write buffer.

        :param transport: a TCP transport, or one wrapped by Twisted's policies
        :raises NotPassable: the transport is not a plain socket
        """
        handle = transport.getHandle()
        if ISSLTransport.providedBy(transport) or not isinstance(handle, socket.socket):
            raise NotPassable(f"{type(transport).__name__} is not a plain TCP connection")
        # In this order: the poller has to forget the descriptor while it is still known, and
        # only an empty socket object may see the transport's closing.
        transport.pauseProducing()
        held = cls(handle.detach(), getattr(transport, "alone", False))
        transport.abortConnection()
        return held

    def fileno(self) -> int:
        """
        :raises ValueError: it is closed, or given up
        """
        if self._descriptor < 0:
            raise ValueError("this socket was closed or given up already")
        return self._descriptor

    @property
    def closed(self) -> bool:
        """Whether the descriptor is no longer ours."""
        return self._descriptor < 0

    def release(self) -> int:
        """
        Give the descriptor up: the caller owns it from now on.
        """
        descriptor, self._descriptor = self.fileno(), -1
        return descriptor

    def close(self, trusting: bool = False) -> None:
        """
        Close our copy, without a word to the far end; do nothing the second time.

        :param trusting: no other process that had the socket would make closing it wait
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            if not trusting:
                _close_at_once(descriptor)
            os.close(descriptor)

    def view(self) -> socket.socket:
        """
        A socket object on the same descriptor, for asking it things.

        The caller must ``detach()`` it, never close it.
        """
        return socket.socket(fileno=self.fileno())

    def peer(self) -> str:
        """
        The address of the far end, as text; empty when it is gone, or the socket no longer ours.
        """
        if self.closed:
            return ""
        view = None
        try:
            view = self.view()
            return socket_address_text(view.getpeername())
        except (OSError, IndexError, TypeError):
            return ""  # gone, or no TCP socket at all
        finally:
            if view is not None:
                view.detach()

    def __del__(self) -> None:
        if self._descriptor >= 0:
            warnings.warn(f"descriptor {self._descriptor} was dropped", ResourceWarning, 2)
            self.close()

    def __repr__(self) -> str:
        return f"<HeldSocket {self._descriptor if self._descriptor >= 0 else 'closed'}>"


def _close_at_once(descriptor: int) -> None:
    try:
        # Its kind does not matter for this, and asking for it takes time.
        view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    except OSError:
        return  # no socket
    forbid_lingering(view)
    view.detach()


def forbid_lingering(connection: socket.SocketType) -> None:
    """
    Let closing a socket take no time. Another process that had it may have asked for the contrary
    (SO_LINGER), and then the last one to close it waits until all is sent, non-blocking or not.
    A reset instead of an end (no time to linger) remains as it is.
    """
    asked, seconds = _LINGER.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.size)
    )
    if asked and seconds:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.pack(0, 0))
