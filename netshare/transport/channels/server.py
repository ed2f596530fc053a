"""
The server's role in a connection: from a preamble to a channel, and back to the next preamble.

While the connection is OPENING, what comes leads to the acceptor's decision and to one of these::

    via ──► rest of the preamble ──► decision ──► end of the preamble ──► ack, OPEN
     │                                  │  │ ▲             │
     │ another's: given back            │  │ └─ upgrade ◄──┤ an upgrade is asked for
     ▼                                  ▼  ▼               ▼
    OVER                       fault, DRAINING         required, but not asked for: DRAINING
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorTime
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
from netshare.framing.records import Mode
from netshare.framing.session import ServerSession
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.logger import Logger
from netshare.transport.channels.channel import DuplexChannel
from netshare.transport.channels.connection import (
    ConnectionState,
    FramingConnection,
    IConnectionRole,
)
from netshare.transport.channels.inflow import Hold
from netshare.transport.channels.interfaces import IChannelAcceptor
from netshare.transport.channels.settings import Acceptance, ChannelSettings
from netshare.transport.channels.singleton import SingletonChannel

__all__ = ["ConnectionOwner", "ServerConnection", "ServerRole"]

_PLAIN = Acceptance()


class ConnectionOwner(Protocol):
    """
    What the connections of a server have in common; see :class:`~.factory.FramingServerFactory`.
    """

    acceptor: IChannelAcceptor
    clock: IReactorTime
    settings: ChannelSettings
    closing: bool

    def busy(self, connection: FramingConnection) -> None:
        """A preamble is awaited or has begun."""

    def deciding(self, connection: FramingConnection) -> None:
        """The client has said what it wants, and waits for this side's decision."""

    def opened(self, connection: FramingConnection) -> None:
        """No preamble is awaited any more."""

    def lost(self, connection: FramingConnection) -> None:
        """The connection is gone."""


