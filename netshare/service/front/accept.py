"""
A listening port that accepts in batches and looks at the first bytes at once.

Twisted's own port makes a transport and a protocol of every connection. Nearly always the
preamble came with the connection, so that both would live for one event: here a connection gets
them only when its preamble is not complete yet (see
:meth:`SharedPortFactory.accepted <netshare.service.front.preamble.SharedPortFactory.accepted>`).

It is an :class:`~twisted.internet.interfaces.IListeningPort` like any other, and never accepts
more than :class:`~netshare.service.quotas.Admission` has room for.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.tcp import Port
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.records import Handed, PortRecord
from netshare.sockets.held import HeldSocket
from netshare.sockets.keepalive import keep_alive
from netshare.sockets.names import socket_address_text
from netshare.sockets.privatenames import acceptor

#: Seconds after which a client that says nothing is asked whether it is still there, and between
#: further questions, and how many of them: one that has vanished ends after two minutes.
KEEPALIVE = (60, 15, 4)

#: Seconds to wait after the system had no descriptor, or no memory, for one more connection.
EXHAUSTED_PAUSE = 0.1

# Of a listening socket, tcpi_unacked is how many connections wait to be accepted
# (tcp_get_info() in net/ipv4/tcp.c); a failing accept() costs five times as much as asking.
_TCP_INFO_SIZE, _WAITING_AT = 32, 24

_WILDCARDS = ("0.0.0.0", "::")

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@implementer(IListeningPort)
class BatchingPort(FileDescriptor):
    """
    Accepts connections for a :class:`~netshare.service.front.preamble.SharedPortFactory`.

    :param listening: a bound socket that listens, which this port now owns
    :param instead: Twisted's port on the same socket, which is paused and closed with this one:
        closing it earlier would shut the socket down for both
    :param headed: every connection begins with a PROXY protocol header
    """

    reactor: IReactor

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        listening: socket.socket,
        front: SharedPortFactory,
        instead: Port | None = None,
        headed: bool = False,
    ) -> None:
        super().__init__(reactor)
        if instead is not None:
            instead.pauseProducing()
        self._instead = instead
        quotas = front.ending.admission.quotas
        listening.setblocking(False)
        listening.listen(quotas.listenBacklog)  # whatever it was before
        # What is accepted inherits all of these.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(listening, *KEEPALIVE)
        if quotas.maxSegmentSize:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, quotas.maxSegmentSize)
        self._headed = headed
        self._listening = listening
        self._accept = acceptor(listening)
        name = listening.getsockname()
        #: What clients connect to; empty where every connection has to be asked.
        self._local = "" if name[0] in _WILDCARDS else socket_address_text(name)
        self._front = front
        self._admission = front.ending.admission
        self._resume: IDelayedCall | None = None

    def fileno(self) -> int:
        return self._listening.fileno()

    def getHost(self) -> IPv4Address | IPv6Address:
        kind = IPv6Address if self._listening.family == socket.AF_INET6 else IPv4Address
        return kind("TCP", *self._listening.getsockname()[:2])

    def logPrefix(self) -> str:
        return "netshare port"

    def startListening(self) -> None:
        """Begin to accept."""
        self.connected = 1
        self.startReading()

    def stopListening(self) -> Deferred[None]:
        """
        Close the port; what was accepted lives on.
        """
        if self.connected:
            self.connected = 0
            self.disconnecting = True
            self.stopReading()
            if self._resume is not None:
                self._resume.cancel()
            self._listening.close()
            if self._instead is not None:
                return maybeDeferred(self._instead.stopListening)
        return succeed(None)

    def handed_over(self, endpoint: str) -> Handed:
        """
        This port, for another process.

        :param endpoint: how the administrator named it; empty: registrations asked for it
        """
        return Handed(PortRecord(endpoint, self._headed), (self.fileno(),))

    def letGo(self) -> None:
        """
        Another process accepts here now: close what is here, and leave the socket listening.
        """
        self.spare()
        self.stopListening()

    def spare(self) -> None:
        """
        Leave the socket listening when this port stops, for those that have it, too.
        """
        if self._instead is not None:
            self._instead.socket.close()  # stopping it would shut the socket down
            self._instead = None

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has given the port up: it stops."""
        self.stopListening()

    def doRead(self) -> None:
        """
        Accept what waits, as far as there is room.
        """
        try:
            with self._front.ending.turn:
                self._acceptWaiting()
        except Exception:
            # The reactor would give the port up, and leave all clients waiting.
            self.log.failure("accepting failed")

    def _acceptWaiting(self) -> None:
        front = self._front
        for _ in range(min(self._waiting(), self._admission.room)):
            try:
                descriptor, name = self._accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._exhausted(error)
                    return
                continue  # the client left before it was accepted
            os.set_blocking(descriptor, False)
            held = HeldSocket(descriptor, True)
            local = self._local or self._ask(descriptor)
            front.accepted(held, socket_address_text(name), local, self._headed)
            if not self.connected:
                return

    def _ask(self, descriptor: int) -> str:
        """What the client of a port on all interfaces has connected to."""
        view = socket.SocketType(self._listening.family, socket.SOCK_STREAM, 0, descriptor)
        try:
            return socket_address_text(view.getsockname())
        finally:
            view.detach()

    def _waiting(self) -> int:
        info = self._listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        waiting: int = struct.unpack_from("I", info, _WAITING_AT)[0]
        return max(waiting, 1)

    def _exhausted(self, error: OSError) -> None:
        self.log.error(
            "accepting pauses for {pause} s: {error}", pause=EXHAUSTED_PAUSE, error=error
        )
        self.stopReading()
        if self._resume is None:  # else the port was resumed meanwhile
            self._resume = self.reactor.callLater(EXHAUSTED_PAUSE, self._goOn)

    def _goOn(self) -> None:
        self._resume = None
        if not self._admission.paused:
            self.startReading()
