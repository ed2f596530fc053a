"""
A connection that carries framing sessions, one after the other: what both sides have in common.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.events import Event
from netshare.framing.faults import Fault
from netshare.framing.session import ClientSession, ServerSession
from netshare.timing import Alarm, Timer
from netshare.transport.channels.channel import Channel
from netshare.transport.channels.errors import CommunicationError, TimeoutError
from netshare.transport.channels.interfaces import IUpgrade, IUpgradeHost
from netshare.transport.channels.outflow import Outflow
from netshare.transport.channels.settings import ChannelSettings

#: How much a peer may send that was told a fault, in bytes. (RS: TransportDefaults.MaxDrainSize)
MAX_DRAIN_SIZE = 65536

#: How many bytes are kept for the next session before this one is over.
MAX_AHEAD = 65536


@implementer(IHalfCloseableProtocol, IUpgradeHost)
class FramingConnection(Protocol):
    """
    Moves bytes between a transport, perhaps an upgrade, and a session, and events to whom they
    concern.
    """

    log = Logger()
    transport: Any

    def __init__(self, clock: IReactorTime, settings: ChannelSettings) -> None:
        self.clock = clock
        self.settings = settings
        #: Who sends is told here to wait.
        self.outflow = Outflow(clock, self._sendTimedOut)
        #: The session that is open now.
        self.channel: Channel | None = None
        #: What the upgrade left for the users of its channel.
        self.security: object = None
        self._session: ServerSession | ClientSession | None = None
        self._upgrade: Any = None
        self._holds: set[str] = set()
        self._paused = False
        self._pumping = False
        self._draining = False
        self._drained = 0
        self._eof = False
        #: Nothing that arrives concerns anybody any more.
        self._over = False
        self._lost = False
        self._linger = Timer(clock, self.abort)
        #: Set by the channel, and while there is none by the server, or by who keeps it.
        self.alarm = Alarm(clock)
        self._peer: Any = None

    # ---- the transport

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.outflow.attach(self.transport)

    def dataReceived(self, data: bytes) -> None:
        if self._draining:
            self._drained += len(data)
            if self._drained > MAX_DRAIN_SIZE:
                self.abort()
        elif self._over:
            pass
        elif self._upgrade is not None:
            self._upgrade.rawReceived(data)
        else:
            self.plainReceived(data)

    def readConnectionLost(self) -> None:
        self._eof = True
        if self._draining:
            self.drop()
        elif not self._over:
            self._feedEof()

    def writeConnectionLost(self) -> None:
        """We closed our half, in order to be read to the end."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        self._linger.stop()
        if not self._over and not self._eof and reason.check(ConnectionDone):
            # A wrapper around the transport that does not tell half-closes from closes.
            self._holds.clear()
            self._feedEof()
        self._over = True
        self._stopUpgrade()
        error = Failure(CommunicationError(f"the connection was lost: {reason.value}"))
        self.outflow.lost()
        if self.channel is not None:
            self.channel.connectionLost(error)
        self.alarm.cancel()

    # ---- for channels

    @property
    def peer(self) -> Any:
        """The other side's address."""
        if self._peer is None:
            self._peer = self.transport.getPeer()
        return self._peer

    def write(self, *pieces: bytes | memoryview) -> None:
        """
        Send bytes, through the upgraded stream if there is one.

        :param pieces: see :meth:`.flow.Outflow.write`
        """
        if self._over:
            return
        if self._upgrade is not None:
            self._upgrade.write(b"".join(pieces))
        else:
            self.outflow.write(pieces)

    def sendEnd(self) -> None:
        """End our direction of the session."""
        assert self._session is not None
        self.write(self._session.end())

    def hold(self, why: str) -> None:
        """Let nothing happen, and read nothing, until this is released."""
        self._holds.add(why)
        if not self._pumping:
            self._throttle()

    def release(self, why: str) -> None:
        """Take back one :meth:`hold`."""
        if why in self._holds:
            self._holds.remove(why)
            self.pump()

    def sessionOver(self) -> None:
        """
        Both sides have ended the channel: get the connection ready for what comes next.
        """
        raise NotImplementedError

    def abort(self) -> None:
        """End the connection at once, with a reset."""
        self._finish()
        if self._lost:
            return
        self.transport.abortConnection()

    def drop(self) -> None:
        """End the connection when everything is sent."""
        self._finish()
        if not self._lost:
            # With a producer the transport would wait for it to say that it has finished.
            self.outflow.detach()
            self._linger.start(self.settings.close_timeout)
            self.transport.loseConnection()

    def refuse(self, fault: Fault) -> None:
        """
        Send a fault, close our half, and wait for the other side to have read it and to close:
        closing with unread bytes would reset the connection and might take the fault with it.
        """
        self.write(fault.record)
        half = ITCPTransport.providedBy(self.transport) and not self._eof and not self._lost
        if not half:
            self.drop()
            return
        self._finish()
        self._draining = True
        self._linger.start(self.settings.close_timeout)
        self.outflow.detach()
        self.transport.loseWriteConnection()
        self._throttle()

    def pump(self) -> None:
        """Let happen what can happen."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._holds and not self._over and self._session is not None:
                event = self._session.next_event()
                if event is None:
                    break
                self._happened(event)
        finally:
            self._pumping = False
        self._throttle()

    # ---- for upgrades

    def writeRaw(self, data: bytes) -> None:
        if not self._over:
            self.transport.write(data)

    def upgraded(self, security: object) -> None:
        self.security = security

    def plainReceived(self, data: bytes) -> None:
        if self._session is not None and not self._over:
            self._session.feed(data)
            self.pump()

    def upgradeFailed(self, reason: str) -> None:
        raise NotImplementedError

    # ---- for subclasses

    def _happened(self, event: Event) -> None:
        raise NotImplementedError

    def _startUpgrade(self, upgrade: IUpgrade) -> None:
        assert self._session is not None
        early = self._session.take_rest()
        self._upgrade = upgrade
        upgrade.start(self)
        if early and self._upgrade is upgrade:
            upgrade.rawReceived(early)

    def _stopUpgrade(self) -> bytes:
        """Drop the upgraded stream: the socket is as it was before."""
        upgrade, self._upgrade = self._upgrade, None
        self.security = None
        rest: bytes = b"" if upgrade is None else upgrade.stop()
        return rest

    def _feedEof(self) -> None:
        if self._session is not None:
            self._session.feed_eof()
            self.pump()

    def _finish(self) -> None:
        """Nothing that arrives concerns anybody any more."""
        self._over = True
        self._draining = False
        self._linger.stop()
        self.alarm.cancel()

    def _throttle(self) -> None:
        if self._over:
            wanted = False
        else:
            ahead = 0 if self._session is None else self._session.buffered
            wanted = bool(self._holds) or ahead > MAX_AHEAD
        if wanted != self._paused and not self._eof and not self._lost:
            self._paused = wanted
            if wanted:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _sendTimedOut(self) -> None:
        seconds = self.outflow.timeout
        error = TimeoutError(
            f"the other side has not taken what was sent for {seconds} s; see send_timeout"
        )
        if self.channel is not None:
            self.channel.fail(error)
        else:
            self.abort()