@implementer(IConnectionRole)
class ServerRole:
    """
    See the page of this module.

    :param owner: of the connection
    """

    log = Logger()

    def __init__(self, owner: ConnectionOwner) -> None:
        #: The connection's tie to the sharing service, when it came over a shared port.
        self.shared: ISharedConnection | None = None
        self._owner = owner
        self._connection: FramingConnection
        self._session: ServerSession
        self._sessions = 0
        self._preamble: PreambleRead | None = None
        self._acceptance = _PLAIN

    # ---- for the connection

    def connected(self, connection: FramingConnection) -> None:
        self._connection = connection
        self._begin()

    def spoken(self) -> None:
        self._owner.busy(self._connection)
        self._begin()

    def happened(self, event: Event) -> None:
        if isinstance(event, ViaRead):
            self._via(event)
        elif isinstance(event, PreambleRead):
            self._ask(event)
        elif isinstance(event, UpgradeAsked):
            self._upgradeAsked(event.name)
        elif isinstance(event, PreambleEnded):
            self._acknowledge()
        elif isinstance(event, Closed):
            self._connection.drop()
        elif isinstance(event, Broken):
            self._broken(event)

    def upgraded(self) -> None:
        self._connection.pump()

    def upgradeFailed(self, reason: str) -> None:
        self._log("the upgrade failed: " + reason)
        self._connection.dropWhenRead()

    def sessionOver(self, rest: bytes, eof: bool) -> None:
        if self._owner.closing or (eof and not rest):
            self._connection.drop()
        elif rest:
            self._owner.busy(self._connection)
            self._begin()
            self._session.feed(rest)
            if eof:
                self._session.feed_eof()
        else:
            connection = self._connection
            connection.alarm.start(connection.settings.idle_timeout, connection.drop)

    def finished(self) -> None:
        self._owner.opened(self._connection)

    def lost(self, reason: Failure) -> None:
        self._owner.lost(self._connection)

    # ---- the preamble

    def _begin(self) -> None:
        connection = self._connection
        self._preamble = None
        self._session = ServerSession()
        connection.begin(self._session)
        timeout = connection.settings.channel_initialization_timeout
        connection.alarm.start(timeout, self._tooLate)

    def _tooLate(self) -> None:
        seconds = self._connection.settings.channel_initialization_timeout
        self._log(f"no complete preamble in {seconds} s; see channel_initialization_timeout")
        self._connection.abort()

    def _via(self, event: ViaRead) -> None:
        self._sessions += 1
        # The first preamble is why the service gave us this connection.
        if self.shared is None or self._sessions == 1 or self.shared.isMine(event.via):
            return
        data = self._session.surrender()
        self._connection.surrender()
        given = maybeDeferred(self.shared.giveBack, data)
        given.addErrback(self._notGivenBack, event.via)

    def _notGivenBack(self, failure: Failure, via: str) -> None:
        # The client loses a pooled socket, which it replaces without a word to its user.
        if failure.check(ConnectionClosed) is None:
            self.log.failure("{via} could not be given back", failure, via=via)
        self._connection.abort()

    def _ask(self, event: PreambleRead) -> None:
        self._preamble = event
        try:
            answer = self._owner.acceptor.channelOpening(
                event.via, event.mode, event.content_type, self._connection.peer
            )
        except Exception:
            answer = self._acceptorFailed(Failure())
        if not isinstance(answer, Deferred):
            self._decide(answer)
            return
        self._connection.hold(Hold.DECISION)
        self._owner.deciding(self._connection)
        answer.addErrback(self._acceptorFailed)
        answer.addCallback(self._decided)

    def _acceptorFailed(self, failure: Failure) -> Fault:
        self.log.failure("channelOpening failed", failure)
        return Fault.SERVICE_ACTIVATION_FAILED

    def _decided(self, answer: Acceptance | Fault | None) -> None:
        if self._connection.state is ConnectionState.OPENING:
            self._owner.busy(self._connection)
        self._decide(answer)
        self._connection.release(Hold.DECISION)

    def _decide(self, answer: Acceptance | Fault | None) -> None:
        if self._connection.state is not ConnectionState.OPENING:
            return
        if isinstance(answer, Fault):
            self._refuse(answer, "its endpoint says so")
        else:
            self._acceptance = answer or _PLAIN

    def _upgradeAsked(self, name: str) -> None:
        upgrade = None
        # A second upgrade inside the first is refused by all of WCF's acceptors.
        if self._acceptance.upgrades is not None and not self._connection.isUpgraded:
            upgrade = self._acceptance.upgrades.upgradeFor(name)
        if upgrade is None:
            self._refuse(Fault.UPGRADE_INVALID, f"the upgrade {name!r} is not offered")
        else:
            self._connection.write(self._session.accept_upgrade())
            self._connection.startUpgrade(upgrade)

    def _acknowledge(self) -> None:
        opened, connection, acceptor = self._preamble, self._connection, self._owner.acceptor
        assert opened is not None
        if self._acceptance.upgrade_required and not connection.isUpgraded:
            self._log("it asked for no security, which its endpoint requires")
            # WCF has no fault for this; what ends without an answer is a hint at least.
            connection.dropWhenRead()
            return
        connection.alarm.stop()
        self._owner.opened(connection)
        settings = self._acceptance.settings or self._owner.settings
        connection.write(self._session.acknowledge(settings.message_limit(opened.mode)))
        kind = DuplexChannel if opened.mode is Mode.DUPLEX else SingletonChannel
        channel = kind(connection, opened.via, opened.mode, opened.content_type, settings, True)
        connection.open(channel, settings.send_timeout)
        try:
            receiver = acceptor.channelOpened(channel)
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
            self._connection.abort()

    def _refuse(self, fault: Fault, reason: str) -> None:
        self._log(f"{reason} (fault {fault.value})")
        self._connection.refuse(fault)

    def _log(self, reason: str, quiet: bool = False) -> None:
        via = self._preamble.via if self._preamble is not None else None
        emit = self.log.debug if quiet else self.log.info
        emit(
            "refused {peer} on its way to {via}: {reason}",
            peer=self._connection.peer,
            via=via,
            reason=reason,
        )


@implementer(ISharedConnectionReceiver)
class ServerConnection(FramingConnection):
    """
    A connection that a client opened, perhaps over a shared port.

    :param owner: see :class:`ConnectionOwner`
    """

    def __init__(self, owner: ConnectionOwner) -> None:
        self._serverRole = ServerRole(owner)
        super().__init__(owner.clock, owner.settings, self._serverRole)

    def connectionShared(self, connection: ISharedConnection) -> None:
        # It may have to be given back at the next preamble, and what is still in the transport's
        # buffer then would be lost.
        self.flushEnds = True
        self._serverRole.shared = connection
