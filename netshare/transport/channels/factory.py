"""
Accepting connections, and how many of them.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from netshare.logger import Logger
from netshare.reactors import PausablePort
from netshare.timing import Timer
from netshare.transport.channels.connection import FramingConnection
from netshare.transport.channels.errors import CommunicationObjectAbortedError
from netshare.transport.channels.interfaces import IChannelAcceptor
from netshare.transport.channels.server import ServerConnection
from netshare.transport.channels.settings import ChannelSettings, default_max_pending_connections

__all__ = ["FramingServerFactory"]


#: Seconds after which a connection that says nothing gives way, when there are as many as may be.
SLOW: Final = 1.0


class FramingServerFactory(Factory):
    """
    Accepts connections and gives the channels that clients open on them to an acceptor. Works
    on a port of its own, and behind a shared port, where connections whose next preamble is for
    another worker are given back.

    :param acceptor: decides about channels and takes them
    :param clock: where timeouts are set
    :param settings: for connections before their address is known, and for channels whose
        acceptor says nothing else
    :param max_pending_connections: how many connections may be without a channel, those between
        two sessions not counted; None: 12 for each processor. When there are as many, the
        ports of :meth:`listeningOn` accept no more for a while; without such a port further
        connections are turned away, which behind a shared port means: to another worker. Those
        whose clients have said nothing for a second give way then.
    """

    noisy = False
    log = Logger()

    def __init__(
        self,
        acceptor: IChannelAcceptor,
        clock: IReactorTime,
        settings: ChannelSettings | None = None,
        max_pending_connections: int | None = None,
    ) -> None:
        self.acceptor = acceptor
        self.clock = clock
        self.settings = settings or ChannelSettings()
        self.max_pending_connections = max_pending_connections or default_max_pending_connections()
        #: Every connection there is.
        self.connections: set[FramingConnection] = set()
        #: Whether :meth:`close` was called.
        self.closing = False
        #: Connections without a channel: since when their client is awaited; None: it waits.
        self._pending: dict[FramingConnection, float | None] = {}
        self._room = Timer(clock, self._makeRoomSoon)
        self._ports: list[PausablePort] = []
        self._portsPaused = False
        self._full = False
        self._gone: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> ServerConnection | None:
        full = len(self._pending) >= self.max_pending_connections
        if self.closing or (full and not self._ports):
            return None
        connection = ServerConnection(self)
        self.connections.add(connection)
        self.busy(connection)
        return connection

    def listeningOn(self, port: PausablePort) -> None:
        """
        Let max_pending_connections hold up a port instead of turning connections away.
        """
        self._ports.append(port)
        self._throttle()

    def close(self) -> Deferred[None]:
        """
        Take no new channels: connections without one are closed, all others after their last.
        The channels themselves are their users' to close.

        :returns: a Deferred that fires when no connection is left
        """
        self.closing = True
        for connection in list(self.connections):
            if connection.channel is None:
                connection.drop()
        if not self.connections:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        return gone

    def abort(self) -> None:
        """End all connections at once."""
        self.closing = True
        for connection in list(self.connections):
            if connection.channel is not None:
                connection.channel.fail(
                    CommunicationObjectAbortedError("this side ended all its connections")
                )
            connection.abort()

    # ---- for connections

    def busy(self, connection: FramingConnection) -> None:
        """A preamble is awaited or has begun."""
        self._pending[connection] = self.clock.seconds()
        self._throttle()

    def deciding(self, connection: FramingConnection) -> None:
        """The client has said what it wants, and waits for this side's decision."""
        if connection in self._pending:
            self._pending[connection] = None

    def opened(self, connection: FramingConnection) -> None:
        """No preamble is awaited any more."""
        self._pending.pop(connection, None)
        self._throttle()

    def lost(self, connection: FramingConnection) -> None:
        """The connection is gone."""
        self._pending.pop(connection, None)
        self.connections.discard(connection)
        self._throttle()
        if not self.connections:
            gone, self._gone = self._gone, []
            for waiting in gone:
                waiting.callback(None)

    def _throttle(self) -> None:
        full = len(self._pending) >= self.max_pending_connections
        if full != self._full:
            self._full = full
            self._room.start(SLOW if full else None)
        if full == self._portsPaused or not self._ports:
            return
        self._portsPaused = full
        for port in self._ports:
            if full:
                port.pauseProducing()
            elif getattr(port, "connected", True):
                port.resumeProducing()

    def _makeRoomSoon(self) -> None:
        # What has come while the reactor was busy with something else is read first.
        self.clock.callLater(0, self._makeRoom)

    def _makeRoom(self) -> None:
        """Clients that say nothing must not keep others out."""
        if not self._full:
            return
        before = self.clock.seconds() - SLOW
        for connection, since in list(self._pending.items()):
            if since is None or since > before:
                continue
            self.log.info(
                "gave up {peer}, which has said nothing complete for {seconds} s, to make room: "
                "max_pending_connections is {limit}",
                peer=connection.peer,
                seconds=SLOW,
                limit=self.max_pending_connections,
            )
            connection.abort()
        if self._full:
            self._room.start(SLOW)
