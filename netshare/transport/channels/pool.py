"""
Opening channels, on connections that are kept for the next one as WCF's clients keep them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import AddressError, parse_via
from netshare.framing.records import Mode
from netshare.transport.channels.client import (
    ClientRole,
    FramingChannel,
    IClientOwner,
    Opening,
)
from netshare.transport.channels.connection import FramingConnection
from netshare.transport.channels.errors import (
    CommunicationError,
    CommunicationObjectAbortedError,
    EndpointNotFoundError,
    TimeoutError,
)
from netshare.transport.channels.interfaces import IChannelReceiver
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.channels.upgrades import IUpgradeInitiator

__all__ = ["ConnectionPool", "open_channel"]

EndpointFor = Callable[[str, int], IStreamClientEndpoint]
_Key = tuple[str, int]


@implementer(IClientOwner)
class ConnectionPool:
    """
    Opens channels. A connection whose session is over is kept, by host and port (never by path),
    and carries the next session.

    When a kept connection refuses a session, in whatever way, the session is tried once more on a
    new one, since the server may have closed or changed meanwhile; only that answer counts.

    :param reactor: for connecting and for time
    :param idle_timeout: seconds that a connection is kept unused
    :param lease_timeout: seconds after which a connection is not used again, counted from its
        beginning
    :param max_outbound_connections_per_endpoint: how many unused connections to keep for each
        host and port; 0: none
    :param endpoint_for: makes the endpoint for a host and a port; None: ``HostnameEndpoint``
    """

    def __init__(
        self,
        reactor: IReactorTime,
        idle_timeout: float = 120.0,
        lease_timeout: float = 300.0,
        max_outbound_connections_per_endpoint: int = 10,
        endpoint_for: EndpointFor | None = None,
    ) -> None:
        self._reactor = reactor
        self._idleTimeout = idle_timeout
        self._leaseTimeout = lease_timeout
        self._limit = max_outbound_connections_per_endpoint
        self._endpointFor = endpoint_for or self._hostname
        self._idle: dict[_Key, list[ClientRole]] = {}
        #: All there are, and where each leads.
        self._connections: dict[ClientRole, _Key] = {}
        self._closed = False
        self._gone: list[Deferred[None]] = []

    def open_channel(
        self,
        via: str,
        receiver: IChannelReceiver,
        *,
        mode: Mode = Mode.DUPLEX,
        content_type: str | None = None,
        settings: ChannelSettings | None = None,
        upgrade: IUpgradeInitiator | None = None,
    ) -> Deferred[FramingChannel]:
        """
        Open a channel.

        :param via: the address to ask for; its host and port say where to connect
        :param receiver: the :class:`~.interfaces.IDuplexReceiver`, or for SINGLETON the
            :class:`~.interfaces.ISingletonReceiver`
        :param mode: DUPLEX (buffered) or SINGLETON (streamed)
        :param content_type: of the messages; None: the binary one of the mode
        :param settings: None: WCF's defaults
        :param upgrade: the secure stream to ask for, or None
        :returns: a Deferred of the channel. It fails with a :class:`~.errors.TransportError`: in
            particular :class:`~.errors.EndpointNotFoundError` where nothing listens,
            :class:`~.errors.TimeoutError` after settings.open_timeout
        :raises ValueError: the via is not an address
        """
        opening = Opening(via, receiver, mode, content_type, settings, upgrade)
        try:
            address = parse_via(via)
        except AddressError as error:
            raise ValueError(f"{via!r} cannot be opened: {error}") from None
        if not address.port:
            raise ValueError(f"{via!r} cannot be opened: it has no port, nor a scheme that has one")
        key = (address.host.rpartition("@")[2], address.port)
        timeout = opening.settings.open_timeout

        def late(result: Any, _: object) -> Any:
            if isinstance(result, Failure):
                raise TimeoutError(f"{via}: not open after {timeout} s; see open_timeout")
            return result

        opened = ensureDeferred(self._open(key, opening))
        if timeout is not None:
            opened.addTimeout(timeout, self._reactor, late)
        return opened

    def close(self) -> Deferred[None]:
        """
        Close the connections that are kept, keep none any more, and open no new channels.

        :returns: a Deferred that fires when no connection is left, those with open channels
            included; their channels are their users' to close
        """
        self._closed = True
        for kept in [kept for all_of_one in self._idle.values() for kept in all_of_one]:
            kept.connection.drop()
        if not self._connections:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        return gone

    @property
    def idle(self) -> int:
        """How many unused connections are kept."""
        return sum(map(len, self._idle.values()))

    async def _open(self, key: _Key, opening: Opening) -> FramingChannel:
        if self._closed:
            raise CommunicationObjectAbortedError(f"{opening.via}: the pool was closed")
        opening.prepare()  # a via that is too long must not cost a connection
        kept = self._take(key)
        if kept is not None:
            try:
                return await kept.open(opening)
            except CommunicationError:
                pass  # the connection may be to blame, so it is the new one's answer that counts
        role = await self._connect(key, opening.via)
        return await role.open(opening)

    async def _connect(self, key: _Key, via: str) -> ClientRole:
        host, port = key
        factory = _ConnectionFactory(self._reactor, self, partial(self._made, key))
        try:
            await self._endpointFor(host.strip("[]"), port).connect(factory)
        except (ConnectError, DNSLookupError, OSError) as error:
            raise EndpointNotFoundError(
                f"{via}: nothing could be reached at {host}, port {port}: {error}; is the service "
                "running, and the port the right one?"
            ) from error
        return factory.role

    def _hostname(self, host: str, port: int) -> IStreamClientEndpoint:
        return HostnameEndpoint(self._reactor, host, port)

    def _take(self, key: _Key) -> ClientRole | None:
        """The connection that was used last: the others may become old and go."""
        while self._idle.get(key):
            role = self._idle[key][-1]
            self.gone(role)
            if role.usable and not self._tooOld(role):
                return role
            role.connection.drop()
        return None

    def _tooOld(self, role: ClientRole) -> bool:
        age: float = self._reactor.seconds() - role.made
        return age >= self._leaseTimeout

    # ---- for connections

    def _made(self, key: _Key, role: ClientRole) -> None:
        self._connections[role] = key

    def released(self, role: ClientRole) -> None:
        key = self._connections[role]
        there = len(self._idle.get(key, ()))
        if self._closed or there >= self._limit or self._tooOld(role):
            role.connection.drop()
        else:
            role.connection.alarm.start(self._idleTimeout, role.connection.drop)
            self._idle.setdefault(key, []).append(role)

    def gone(self, role: ClientRole) -> None:
        key = self._connections[role]
        here = self._idle.get(key, [])
        if role in here:
            role.connection.alarm.stop()
            here.remove(role)
        if not here:
            self._idle.pop(key, None)

    def lost(self, role: ClientRole) -> None:
        del self._connections[role]
        if not self._connections:
            gone, self._gone = self._gone, []
            for waiting in gone:
                waiting.callback(None)


class _ConnectionFactory(Factory):
    """
    Makes one connection to a server.

    :param made: is told of its role
    """

    noisy = False

    def __init__(
        self, clock: IReactorTime, owner: IClientOwner, made: Callable[[ClientRole], None]
    ) -> None:
        self._clock = clock
        self._owner = owner
        self._made = made
        #: The role of the connection that was made last.
        self.role: ClientRole

    def buildProtocol(self, addr: IAddress | None) -> FramingConnection:
        self.role = ClientRole(self._owner, self._clock)
        self._made(self.role)
        return self.role.connection


def open_channel(
    reactor: IReactorTime,
    via: str,
    receiver: IChannelReceiver,
    *,
    endpoint: IStreamClientEndpoint | None = None,
    **options: Any,
) -> Deferred[FramingChannel]:
    """
    Open a channel on a connection of its own, which is closed after it.

    :param endpoint: where to connect; None: the host and port of the via
    :param options: as :meth:`ConnectionPool.open_channel` has them
    """
    endpoint_for = None if endpoint is None else lambda host, port: endpoint
    pool = ConnectionPool(
        reactor, max_outbound_connections_per_endpoint=0, endpoint_for=endpoint_for
    )
    return pool.open_channel(via, receiver, **options)
