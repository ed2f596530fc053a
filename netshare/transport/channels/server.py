"""
The accepting side: from a connection to channels.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.events import (
    Broken,
    Closed,
    Event,
    PreambleEnded,
    PreambleRead,
    Problem,
    UpgradeAsked,
    ViaRead,
)
from netshare.framing.faults import Fault
from netshare.framing.session import ServerSession
from netshare.interfaces import ISharedConnectionReceiver
from netshare.transport.channels.channel import make_channel
from netshare.transport.channels.connection import FramingConnection
from netshare.transport.channels.sending import LastWrite
from netshare.transport.channels.settings import (
    Acceptance,
    ChannelSettings,
    default_max_pending_connections,
)

_PLAIN = Acceptance()
_DECISION = "decision"
_FLUSH = "flush"


@implementer(ISharedConnectionReceiver)
class ServerConnection(FramingConnection):
    """
    A connection that a client opened.
    """

    factory: ServerChannelFactory
    _session: ServerSession

    def __init__(self, factory: ServerChannelFactory) -> None:
        super().__init__(factory.clock, factory.settings)
        self.factory = factory
        self._session = ServerSession()
        self._shared: Any = None
        self._sessions = 0
        self._idle = False
        self._preamble: PreambleRead | None = None
        self._acceptance = _PLAIN

    def connectionMade(self) -> None:
        super().connectionMade()
        self.alarm.start(self.settings.channel_initialization_timeout, self._tooLate)

    def connectionShared(self, connection: Any) -> None:
        """
        The connection came over a shared port.

        :param connection: the :class:`~netshare.interfaces.ISharedConnection`
        """
        self._shared = connection

    def plainReceived(self, data: bytes) -> None:
        if self._idle:
            self._idle = False
            self.factory.busy(self)
            self.alarm.start(self.settings.channel_initialization_timeout, self._tooLate)
        super().plainReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.factory.lost(self)

    def sendEnd(self) -> None:
        if self._shared is None:
            super().sendEnd()
            return
        # The connection may have to be given back at the next preamble, and what is still in
        # the transport's buffer then would be lost: nothing happens before End has left.
        end = self._session.end()
        if not self._over and self._upgrade is None and self.outflow.write_byte(end):
            return
        self.hold(_FLUSH)
        self.outflow.detach()
        self.transport.registerProducer(LastWrite(end, self.write, self.flushed), False)

    def flushed(self) -> None:
        """What :meth:`sendEnd` wrote has left."""
        self.transport.unregisterProducer()
        if not self._over:
            self.outflow.attach(self.transport)
            self.outflow.resumeProducing()
        self.release(_FLUSH)

    def sessionOver(self) -> None:
        used, rest = self._session, self._session.take_rest()
        if self._upgrade is not None:
            if rest:
                self._log("it sent something behind the end of its session")
                self.abort()
                return
            rest = self._stopUpgrade()
        if self.factory.closing:
            self.drop()
            return
        self._session = ServerSession()
        self._session.feed(rest)
        if used.at_eof:
            self._session.feed_eof()
        self._preamble = None
        self._idle = self._session.idle
        if self._idle:
            self.alarm.start(self.settings.idle_timeout, self._tooLate)
        else:
            self.factory.busy(self)
            self.alarm.start(self.settings.channel_initialization_timeout, self._tooLate)

    def upgraded(self, security: object) -> None:
        super().upgraded(security)
        self.pump()

    def upgradeFailed(self, reason: str) -> None:
        self._log("the upgrade failed: " + reason)
        self.drop()

    # ---- the preamble

    def _happened(self, event: Event) -> None:
        if self.channel is not None:
            self.channel.happened(event)
        elif isinstance(event, ViaRead):
            self._via(event)
        elif isinstance(event, PreambleRead):
            self._ask(event)
        elif isinstance(event, UpgradeAsked):
            self._upgradeAsked(event.name)
        elif isinstance(event, PreambleEnded):
            self._acknowledge()
        elif isinstance(event, Closed):
            self.drop()
        elif isinstance(event, Broken):
            self._broken(event)

    def _via(self, event: ViaRead) -> None:
        self._sessions += 1
        # The first preamble is why the service gave us this connection.
        if self._shared is None or self._sessions == 1 or self._shared.isMine(event.via):
            return
        data = self._session.surrender()
        self._finish()
        self.outflow.detach()
        given = maybeDeferred(self._shared.giveBack, data)
        given.addErrback(self._notGivenBack, event.via)

    def _notGivenBack(self, failure: Failure, via: str) -> None:
        # The client loses a pooled socket, which it replaces without a word to its user.
        if failure.check(ConnectionClosed) is None:
            self.log.failure("{via} could not be given back", failure, via=via)
        self.abort()

    def _ask(self, event: PreambleRead) -> None:
        self._preamble = event
        try:
            answer = self.factory.acceptor.channelOpening(event.via, event.mode, event.content_type)
        except Exception:
            answer = self._acceptorFailed(Failure())
        if not isinstance(answer, Deferred):
            self._decide(answer)
            return
        self.hold(_DECISION)
        answer.addErrback(self._acceptorFailed)
        answer.addCallback(self._decided)

    def _acceptorFailed(self, failure: Failure) -> Fault:
        self.log.failure("channelOpening failed", failure)
        return Fault.SERVICE_ACTIVATION_FAILED

    def _decided(self, answer: Acceptance | Fault | None) -> None:
        self._decide(answer)
        self.release(_DECISION)

    def _decide(self, answer: Acceptance | Fault | None) -> None:
        if self._over:
            return
        if isinstance(answer, Fault):
            self._refuse(answer, "its endpoint says so")
        else:
            self._acceptance = answer or _PLAIN

    def _upgradeAsked(self, name: str) -> None:
        upgrades = self._acceptance.upgrades
        # A second upgrade inside the first is refused by all of WCF's acceptors.
        offered = upgrades is not None and self._upgrade is None
        upgrade = upgrades.upgradeFor(name) if offered and upgrades is not None else None
        if upgrade is None:
            self._refuse(Fault.UPGRADE_INVALID, f"the upgrade {name!r} is not offered")
        else:
            self.write(self._session.accept_upgrade())
            self._startUpgrade(upgrade)

    def _acknowledge(self) -> None:
        assert self._preamble is not None
        if self._acceptance.upgrade_required and self._upgrade is None:
            self._log("it asked for no security, which its endpoint requires")
            self.abort()  # WCF has no fault for this
            return
        self.alarm.stop()
        self.factory.opened(self)
        opened = self._preamble
        settings = self._acceptance.settings or self.factory.settings
        self.write(self._session.acknowledge(settings.message_limit(opened.mode)))
        channel = make_channel(self, opened.via, opened.mode, opened.content_type, settings, True)
        self.channel = channel
        try:
            receiver = self.factory.acceptor.channelOpened(channel)
        except Exception:
            self.log.failure("channelOpened failed")
            channel.abort()
        else:
            channel.start(receiver)

    def _broken(self, broken: Broken) -> None:
        if broken.fault is not None:
            self._refuse(broken.fault, broken.reason)
        else:
            self._log(broken.reason, quiet=broken.problem is Problem.PREMATURE_END)
            self.abort()

    def _refuse(self, fault: Fault, reason: str) -> None:
        self._log(f"{reason} (fault {fault.value})")
        self.refuse(fault)

    def _finish(self) -> None:
        super()._finish()
        self._idle = False
        self.factory.opened(self)  # it no longer waits for anything

    def _tooLate(self) -> None:
        if self._idle:
            self.drop()
        else:
            seconds = self.settings.channel_initialization_timeout
            self._log(f"no complete preamble in {seconds} s; see channel_initialization_timeout")
            self.abort()

    def _log(self, reason: str, quiet: bool = False) -> None:
        via = self._preamble.via if self._preamble is not None else None
        emit = self.log.debug if quiet else self.log.info
        emit(
            "refused {peer} on its way to {via}: {reason}",
            peer=self.transport.getPeer(),
            via=via,
            reason=reason,
        )


class ServerChannelFactory(Factory):
    """
    Accepts connections and gives the channels that clients open on them to an acceptor. Works
    on a port of its own, and behind a shared port, where connections whose next preamble is for
    somebody else are given back.

    :param acceptor: the :class:`~.interfaces.IChannelAcceptor`
    :param clock: where timeouts are set
    :param settings: for connections before their address is known, and for channels whose
        acceptor says nothing else
    :param max_pending_connections: how many connections may be without a channel, those between
        two sessions not counted; None: 12 for each processor. When there are as many, the
        ports of :meth:`listeningOn` accept no more for a while; without such a port further
        connections are turned away, which behind a shared port means: to another worker.
    """

    noisy = False
    log = Logger()

    def __init__(
        self,
        acceptor: Any,
        clock: IReactorTime,
        settings: ChannelSettings | None = None,
        max_pending_connections: int | None = None,
    ) -> None:
        self.acceptor = acceptor
        self.clock = clock
        self.settings = settings or ChannelSettings()
        self.max_pending_connections = max_pending_connections or default_max_pending_connections()
        #: Every connection there is.
        self.connections: set[ServerConnection] = set()
        #: Whether :meth:`close` was called.
        self.closing = False
        self._pending: set[ServerConnection] = set()
        self._ports: list[Any] = []
        self._portsPaused = False
        self._gone: list[Deferred[None]] = []

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> ServerConnection | None:
        full = len(self._pending) >= self.max_pending_connections
        if self.closing or (full and not self._ports):
            return None
        connection = ServerConnection(self)
        self.connections.add(connection)
        self.busy(connection)
        return connection

    def listeningOn(self, port: IListeningPort) -> None:
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
                connection.channel.abort()
            connection.abort()

    # ---- for connections

    def busy(self, connection: ServerConnection) -> None:
        """A preamble is awaited or has begun."""
        self._pending.add(connection)
        self._throttle()

    def opened(self, connection: ServerConnection) -> None:
        """No preamble is awaited any more."""
        self._pending.discard(connection)
        self._throttle()

    def lost(self, connection: ServerConnection) -> None:
        """The connection is gone."""
        self._pending.discard(connection)
        self.connections.discard(connection)
        self._throttle()
        if not self.connections:
            gone, self._gone = self._gone, []
            for waiting in gone:
                waiting.callback(None)

    def _throttle(self) -> None:
        full = len(self._pending) >= self.max_pending_connections
        if full == self._portsPaused or not self._ports:
            return
        self._portsPaused = full
        for port in self._ports:
            if full:
                port.pauseProducing()
            elif getattr(port, "connected", True):
                port.resumeProducing()
