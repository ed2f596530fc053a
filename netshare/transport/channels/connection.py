"""
A connection that carries framing sessions, one after the other: bytes, and to whom they go. What
differs between the two sides is a role of its own (:mod:`.server`, :mod:`.client`).

::

    created ──► IDLE ──────────── begin ────────► OPENING ── open ──► OPEN
                 ▲   a session's first byte at     │                   │ inputEnded
                 │   the server, or the client     │                   ▼
                 │   opens one                     │                 NEXT
                 │                                 │                   │
                 └────── channelOver, clean ───────┼───────────────────┘
                                                   │ dropWhenRead     (from anywhere)
                                                   ▼                   │
                                                DRAINING ──► OVER ◄────┘ abort, drop
                                                               │
                                                               ▼
                                                             LOST

There is a session while the connection is OPENING, OPEN or NEXT, and a channel while it is OPEN or
NEXT. What comes while it is DRAINING or OVER is thrown away.

An upgrade, once it is started, is a filter between transport and session. It is dropped with the
session: the next one begins in clear.
"""

from __future__ import annotations

from enum import Enum

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from netshare.framing.events import Event
from netshare.framing.faults import Fault
from netshare.framing.session import ClientSession, ServerSession
from netshare.logger import Logger
from netshare.timing import Alarm
from netshare.transport.channels.errors import CommunicationError, TimeoutError, error_for_loss
from netshare.transport.channels.inflow import Hold, Inflow, Reading
from netshare.transport.channels.interfaces import ICarriedChannel, ICarrier
from netshare.transport.channels.outflow import LastWrite, Outflow
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.channels.transport import StreamTransport
from netshare.transport.channels.upgrades import IUpgrade, IUpgradeHost

__all__ = ["ConnectionState", "FramingConnection", "IConnectionRole"]

#: How much a peer may send that was told a fault, in bytes. (RS: TransportDefaults.MaxDrainSize)
MAX_DRAIN_SIZE = 65536


class ConnectionState(Enum):
    """See the page of this module."""

    IDLE = "between two sessions"
    OPENING = "a preamble is under way"
    OPEN = "a channel has the session"
    NEXT = "the far end has ended the session; what comes belongs to the next"
    DRAINING = "a fault was sent; the far end has to read it and close"
    OVER = "to be closed"
    LOST = "closed"


class IConnectionRole(Interface):
    """
    The server's or the client's part in a connection.
    """

    def connected(connection: FramingConnection) -> None:
        """
        The connection is there.

        :param connection: which is this role's from now on
        """

    def spoken() -> None:
        """
        The far end has begun to speak between two sessions: begin one, or end the connection.
        """

    def happened(event: Event) -> None:
        """Something has happened in a session that has no channel yet."""

    def upgraded() -> None:
        """The secure stream of the session is there."""

    def upgradeFailed(reason: str) -> None:
        """
        The secure stream cannot be had, or has broken: end the connection.

        :param reason: one clause
        """

    def sessionOver(rest: bytes, eof: bool) -> None:
        """
        Both sides have ended a session.

        :param rest: what came behind it
        :param eof: whether the far end will send nothing more
        """

    def finished() -> None:
        """Nothing that comes is of interest any more. Called once or several times."""

    def lost(reason: Failure) -> None:
        """The connection is gone."""


