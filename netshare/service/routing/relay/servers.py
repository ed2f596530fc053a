"""
The servers of a relay: where they are, how they are dialled, and which of them are up.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from netshare.reactors import IReactor
from netshare.service.routing.relay.bridge import ServerProtocol
from netshare.service.routing.relay.ends import SocketEnd
from netshare.service.routing.relay.owner import EndOwner
from netshare.service.routing.relay.poller import Poller, poller_of
from netshare.timing import Timer

#: Seconds for which a server that could not be reached is tried after the others.
BAD_FOR = 1.0

#: Seconds for which it is not asked again whether a server accepts.
KNOWN_FOR = 3.0

_PLAIN = re.compile(r"tcp:(?:(?:host=)?(\d+\.\d+\.\d+\.\d+)):(?:port=)?(\d+)")
_PLAIN_6 = re.compile(r"tcp6?:(?:host=)?([0-9A-Fa-f]*(?:\\:[0-9A-Fa-f]*)+):(?:port=)?(\d+)")


class Attempt(Protocol):
    """A connection to a server, or an attempt at one."""

    @property
    def connecting(self) -> bool:
        """Whether it is not there yet."""

    def abort(self) -> None:
        """Give it up; its owner hears nothing more of it."""


class RelayedServer:
    """
    One server of a relay.

    :param endpoint: how it is reached
    :param where: the same for people
    :param address: family and address for ``connect()``, where nothing but that is needed
    """

    def __init__(
        self,
        reactor: IReactor,
        endpoint: IStreamClientEndpoint,
        where: str,
        address: tuple[int, tuple[Any, ...]] | None = None,
    ) -> None:
        self.where = where
        #: How many connections are relayed to it.
        self.active = 0
        #: Why it could not be reached the last time; empty when it could.
        self.trouble = ""
        self._badUntil = 0.0
        self._knownUntil = 0.0
        self._reactor = reactor
        self._poller = poller_of(reactor)
        self._endpoint = endpoint
        self._address = address

    @classmethod
    def from_string(cls, reactor: IReactor, text: str) -> RelayedServer:
        """
        :param text: a Twisted client endpoint string, such as ``tcp:127.0.0.1:9000``
        :raises ValueError: it is none
        """
        try:
            endpoint = clientFromString(reactor, text)
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from None
        return cls(reactor, endpoint, text, _plain_address(text))

    @property
    def bad(self) -> bool:
        """Whether it could not be reached a moment ago."""
        return bool(self.trouble) and self._reactor.seconds() < self._badUntil

    def reached(self) -> None:
        """It has answered."""
        self.trouble = ""
        self._known()

    def failed(self, reason: str) -> None:
        """It could not be reached, or closed without an answer."""
        self.trouble = reason
        self._badUntil = self._reactor.seconds() + BAD_FOR
        self._known()

    def check(self, timeout: float) -> None:
        """
        Find out whether it accepts, unless that is known from the last :data:`KNOWN_FOR` seconds.

        :param timeout: seconds that it may take to accept
        """
        if self._reactor.seconds() < self._knownUntil:
            return
        self._known()
        _Check(self._reactor, self, timeout).begin()

    def _known(self) -> None:
        self._knownUntil = self._reactor.seconds() + KNOWN_FOR

    def dial(self, data: bytes, owner: EndOwner[SocketEnd]) -> Attempt:
        """
        Connect, and send the first bytes.

        :param owner: told when the connection is there, unless it is so at once
        :raises OSError: it cannot be reached
        """
        if self._address is not None:
            return SocketEnd.dial(self._poller, *self._address, data, owner)
        return _Dialling(self._poller, self._endpoint, data, owner)


def in_order(servers: Sequence[RelayedServer]) -> list[RelayedServer]:
    """
    The servers in the order in which they are to be tried: those that could be reached first, of
    them those with the fewest connections, and of equal ones as they were given.
    """
    if len(servers) == 1:
        return list(servers)
    return sorted(servers, key=lambda server: (server.bad, server.active))


class _Dialling:
    """
    An attempt by way of an endpoint: whatever Twisted can connect to.
    """

    def __init__(
        self,
        poller: Poller,
        endpoint: IStreamClientEndpoint,
        data: bytes,
        owner: EndOwner[SocketEnd],
    ) -> None:
        self._poller = poller
        self._data = data
        self._owner = owner
        self._over = False
        self._end: SocketEnd | None = None
        self._protocol = ServerProtocol()
        self._connecting = endpoint.connect(_One(self._protocol))
        self._connecting.addCallbacks(self._connected, self._failed)

    @property
    def connecting(self) -> bool:
        """Whether it is not there yet."""
        return self._end is None

    def abort(self) -> None:
        self._over = True
        if self._end is not None:
            self._end.abort()
        else:
            self._connecting.cancel()

    def _connected(self, _: object) -> None:
        if self._over:
            self._protocol.transport.abortConnection()
            return
        self._end = end = self._protocol.end(self._poller, self._owner)
        end.resume()
        end.write(self._data)
        if not end.closed:
            self._owner.dialled(end)
        if self._protocol.early and not end.closed:
            self._owner.received(end, self._protocol.early)

    def _failed(self, failure: Failure) -> None:
        if not self._over and not failure.check(CancelledError):
            self._over = True
            self._owner.lost(None, failure.getErrorMessage())


class _Check:
    """
    A connection that is closed as soon as it is there.
    """

    def __init__(self, reactor: IReactor, server: RelayedServer, timeout: float) -> None:
        self._server = server
        self._attempt: Attempt | None = None
        self._over = False
        self._timer = Timer(reactor, self._tooLate)
        self._timeout = timeout

    def begin(self) -> None:
        """Connect."""
        try:
            attempt = self._server.dial(b"", self)
        except OSError as error:
            self._server.failed(error.strerror or str(error))
            return
        if self._over:
            return  # it has failed at once
        if attempt.connecting:
            self._attempt = attempt
            self._timer.start(self._timeout)
        else:
            self._server.reached()
            attempt.abort()

    def dialled(self, end: SocketEnd) -> None:
        """It accepts."""
        self._over = True
        self._timer.stop()
        self._server.reached()
        end.close()

    def received(self, end: SocketEnd, data: bytes) -> None:
        """What it says is not for us."""

    def moved_on(self, end: SocketEnd, count: int) -> None:
        """Likewise."""

    def readEnded(self, end: SocketEnd) -> None:
        """Likewise."""

    def filled(self, end: SocketEnd) -> None:
        """Nothing is sent."""

    def drained(self, end: SocketEnd) -> None:
        """Likewise."""

    def lost(self, end: SocketEnd | None, reason: str) -> None:
        """It does not accept."""
        self._over = True
        self._timer.stop()
        self._server.failed(reason)

    def _tooLate(self) -> None:
        if self._attempt is not None:
            self._attempt.abort()
        self._server.failed("it does not accept within the time")


class _One(Factory):
    """
    Makes one protocol that exists already.
    """

    noisy = False

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> ServerProtocol:
        return self._protocol


def _plain_address(text: str) -> tuple[int, tuple[Any, ...]] | None:
    for pattern, family in ((_PLAIN, socket.AF_INET), (_PLAIN_6, socket.AF_INET6)):
        match = pattern.fullmatch(text)
        if match is not None:
            host, port = match.group(1).replace("\\", ""), int(match.group(2))
            try:
                socket.inet_pton(family, host)
            except OSError:
                return None
            return family, (host, port)
    return None
