"""netshare.service.routing.relay.servers: where they are, and how they are dialled."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.outcomes import Outcome
from netshare.service.routing.relay import RelayedServer
from netshare.service.routing.relay.ends import KEEPALIVE
from netshare.service.routing.relay.servers import BAD_FOR, KNOWN_FOR, in_order
from netshare.sockets.keepalive import keep_alive
from netshare.testing import tcpPair
from tests.helpers.descriptors_ready import TellingReactor
from tests.helpers.relaying import PREAMBLE, RelayUnderTest


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects when the test says so."""

    def __init__(self, reactor: TellingReactor, error: Exception | None = None) -> None:
        self.reactor = reactor
        self.error = error
        self.cancelled = False

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        self.answer: Deferred[Any] = Deferred(self._cancel)
        self.factory = protocolFactory
        if self.error is not None:
            self.answer.errback(Failure(self.error))
        return self.answer

    def accept(self) -> socket.socket:
        """The server accepts; its end of the connection."""
        ours, theirs = tcpPair()
        transport = self.reactor.connect(self.factory, theirs)
        assert transport is not None
        self.answer.callback(transport.protocol)
        self.reactor.settle()
        return ours

    def _cancel(self, _: object) -> None:
        self.cancelled = True


def endpoint_relay(*errors: Exception | None) -> tuple[RelayUnderTest, list[Endpoint]]:
    """A relay whose servers are behind endpoints of their own."""
    reactor = TellingReactor()
    endpoints = [Endpoint(reactor, error) for error in errors]
    servers = [RelayedServer(reactor, one, f"server {at}") for at, one in enumerate(endpoints)]
    return RelayUnderTest(servers=servers, reactor=reactor), endpoints


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:127.0.0.1:9000", (socket.AF_INET, ("127.0.0.1", 9000))),
        ("tcp:host=127.0.0.1:port=9000", (socket.AF_INET, ("127.0.0.1", 9000))),
        ("tcp:\\:\\:1:9000", (socket.AF_INET6, ("::1", 9000))),
        ("tcp:999.0.0.1:9000", None),
        ("tcp:localhost:9000", None),
        ("tcp:127.0.0.1:9000:timeout=3", None),
        ("unix:/run/server", None),
    ],
)
def test_plain_addresses(text: str, address: object) -> None:
    """Servers that are a host's number and a port are dialled without an endpoint."""
    server = RelayedServer.from_string(TellingReactor(), text)
    assert server._address == address
    assert server.where == text


@pytest.mark.parametrize("text", ["nonsense:1", "tcp:a", "tcp:a:b"])
def test_no_endpoint(text: str) -> None:
    """What is no endpoint is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011  (in Twisted's words)
        RelayedServer.from_string(TellingReactor(), text)


def test_the_order() -> None:
    """Those that were reached first, then those with fewest connections."""
    reactor = TellingReactor()
    servers = [RelayedServer.from_string(reactor, f"tcp:127.0.0.1:{n}") for n in range(1, 4)]
    one, two, three = servers
    one.active = 2
    two.failed("for the test")
    assert in_order(servers) == [three, one, two]
    reactor.advance(BAD_FOR + 0.1)
    assert in_order(servers) == [two, three, one]
    assert two.trouble == "for the test"
    two.reached()
    assert not two.trouble


def test_an_endpoint() -> None:
    """A connection of an endpoint is relayed like any other."""
    relay, (endpoint,) = endpoint_relay(None)
    arrival = relay.arrive()
    server = endpoint.accept()
    assert server.recv(1000) == PREAMBLE
    server.sendall(b"\x0b")
    relay.settle()
    assert arrival.outcome is Outcome.RELAYED
    assert arrival.client.recv(10) == b"\x0b"
    server.close()
    relay.finish()


def test_an_endpoint_that_fails_at_once() -> None:
    """Its words are the reason, and the next server is tried."""
    relay, _ = endpoint_relay(ConnectError(string="no way"), ConnectError(string="not here"))
    arrival = relay.arrive()
    assert arrival.outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert "server 0" in arrival.detail
    assert "not here" in arrival.detail
    relay.finish()


def test_an_endpoint_that_takes_too_long() -> None:
    """After connectTimeout its attempt is cancelled, and the next one is tried."""
    relay, (first, second) = endpoint_relay(None, None)
    arrival = relay.arrive()
    relay.reactor.advance(10.1)
    assert first.cancelled
    server = second.accept()
    server.sendall(b"\x0b")
    relay.settle()
    assert (arrival.outcome, arrival.detail) == (Outcome.RELAYED, "server 1")
    server.close()
    relay.finish()


def test_a_client_that_leaves_while_an_endpoint_connects() -> None:
    """The attempt is cancelled."""
    relay, (endpoint,) = endpoint_relay(None)
    arrival = relay.arrive()
    arrival.client.close()
    relay.settle()
    assert arrival.outcome is Outcome.CLIENT_GONE
    assert endpoint.cancelled
    relay.finish()


@pytest.mark.parametrize("up", [True, False])
def test_checking(up: bool) -> None:
    """
    A list asks whether servers accept, and says so without a client's having come; not again
    before some seconds are over.
    """
    relay = RelayUnderTest(up)
    relay.route.check()
    relay.settle()
    assert relay.route.state == ("ready" if up else "down")
    assert relay.servers[0].asked() == up
    relay.route.check()
    relay.settle()
    assert not relay.servers[0].asked()
    relay.reactor.advance(KNOWN_FOR)
    relay.route.check()
    relay.settle()
    assert relay.servers[0].asked() == up
    relay.finish()


def test_checking_endpoints() -> None:
    """So it is with endpoints: one that connects, one that fails, one that takes too long."""
    relay, (up, _, slow) = endpoint_relay(None, ConnectError(string="no way"), None)
    relay.route.check()
    server = up.accept()
    relay.reactor.advance(10.1)
    first, second, third = relay.route.servers
    assert (first.trouble, "no way" in second.trouble) == ("", True)
    assert (third.trouble, slow.cancelled) == ("it does not accept within the time", True)
    server.close()
    relay.finish()


def test_keepalive() -> None:
    """A server on another machine is asked whether it is still there; here there is no need."""
    relay = RelayUnderTest()
    relay.opened()
    (connection,) = relay.route.active
    assert connection._server is not None
    assert not connection._server._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    relay.finish()
    with socket.socket() as far:
        keep_alive(far, *KEEPALIVE)
        assert far.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