@implementer(IHalfCloseableProtocol, ICarrier, IUpgradeHost)
class FramingConnection(Protocol):
    """
    Moves bytes between a transport, perhaps an upgrade, and a session, and events to the channel,
    or to the role while there is no channel.

    :param clock: where timeouts are set
    :param settings: timeouts of the connection; the role may replace them
    """

    log = Logger()
    transport: StreamTransport  # type: ignore[assignment]

    def __init__(
        self, clock: IReactorTime, settings: ChannelSettings, role: IConnectionRole
    ) -> None:
        self.clock = clock
        self.settings = settings
        #: The session that is open now.
        self.channel: ICarriedChannel | None = None
        #: What the upgrade left for the users of its channel.
        self.security: object = None
        #: Set by the channel; while there is none by the role, or by what keeps the connection.
        self.alarm = Alarm(clock)
        #: Whether nothing may happen behind our End before it has left.
        self.flushEnds = False
        self._role = role
        self._state = ConnectionState.IDLE
        self._inflow = Inflow()
        self._outflow = Outflow(clock, self._sendTimedOut)
        self._session: ServerSession | ClientSession | None = None
        self._upgrade: IUpgrade | None = None
        self._holds = self._inflow.holds
        self._pumping = False
        self._drained = 0
        self._peer: IAddress | None = None

    # ---- the transport

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._inflow.attach(self.transport)
        self._outflow.attach(self.transport)
        self._role.connected(self)

    def dataReceived(self, data: bytes) -> None:
        if self._upgrade is not None:
            self._upgrade.rawReceived(data)
        elif self._session is not None:
            self._session.feed(data)
            self.pump()
        elif self._state is ConnectionState.IDLE:
            self._role.spoken()
            self.plainReceived(data)
        elif self._state is ConnectionState.DRAINING:
            self._drained += len(data)
            if self._drained > MAX_DRAIN_SIZE:
                self.abort()

    def readConnectionLost(self) -> None:
        self._inflow.end()
        if self._session is not None:
            self._inputCut()
        elif self._state is not ConnectionState.OVER:
            self.drop()

    def writeConnectionLost(self) -> None:
        """We closed our half, in order to be read to the end."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        told = self._inflow.state is Reading.ENDED
        self._inflow.end()
        if self._session is not None and not told and reason.check(ConnectionDone):
            # A wrapper around the transport that does not tell half-closes from closes.
            self._holds.clear()
            self._inputCut()
        self._finish(ConnectionState.LOST)
        error = Failure(error_for_loss(reason.value))
        self._outflow.lost()
        if self.channel is not None:
            self.channel.connectionLost(error)
        self.alarm.cancel()
        self._role.lost(reason)

    # ---- for channels

    @property
    def peer(self) -> IAddress:
        if self._peer is None:
            self._peer = self.transport.getPeer()
        return self._peer

    def write(self, *pieces: bytes | memoryview) -> Deferred[None] | None:
        if self._session is None:
            return None
        if self._upgrade is not None:
            self._upgrade.write(b"".join(pieces))
            return self._outflow.waiting()
        return self._outflow.write(pieces)

    def end(self) -> None:
        assert self._session is not None
        end = self._session.end()
        if not self.flushEnds:
            self.write(end)
        elif self._upgrade is not None or not self._outflow.write_byte(end):
            self.hold(Hold.FLUSH)
            self._outflow.detach()
            self.transport.registerProducer(LastWrite(end, self.write, self._flushed), False)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._outflow.register(producer, streaming)

    def unregisterProducer(self) -> None:
        self._outflow.unregister()

    def pauseReceiving(self) -> None:
        self.hold(Hold.RECEIVER)

    def resumeReceiving(self) -> None:
        self._holds.discard(Hold.RECEIVER)
        self.pump()

    def inputEnded(self) -> None:
        self._state = ConnectionState.NEXT

    def refuse(self, fault: Fault) -> None:
        self.write(fault.record)
        self.dropWhenRead()

    def dropWhenRead(self) -> None:
        """
        Close our half, and wait for the other side to have read what was sent and to close:
        closing with unread bytes would reset the connection and might take that with it.
        """
        if self._inflow.state is Reading.ENDED or not ITCPTransport.providedBy(self.transport):
            self.drop()
            return
        self._finish(ConnectionState.DRAINING)
        self.alarm.start(self.settings.close_timeout, self.abort)
        self._outflow.detach()
        self.transport.loseWriteConnection()
        self._throttle()

    def abort(self) -> None:
        self._finish(ConnectionState.OVER)
        self.alarm.stop()
        if self._state is not ConnectionState.LOST:
            self.transport.abortConnection()

    def drop(self) -> None:
        self._finish(ConnectionState.OVER)
        if self._state is not ConnectionState.LOST:
            # With a producer the transport would wait for it to say that it has finished.
            self._outflow.detach()
            self.alarm.start(self.settings.close_timeout, self.abort)
            self.transport.loseConnection()

    def channelOver(self, clean: bool) -> None:
        self.channel = None
        session, self._session = self._session, None
        if not clean or session is None:
            self._outflow.lost()
            return
        self.alarm.stop()
        self._state = ConnectionState.IDLE
        rest = session.take_rest()
        if self._upgrade is not None:
            if rest:
                self.log.info("{peer} sent something behind the end of its session", peer=self.peer)
                self.abort()
                return
            rest = self._stopUpgrade()
        self._role.sessionOver(rest, session.at_eof)

    # ---- for roles

    @property
    def state(self) -> ConnectionState:
        """How far it is."""
        return self._state

    def begin(self, session: ServerSession | ClientSession) -> None:
        """A session begins."""
        self._session = session
        self._state = ConnectionState.OPENING

    def open(self, channel: ICarriedChannel, send_timeout: float | None) -> None:
        """
        The session is acknowledged.

        :param channel: is told what happens in it
        :param send_timeout: seconds that the other side may take nothing
        """
        self.channel = channel
        self._state = ConnectionState.OPEN
        self._outflow.timeout = send_timeout

    def startUpgrade(self, upgrade: IUpgrade) -> None:
        """What follows of the session goes through an upgrade, including what came already."""
        assert self._session is not None
        early = self._session.take_rest()
        self._upgrade = upgrade
        upgrade.start(self)
        if early and self._upgrade is upgrade:
            upgrade.rawReceived(early)

    @property
    def isUpgraded(self) -> bool:
        """Whether an upgrade was started."""
        return self._upgrade is not None

    def hold(self, why: Hold) -> None:
        """Let nothing happen, and read nothing, until this is released."""
        self._holds.add(why)
        if not self._pumping:
            self._throttle()

    def release(self, why: Hold) -> None:
        """Take back one :meth:`hold`."""
        self._holds.discard(why)
        self.pump()

    def pump(self) -> None:
        """Let happen what can happen."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._session is not None and not self._holds:
                event = self._session.next_event()
                if event is None:
                    break
                if self.channel is not None:
                    self.channel.happened(event)
                else:
                    self._role.happened(event)
        finally:
            self._pumping = False
        if (
            self._state is not ConnectionState.OPEN
            or self._inflow.state is not Reading.ON
            or self._holds
        ):
            self._throttle()

    def surrender(self) -> None:
        """The socket is to be handed on: have nothing more to do with it."""
        self._finish(ConnectionState.OVER)
        self.alarm.stop()
        self._outflow.detach()

    # ---- for upgrades

    def writeRaw(self, data: bytes) -> None:
        if self._session is not None:
            self._outflow.write((data,))

    def upgraded(self, security: object) -> None:
        self.security = security
        self._role.upgraded()

    def plainReceived(self, data: bytes) -> None:
        if self._session is not None:
            self._session.feed(data)
            self.pump()

    def upgradeFailed(self, reason: str) -> None:
        self._role.upgradeFailed(reason)

    # ---- inside

    def _inputCut(self) -> None:
        """The far end will send no more in this session."""
        assert self._session is not None
        if (
            self._upgrade is not None
            and self.channel is not None
            and self._state is ConnectionState.OPEN
        ):
            # In clear this counts as End. Here it would let anybody on the way cut messages off.
            self.channel.fail(
                CommunicationError("the secure stream was cut off before the end of the session")
            )
        else:
            self._session.feed_eof()
            self.pump()

    def _finish(self, state: ConnectionState) -> None:
        """Nothing that comes is of interest any more."""
        if self._state is not ConnectionState.LOST:
            self._state = state
        self._session = None
        self._stopUpgrade()
        self._role.finished()

    def _stopUpgrade(self) -> bytes:
        """Drop the upgraded stream: the socket is as it was before."""
        upgrade, self._upgrade = self._upgrade, None
        self.security = None
        return b"" if upgrade is None else upgrade.stop()

    def _flushed(self) -> None:
        self.transport.unregisterProducer()
        if self._session is not None or self._state is ConnectionState.IDLE:
            self._outflow.attach(self.transport)
            self._outflow.resumeProducing()
        self.release(Hold.FLUSH)

    def _throttle(self) -> None:
        session = self._session
        self._inflow.throttle(None if session is None else session.buffered)

    def _sendTimedOut(self) -> None:
        seconds = self._outflow.timeout
        error = TimeoutError(
            f"the other side has not taken what was sent for {seconds} s; see send_timeout"
        )
        if self.channel is not None:
            self.channel.fail(error)
        else:
            self.abort()
