"""
The initiating side: a connection that this side made, and the channels on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from netshare.framing.events import (
    Acknowledged,
    Broken,
    Event,
    FaultReceived,
    UpgradeAccepted,
)
from netshare.framing.records import BINARY, BINARY_SESSION, Mode
from netshare.framing.session import ClientSession
from netshare.transport.channels.channel import DuplexChannel, SingletonChannel, make_channel
from netshare.transport.channels.connection import FramingConnection
from netshare.transport.channels.errors import (
    CommunicationError,
    MessageSecurityError,
    QuotaExceededError,
    TransportError,
    error_for_fault,
    error_for_refusal,
)
from netshare.transport.channels.interfaces import IUpgradeInitiator
from netshare.transport.channels.settings import ChannelSettings

ClientChannel = DuplexChannel | SingletonChannel


class Opening:
    """
    What a client wants: one session, for one receiver.

    :param via: the address, escaped as ``Uri.AbsoluteUri`` is
    :param receiver: the :class:`~.interfaces.IDuplexReceiver` or
        :class:`~.interfaces.ISingletonReceiver`
    :param mode: DUPLEX or SINGLETON
    :param content_type: of the messages; None: the binary one of the mode
    :param settings: None: WCF's defaults
    :param upgrade: the secure stream to ask for, or None
    """

    def __init__(
        self,
        via: str,
        receiver: Any,
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
        self.upgrade: Any = upgrade
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


class ClientConnection(FramingConnection):
    """
    A connection to a server.

    :ivar released: called when a session is over and the socket can carry another; by default
        it is closed
    :ivar gone: called when the connection is over
    """

    _session: ClientSession | None

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock, ChannelSettings())
        self.released: Callable[[ClientConnection], None] = lambda _: self.drop()
        self.gone: Callable[[ClientConnection], None] = lambda _: None
        #: When the connection was made, by the clock.
        self.made = clock.seconds()
        self._opening: Opening | None = None
        self._opened: Deferred[ClientChannel] | None = None

    @property
    def usable(self) -> bool:
        """Whether a session can be opened on it."""
        return not self._over and not self._eof and self._session is None

    def open(self, opening: Opening) -> Deferred[ClientChannel]:
        """
        Open a session.

        :returns: the channel, once it is acknowledged; fails with a
            :class:`~.errors.CommunicationError` when it is not
        """
        self.settings = opening.settings
        self._opening = opening
        self._session = opening.session()
        opened: Deferred[ClientChannel] = Deferred(lambda _: self._cancelled())
        self._opened = opened
        self.write(self._session.opening)
        return opened

    def dataReceived(self, data: bytes) -> None:
        if self._session is None and not self._over:
            self.log.info("{peer} spoke between two sessions", peer=self.transport.getPeer())
            self.abort()
        else:
            super().dataReceived(data)

    def readConnectionLost(self) -> None:
        super().readConnectionLost()
        if self._session is None and not self._over:
            self.drop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._refused(CommunicationError(f"{self._via}: the connection was lost: {reason.value}"))
        self.gone(self)

    def sessionOver(self) -> None:
        session, self._session = self._session, None
        stray = self._stopUpgrade()
        if session is None or not session.reusable or stray:
            self.drop()
        else:
            self.released(self)

    def upgraded(self, security: object) -> None:
        super().upgraded(security)
        if isinstance(self._session, ClientSession):
            self.write(self._session.end_preamble())

    def upgradeFailed(self, reason: str) -> None:
        error = MessageSecurityError(f"{self._via}: the secure stream failed: {reason}")
        if self.channel is not None:
            self.channel.fail(error)
        else:
            self.drop()
            self._refused(error)

    def _finish(self) -> None:
        super()._finish()
        self.gone(self)

    @property
    def _via(self) -> str:
        return "?" if self._opening is None else self._opening.via

    def _happened(self, event: Event) -> None:
        if self.channel is not None:
            self.channel.happened(event)
        elif isinstance(event, Acknowledged):
            self._acknowledged()
        elif isinstance(event, UpgradeAccepted):
            assert self._opening is not None
            self._startUpgrade(self._opening.upgrade.upgrade())
        elif isinstance(event, FaultReceived):
            self.drop()
            self._refused(error_for_fault(event.uri, self._via))
        elif isinstance(event, Broken):
            self.abort()
            assert self._opening is not None
            upgrading = self._opening.upgrade is not None and self._upgrade is None
            self._refused(error_for_refusal(event, self._via, upgrading))

    def _acknowledged(self) -> None:
        opening, opened = self._opening, self._opened
        assert opening is not None
        self._opened = None
        channel = make_channel(
            self, opening.via, opening.mode, opening.content_type, opening.settings, False
        )
        self.channel = channel
        channel.start(opening.receiver)
        if opened is not None:
            opened.callback(channel)

    def _refused(self, error: TransportError) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.errback(error)

    def _cancelled(self) -> None:
        self._opened = None
        self.abort()
