"""From the first byte to the via: complete, wrong, too late, too much."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from zope.interface import directlyProvides

from netshare.framing.faults import Fault
from netshare.interfaces import IArrival
from netshare.outcomes import Outcome
from netshare.testing import FakeStreamTransport, tcpPair
from tests.helpers.front import PREAMBLE, Front, everything, is_reset


def test_byte_by_byte(front: Front) -> None:
    """A preamble that comes one byte at a time arrives when the via is complete."""
    client = front.connect()
    for at in range(len(PREAMBLE) - 3):
        assert front.arrivals == []
        front.check()
        front.send(client, PREAMBLE[at : at + 1])
    assert front.arrivals[0].readData == PREAMBLE[:-3]


WRONG = [
    (b"\0\2", Outcome.UNSUPPORTED_VERSION, Fault.UNSUPPORTED_VERSION),
    (b"\0\1\0\1\5", Outcome.UNSUPPORTED_MODE, Fault.UNSUPPORTED_MODE),
    (b"\0\1\0\1\2\2\x81\x10", Outcome.VIA_TOO_LONG, Fault.VIA_TOO_LONG),
    (b"\0\1\0\1\2\2\xff\xff\xff\xff\xff", Outcome.MALFORMED, None),
    (b"\0\1\0\1\2\2\0", Outcome.MALFORMED, None),
    (b"GET / HTTP/1.1\r\n\r\n", Outcome.MALFORMED, None),
    (b"\x16\x03\x01", Outcome.MALFORMED, None),
    (b"\xff" * 10_000, Outcome.MALFORMED, None),
]


@pytest.mark.parametrize(("data", "outcome", "fault"), WRONG)
@pytest.mark.parametrize("behind", [b"", b"\x00" * 3000])
def test_bytes_that_are_no_preamble(
    front: Front, data: bytes, outcome: Outcome, fault: Fault | None, behind: bytes
) -> None:
    """What has a fault gets exactly its record, half-closed; the rest is closed without a word."""
    client = front.connect(data + behind)
    if fault is not None:
        assert everything(client) == fault.record
        front.send(client, b"the client goes on for a while")
        assert front.admission.descriptors == 1
        front.hangUp(client)
    else:
        assert is_reset(client)
    assert front.outcomes.outcomes == [outcome]
    assert front.admission.descriptors == 0
    front.check()


@pytest.mark.parametrize("sent", [0, 1, len(PREAMBLE) - 4])
def test_the_receive_timeout(open_front: Callable[..., Front], sent: int) -> None:
    """A preamble that takes longer than receiveTimeout, counted from the connecting, is cut."""
    front = open_front(receiveTimeout=30, firstByteTimeout=None)
    client = front.connect()
    front.reactor.advance(20)
    front.send(client, PREAMBLE[:sent])
    front.reactor.advance(9.9)
    assert front.outcomes.outcomes == []
    front.reactor.advance(0.2)
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.RECEIVE_TIMEOUT]
    assert is_reset(client)
    front.check()


def test_no_receive_timeout(open_front: Callable[..., Front]) -> None:
    """Without one a client may take for ever."""
    front = open_front(receiveTimeout=None, firstByteTimeout=None)
    front.connect()
    front.reactor.advance(1e6)
    assert len(front.factory.undecided) == 1


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(b"", Outcome.EMPTY), (b"\0", Outcome.INCOMPLETE), (PREAMBLE[:-4], Outcome.INCOMPLETE)],
)
def test_clients_that_leave(front: Front, data: bytes, outcome: Outcome) -> None:
    """A client that leaves before its via is counted by whether it said anything."""
    front.hangUp(front.connect(data))
    assert front.outcomes.outcomes == [outcome]
    front.check()


def test_the_first_byte(open_front: Callable[..., Front]) -> None:
    """A client that says nothing is cut after firstByteTimeout; one that has begun is not."""
    front = open_front(receiveTimeout=30, firstByteTimeout=5)
    silent, slow = front.connect(), front.connect()
    front.send(slow, PREAMBLE[:1])
    front.reactor.advance(5.1)
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.RECEIVE_TIMEOUT]
    assert is_reset(silent)
    assert len(front.factory.undecided) == 1


def test_the_pending_limit(open_front: Callable[..., Front]) -> None:
    """
    At the limit of undecided connections the oldest one of the client with the most goes, told
    that the server is too busy; the ports go on, and others' connections stay.
    """
    front = open_front(maxPendingConnections=3)
    first, second = front.connect(), front.connect()
    light = front.connect(family=socket.AF_INET6)
    front.connect(family=socket.AF_INET6)
    assert everything(first) == Fault.SERVER_TOO_BUSY.record
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
    assert not front.admission.paused
    front.send(second, PREAMBLE)
    front.send(light, PREAMBLE)
    assert len(front.arrivals) == 2
    front.check_crowd()


def test_the_byte_limit(open_front: Callable[..., Front]) -> None:
    """At the limit of undecided bytes the ports pause; a decision gives its bytes back."""
    front = open_front(maxPendingBytes=20)
    client = front.connect(PREAMBLE[:15])
    assert not front.admission.paused
    front.connect(PREAMBLE[:5])
    assert front.admission.paused
    front.send(client, PREAMBLE[15:])
    assert front.admission.pendingBytes == 5
    assert not front.admission.paused


def test_the_per_peer_limit(open_front: Callable[..., Front]) -> None:
    """A client with too many undecided connections gets ServerTooBusy at once, others do not."""
    front = open_front(maxPendingPerPeer=2)
    front.connect()
    front.connect()
    assert everything(front.connect()) == Fault.SERVER_TOO_BUSY.record
    front.connect(PREAMBLE, family=socket.AF_INET6)
    assert len(front.arrivals) == 1
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
    front.hangUp(front.clients[0])
    front.connect(PREAMBLE)
    assert len(front.arrivals) == 2


def test_stopping(front: Front) -> None:
    """What is undecided when the service stops is dropped, and counted as that."""
    front.connect()
    front.connect(b"\0\1")
    front.factory.stop()
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.SHUTDOWN] * 2
    front.check()


class Unpassable(FakeStreamTransport):
    """A transport whose state is not all in the socket."""


def test_a_connection_that_cannot_be_given_away(front: Front) -> None:
    """A TLS listener's connection is refused, and the log says what to do."""
    client, server = tcpPair()
    front.clients.append(client)
    protocol = front.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    transport = Unpassable(server, front.reactor, protocol)
    directlyProvides(transport, ISSLTransport)
    front.reactor.transports.append(transport)
    protocol.makeConnection(transport)  # type: ignore[arg-type]
    front.send(client, PREAMBLE)
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    assert front.outcomes.outcomes == [Outcome.NOT_PASSABLE]
    front.check()


PROXY_V1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 808\r\n"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\7\xc6\x33\x64\1\x12\x67\3\x28"


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
@pytest.mark.parametrize("together", [True, False])
def test_behind_a_balancer(front: Front, header: bytes, together: bool) -> None:
    """Behind the haproxy: endpoint an arrival has the real client's address."""
    factory = HAProxyWrappingFactory(front.factory)
    if together:
        front.connect(header + PREAMBLE, factory)
    else:
        client = front.connect(header, factory)
        front.send(client, PREAMBLE)
    (arrival,) = front.arrivals
    assert (arrival.peer, arrival.local) == ("203.0.113.7:4711", "198.51.100.1:808")
    assert arrival.readData == PREAMBLE


def failing(arrival: IArrival) -> None:
    raise RuntimeError("a mistake in somebody's route")


def test_a_route_that_fails(front: Front) -> None:
    """A connection whose route raises is refused; the next one is served."""
    arrivals = front.router
    front.router = failing
    client = front.connect(PREAMBLE)
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    front.router = arrivals
    front.connect(PREAMBLE)
    assert len(front.arrivals) == 1
    assert front.outcomes.outcomes == [Outcome.CONNECTION_DISPATCH_FAILED]
