"""netshare.service.routing.relay: servers that know nothing of sharing."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.framing.records import preamble
from netshare.interfaces import IRoute
from netshare.service.outcomes import Outcome
from netshare.service.quotas import Admission, Quotas
from netshare.service.routing.relay import RelayRoute, proxy_header
from netshare.testing import AdoptingReactor, RecordedArrival, tcpPair

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
VIA = "net.tcp://localhost/a"
PREAMBLE = preamble(VIA)


def test_a_header_for_ipv4() -> None:
    """Version 2, PROXY, TCP over IPv4: both addresses and ports in network order."""
    assert proxy_header("203.0.113.7:4711", "198.51.100.1:808") == SIGNATURE + bytes.fromhex(
        "21 11 000c cb007107 c6336401 1267 0328"
    )


@pytest.mark.parametrize(
    ("peer", "local", "hosts"),
    [
        ("[2001:db8::7]:1", "[2001:db8::1]:2", ("2001:db8::7", "2001:db8::1")),
        ("203.0.113.7:1", "[2001:db8::1]:2", ("::ffff:203.0.113.7", "2001:db8::1")),
        ("[2001:db8::7]:1", "198.51.100.1:2", ("2001:db8::7", "::ffff:198.51.100.1")),
    ],
)
def test_a_header_for_ipv6(peer: str, local: str, hosts: tuple[str, str]) -> None:
    """TCP over IPv6; an IPv4 address beside an IPv6 one is mapped."""
    addresses = b"".join(ipaddress.IPv6Address(host).packed for host in hosts)
    assert proxy_header(peer, local) == (
        SIGNATURE + bytes.fromhex("21 21 0024") + addresses + struct.pack("!HH", 1, 2)
    )


@pytest.mark.parametrize("peer", ["None", "UNIXAddress('x')", "somewhere:1", ""])
def test_a_header_for_nobody_knows_whom(peer: str) -> None:
    """A client that is not named by host and port is of an unspecified family."""
    assert proxy_header(peer, "198.51.100.1:808") == SIGNATURE + bytes.fromhex("21 00 0000")


@implementer(IStreamClientEndpoint)
class Server:
    """Where the relayed server would be."""

    def __init__(self, reactor: AdoptingReactor) -> None:
        self.reactor = reactor
        self.error: Exception | None = None
        self.answer: Deferred[Any] | None = None
        self.connections: list[socket.socket] = []

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        self.answer = Deferred()
        self.factory = protocolFactory
        if self.error is not None:
            self.answer.errback(Failure(self.error))
        return self.answer

    def accept(self) -> socket.socket:
        ours, theirs = tcpPair()
        self.connections.append(ours)
        transport = self.reactor.connect(self.factory, theirs)
        assert self.answer is not None
        assert transport is not None
        self.answer.callback(transport.protocol)
        self.reactor.settle()
        return ours


class Relay:
    """A relay route with its server and its clients."""

    def __init__(self, proxy: bool = False) -> None:
        self.reactor = AdoptingReactor()
        self.server = Server(self.reactor)
        self.admission = Admission(Quotas(receiveTimeout=30), 100)
        self.route = RelayRoute(self.reactor, self.server, "the server", self.admission, proxy, 10)
        self.arrivals: list[RecordedArrival] = []

    def arrive(self, data: bytes = PREAMBLE) -> RecordedArrival:
        arrival = RecordedArrival(VIA, data)
        self.arrivals.append(arrival)
        self.admission.hold()
        self.route.render(arrival)
        self.reactor.settle()
        return arrival

    def books(self) -> int:
        """Descriptors held: what a real arrival would have taken off the account is."""
        ended = [a for a in self.arrivals if a.ending is not None]
        return self.admission.descriptors + sum(a.keeps - 1 for a in ended)


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay, at the end of which nothing is left."""
    one = Relay()
    yield one
    finish(one)


def finish(one: Relay) -> None:
    one.route.stop()
    for arrival in one.arrivals:
        arrival.close()
    for connection in one.server.connections:
        connection.close()
    one.reactor.settle()
    assert not one.route.active
    assert one.books() == 0
    assert one.reactor.getDelayedCalls() == []
    one.reactor.close()


def test_relaying(relay: Relay) -> None:
    """Bytes go both ways, from the first of the preamble on."""
    verifyObject(IRoute, relay.route)
    arrival = relay.arrive(PREAMBLE + b"more")
    assert arrival.ending is None
    server = relay.server.accept()
    assert (arrival.outcome, arrival.keeps) == (Outcome.RELAYED, 2)
    assert server.recv(1000) == PREAMBLE + b"more"
    server.sendall(b"\x0b")
    arrival.client.sendall(b"and more")
    relay.reactor.settle()
    assert arrival.client.recv(10) == b"\x0b"
    assert server.recv(100) == b"and more"
    assert len(relay.route.active) == 1


