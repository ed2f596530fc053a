"""
A relay route, with servers that are listening sockets and clients of which a test has the far end.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from netshare.framing.records import preamble
from netshare.interfaces import IRoute
from netshare.service.quotas import Admission, Quotas
from netshare.service.routing.relay import RelayedServer, RelayRoute, RelaySettings
from netshare.service.routing.relay.poller import poller_of
from netshare.sockets.held import HeldSocket
from netshare.testing import RecordedArrival
from tests.helpers.descriptors_ready import TellingReactor

VIA = "net.tcp://localhost/a"
OTHER = "net.tcp://localhost/b"
PREAMBLE = preamble(VIA)

RESET = b"\1\0\0\0\0\0\0\0"
"""A struct linger that makes closing a reset."""


class ListeningServer:
    """
    A server of a relay: it listens, and accepts when it is told to.

    :param up: whether it listens
    """

    def __init__(self, reactor: Any, name: str, up: bool = True) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.settimeout(2)
        self._accepted: list[socket.socket] = []
        if up:
            self._listener.listen(100)
        address = (socket.AF_INET, self._listener.getsockname())
        self.server = RelayedServer(reactor, _NoEndpoint(), name, address)

    def asked(self) -> bool:
        """Whether a connection waits to be accepted."""
        self._listener.setblocking(False)
        try:
            self._accepted.append(self._listener.accept()[0])
        except OSError:
            return False  # there is none, or it does not listen
        finally:
            self._listener.settimeout(2)
        return True

    def accept(self) -> socket.socket:
        """A connection of the relay."""
        connection = self._listener.accept()[0]
        connection.settimeout(2)
        self._accepted.append(connection)
        return connection

    def close(self) -> None:
        """Close everything."""
        for one in (self._listener, *self._accepted):
            one.close()


class _NoEndpoint:
    """Servers that are plain sockets are not dialled by their endpoints."""

    def connect(self, protocolFactory: Any) -> Any:
        raise AssertionError("the endpoint was asked")


class RelayUnderTest:
    """
    A route, its books, and what it gives back.

    :param up: for each server, whether it listens
    """

    def __init__(
        self,
        *up: bool,
        servers: Sequence[RelayedServer] | None = None,
        reactor: TellingReactor | None = None,
        **settings: Any,
    ) -> None:
        self.reactor = reactor or TellingReactor()
        self.servers = [
            ListeningServer(self.reactor, f"server {number}", one)
            for number, one in enumerate(up or (True,))
        ]
        self.admission = Admission(Quotas(receiveTimeout=30), 100)
        self.returned: list[tuple[HeldSocket, bytes, str, str]] = []
        #: What other routes than this one vias lead to.
        self.elsewhere: dict[str, IRoute | None] = {}
        settings.setdefault("connectTimeout", 10)
        self.route = RelayRoute(
            self.reactor,
            servers or [one.server for one in self.servers],
            self.admission,
            RelaySettings(**settings),
            lambda via: self.elsewhere.get(via, self.route),
            lambda *returned: self.returned.append(returned),
        )
        self.arrivals: list[RecordedArrival] = []

    def arrive(self, data: bytes = PREAMBLE, via: str = VIA) -> RecordedArrival:
        """A client asks for this relay."""
        arrival = RecordedArrival(via, data)
        arrival.held.alone = True  # as when it was just accepted
        self.arrivals.append(arrival)
        self.admission.hold()
        self.route.render(arrival)
        self.reactor.settle()
        return arrival

    def opened(
        self, data: bytes = PREAMBLE, answer: bytes = b"\x0b"
    ) -> tuple[socket.socket, socket.socket]:
        """
        A connection through the relay.

        :returns: the client's end and the server's; both have read preamble and answer
        """
        arrival = self.arrive(data)
        server = self.servers[0].accept()
        assert server.recv(1000) == data
        server.sendall(answer)
        self.reactor.settle()
        assert arrival.client.recv(1000) == answer
        return arrival.client, server

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.reactor.settle()

    def descriptors(self) -> int:
        """Descriptors held: what a real arrival would have taken off the account is."""
        ended = [a for a in self.arrivals if a.ending is not None]
        return self.admission.descriptors + sum(a.keeps - 1 for a in ended)

    def finish(self) -> None:
        """Stop, and see that nothing is left."""
        self.route.stop()
        for arrival in self.arrivals:
            arrival.close()
        for server in self.servers:
            server.close()
        for held, *_ in self.returned:
            held.close()
        self.reactor.settle()
        assert not self.route.active
        assert self.descriptors() == 0
        assert self.reactor.getDelayedCalls() == []
        assert not poller_of(self.reactor).polled
        poller_of(self.reactor).rest()
        assert not self.reactor.readers
        assert not self.reactor.writers
        self.reactor.close()
