"""
The client's role in a connection: from a wish to a channel.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from netshare.framing.events import (
    Acknowledged,
    Broken,
    Event,
    FaultReceived,
    UpgradeAccepted,
)
from netshare.framing.records import BINARY, BINARY_SESSION, Mode
from netshare.framing.session import ClientSession
from netshare.logger import Logger
from netshare.transport.channels.channel import DuplexChannel
from netshare.transport.channels.connection import (
    ConnectionState,
    FramingConnection,
    IConnectionRole,
)
from netshare.transport.channels.errors import (
    CommunicationError,
    MessageSecurityError,
    QuotaExceededError,
    TransportError,
    error_for_fault,
    error_for_refusal,
)
from netshare.transport.channels.interfaces import IChannelReceiver
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.channels.singleton import SingletonChannel
from netshare.transport.channels.upgrades import IUpgradeInitiator

__all__ = ["ClientRole", "FramingChannel", "IClientOwner", "Opening"]

#: What a client has when a session is open.
FramingChannel = DuplexChannel | SingletonChannel


class Opening:
    """
    What a client wants: one session, for one receiver.

    :param via: the address, escaped as ``Uri.AbsoluteUri`` is
    :param receiver: an :class:`~.interfaces.IDuplexReceiver` or
        :class:`~.interfaces.ISingletonReceiver`
    :param mode: DUPLEX or SINGLETON
    :param content_type: of the messages; None: the binary one of the mode
    :param settings: None: WCF's defaults
    :param upgrade: the secure stream to ask for, or None
    """

    def __init__(
        self,
        via: str,
        receiver: IChannelReceiver,
        mode: Mode = Mode.DUPLEX,
        content_type: str | None = None,
        settings: ChannelSettings | None = None,
        upgrade: IUpgradeInitiator | None = None,
    ) -> None:
        self.via = via
        self.receiver = receiver
        self.mode = mode
        self.content_type = content_type or (BINARY_SESSION if mode is Mode.DUPLEX else BINARY)
        self.settings = settings or ChannelSettings()
        self.upgrade = upgrade
        self._prepared: ClientSession | None = None

    def prepare(self) -> None:
        """
        :raises QuotaExceededError: the address is longer than any server reads
        """
        self._prepared = self._make()

    def session(self) -> ClientSession:
        """
        :returns: a session, not yet begun
        :raises QuotaExceededError: as :meth:`prepare`
        """
        prepared, self._prepared = self._prepared, None
        return prepared or self._make()

    def _make(self) -> ClientSession:
        name = None if self.upgrade is None else self.upgrade.name
        limit = self.settings.message_limit(self.mode)
        try:
            return ClientSession(self.via, self.mode, self.content_type, name, limit)
        except ValueError as error:
            raise QuotaExceededError(str(error)) from None


class IClientOwner(Interface):
    """
    Has connections to servers, and decides what becomes of those that can be used again.
    """

    def released(role: ClientRole) -> None:
        """A session is over and the socket can carry another: keep it or drop it."""

    def gone(role: ClientRole) -> None:
        """It cannot carry any more sessions. Called once or several times."""

    def lost(role: ClientRole) -> None:
        """Its connection is closed."""


@implementer(IConnectionRole)
class ClientRole:
    """
    The client's role in a connection: opens sessions on it, one after the other.

    :param owner: of the connection
    :param clock: where timeouts are set
    """

    log = Logger()

    def __init__(self, owner: IClientOwner, clock: IReactorTime) -> None:
        self.connection = FramingConnection(clock, ChannelSettings(), self)
        #: When the connection was made, by the clock.
        self.made = clock.seconds()
        self._owner = owner
        self._session: ClientSession
        self._opening: Opening | None = None
        self._opened: Deferred[FramingChannel] | None = None

    @property
    def usable(self) -> bool:
        """Whether a session can be opened on it."""
        return self.connection.state is ConnectionState.IDLE

    def open(self, opening: Opening) -> Deferred[FramingChannel]:
        """
        Open a session.

        :returns: the channel, once it is acknowledged; fails with a
            :class:`~.errors.CommunicationError` when it is not
        """
        connection = self.connection
        connection.settings = opening.settings
        self._opening = opening
        self._session = opening.session()
        opened: Deferred[FramingChannel] = Deferred(lambda _: self._cancelled())
        self._opened = opened
        connection.begin(self._session)
        connection.write(self._session.opening)
        return opened

    # ---- for the connection

    def connected(self, connection: FramingConnection) -> None:
        """It is open() that begins a session."""

    def spoken(self) -> None:
        self.log.info("{peer} spoke between two sessions", peer=self.connection.peer)
        self.connection.abort()

    def happened(self, event: Event) -> None:
        if isinstance(event, Acknowledged):
            self._acknowledged()
        elif isinstance(event, UpgradeAccepted):
            assert self._opening is not None
            assert self._opening.upgrade is not None
            self.connection.startUpgrade(self._opening.upgrade.upgrade())
        elif isinstance(event, FaultReceived):
            self.connection.drop()
            self._refused(error_for_fault(event.uri, self._via))
        elif isinstance(event, Broken):
            assert self._opening is not None
            upgrading = self._opening.upgrade is not None and not self.connection.isUpgraded
            self.connection.abort()
            self._refused(error_for_refusal(event, self._via, upgrading))

    def upgraded(self) -> None:
        self.connection.write(self._session.end_preamble())

    def upgradeFailed(self, reason: str) -> None:
        error = MessageSecurityError(f"{self._via}: the secure stream failed: {reason}")
        if self.connection.channel is not None:
            self.connection.channel.fail(error)
        else:
            self.connection.drop()
            self._refused(error)

    def sessionOver(self, rest: bytes, eof: bool) -> None:
        if rest or eof:
            self.connection.drop()
        else:
            self._owner.released(self)

    def finished(self) -> None:
        self._owner.gone(self)

    def lost(self, reason: Failure) -> None:
        self._refused(CommunicationError(f"{self._via}: the connection was lost: {reason.value}"))
        self._owner.lost(self)

    # ---- inside

    @property
    def _via(self) -> str:
        return "?" if self._opening is None else self._opening.via

    def _acknowledged(self) -> None:
        opening, opened, connection = self._opening, self._opened, self.connection
        assert opening is not None
        self._opened = None
        kind = DuplexChannel if opening.mode is Mode.DUPLEX else SingletonChannel
        channel = kind(
            connection, opening.via, opening.mode, opening.content_type, opening.settings, False
        )
        connection.open(channel, opening.settings.send_timeout)
        channel.start(opening.receiver)
        if opened is not None:
            opened.callback(channel)

    def _refused(self, error: TransportError) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.errback(error)

    def _cancelled(self) -> None:
        self._opened = None
        self.connection.abort()