@pytest.mark.parametrize("cut", [len(PREAMBLE) - 3, len(PREAMBLE) - 1])
def test_not_before_the_preamble_is_complete(relay: Relay, cut: int) -> None:
    """The server is dialled only when it has something to answer."""
    arrival = relay.arrive(PREAMBLE[:cut])
    assert relay.server.answer is None
    arrival.client.sendall(PREAMBLE[cut:])
    relay.reactor.settle()
    server = relay.server.accept()
    assert server.recv(1000) == PREAMBLE
    assert arrival.outcome is Outcome.RELAYED


def test_half_closes_travel(relay: Relay) -> None:
    """A half-close goes through, and the other direction goes on."""
    arrival = relay.arrive()
    server = relay.server.accept()
    arrival.client.shutdown(socket.SHUT_WR)
    relay.reactor.settle()
    assert server.recv(1000) == PREAMBLE
    assert server.recv(1000) == b""
    server.sendall(b"still here")
    relay.reactor.settle()
    assert arrival.client.recv(100) == b"still here"
    server.close()
    relay.reactor.settle()
    assert arrival.client.recv(100) == b""
    arrival.client.close()
    relay.reactor.settle()
    assert not relay.route.active


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_side_that_leaves(relay: Relay, who: str) -> None:
    """When one side resets its connection, so is the other's."""
    arrival = relay.arrive()
    server = relay.server.accept()
    one, other = (arrival.client, server) if who == "client" else (server, arrival.client)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    one.close()
    relay.reactor.settle()
    try:
        while other.recv(1000):
            pass
    except ConnectionResetError:
        pass
    relay.reactor.settle()
    assert not relay.route.active


def test_a_server_that_cannot_be_reached(relay: Relay) -> None:
    """The endpoint is unavailable, and the sentence names the server."""
    relay.server.error = ConnectError(string="refused")
    arrival = relay.arrive()
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)
    assert "the server" in arrival.detail


def test_a_server_that_does_not_answer(relay: Relay) -> None:
    """After connectTimeout it is unavailable, too."""
    arrival = relay.arrive()
    relay.reactor.advance(9.9)
    assert arrival.ending is None
    relay.reactor.advance(0.2)
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)


def test_a_malformed_rest(relay: Relay) -> None:
    """What is wrong behind the via is found here, and the server never hears of it."""
    arrival = relay.arrive(PREAMBLE[:-1] + b"\x05")
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.MALFORMED)
    assert relay.server.answer is None


def test_a_rest_that_does_not_come(relay: Relay) -> None:
    """The rest of the preamble has the receiveTimeout."""
    arrival = relay.arrive(PREAMBLE[:-1])
    relay.reactor.advance(30.1)
    relay.reactor.settle()
    assert (arrival.ending, arrival.outcome) == ("taken", Outcome.RECEIVE_TIMEOUT)


def test_a_client_that_leaves_in_the_middle(relay: Relay) -> None:
    """It is incomplete, and the server never hears of it."""
    arrival = relay.arrive(PREAMBLE[:-1])
    arrival.client.close()
    relay.reactor.settle()
    assert (arrival.ending, arrival.outcome) == ("taken", Outcome.INCOMPLETE)


@pytest.mark.parametrize("data", [PREAMBLE, PREAMBLE[:-1]])
def test_a_client_that_left(relay: Relay, data: bytes) -> None:
    """A client that reset its connection is gone, and the server's is closed."""
    arrival = RecordedArrival(VIA, data)
    relay.arrivals.append(arrival)
    relay.admission.hold()
    arrival.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    arrival.client.close()
    relay.route.render(arrival)
    if data == PREAMBLE:
        server = relay.server.accept()
        while server.recv(1000):
            pass
    assert (arrival.ending, arrival.outcome) == ("taken", Outcome.CLIENT_GONE)


def test_stopping(relay: Relay) -> None:
    """Stopping cuts what is spliced."""
    arrival = relay.arrive()
    server = relay.server.accept()
    relay.route.stop()
    relay.reactor.settle()
    assert not relay.route.active
    assert server.recv(1000) == PREAMBLE
    assert server.recv(1) == b""
    assert arrival.client.recv(1) == b""


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(PREAMBLE[:-1], Outcome.SHUTDOWN), (PREAMBLE, Outcome.ENDPOINT_UNAVAILABLE)],
)
def test_stopping_before_it_is_spliced(relay: Relay, data: bytes, outcome: Outcome) -> None:
    """Neither a client that is still sending nor an attempt to connect outlives the service."""
    arrival = relay.arrive(data)
    relay.route.stop()
    relay.reactor.settle()
    assert arrival.outcome is outcome
    assert relay.reactor.getDelayedCalls() == []


def test_the_header_comes_first() -> None:
    """With proxy the server reads who the client is before anything of it."""
    one = Relay(proxy=True)
    arrival = one.arrive()
    server = one.server.accept()
    expected = proxy_header(arrival.peer, arrival.local) + PREAMBLE
    assert server.recv(1000) == expected
    finish(one)
