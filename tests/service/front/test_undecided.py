"""netshare.service.front.undecided: ports whose connections begin with a PROXY protocol header."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator

import pytest

from netshare.outcomes import Outcome
from netshare.service.proxyprotocol import proxy_header
from netshare.service.quotas import Quotas
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair
from tests.helpers.front import PREAMBLE, Front, is_reset

CLIENT, PUBLIC = "203.0.113.7:4711", "198.51.100.1:808"
HEADER = proxy_header(CLIENT, PUBLIC)
TEXT = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 808\r\n"


class Proxied(Front):
    """A front behind a balancer."""

    def arrive(self, data: bytes = b"") -> socket.socket:
        """The balancer connects, and sends this."""
        client, server = tcpPair()
        self.clients.append(client)
        if data:
            client.sendall(data)
            select.select([server], [], [], 5)
        server.setblocking(False)
        self.factory.accepted(HeldSocket(server.detach()), "10.0.0.1:1", "10.0.0.2:2", True)
        self.reactor.settle()
        return client


@pytest.fixture
def proxied() -> Iterator[Callable[..., Proxied]]:
    """Makes fronts behind a balancer, with quotas."""
    made: list[Proxied] = []

    def make(**quotas: int) -> Proxied:
        made.append(Proxied(Quotas(**quotas), True))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.finish()


@pytest.mark.parametrize("header", [HEADER, TEXT])
@pytest.mark.parametrize("cut", [0, 1, 5, 12, 20, -1, None])
def test_the_client_is_known(
    proxied: Callable[..., Proxied], header: bytes, cut: int | None
) -> None:
    """Whatever pieces the header comes in, the arrival is the client's, and begins behind it."""
    one = proxied()
    if cut is None:
        one.arrive(header + PREAMBLE)
    else:
        client = one.arrive(header[:cut])
        one.send(client, header[cut:])
        one.send(client, PREAMBLE)
    (arrival,) = one.arrivals
    assert (arrival.peer, arrival.local, arrival.named) == (CLIENT, PUBLIC, True)
    assert arrival.readData == PREAMBLE


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", proxy_header("", "")])
def test_a_client_that_the_balancer_does_not_know(
    proxied: Callable[..., Proxied], header: bytes
) -> None:
    """It is served, and goes by the balancer's own address."""
    one = proxied()
    one.arrive(header + PREAMBLE)
    (arrival,) = one.arrivals
    assert (arrival.peer, arrival.named) == ("10.0.0.1:1", False)


@pytest.mark.parametrize("data", [PREAMBLE, b"GET / HTTP/1.1\r\n", b"PROXY TCP4 nonsense\r\n"])
@pytest.mark.parametrize("late", [False, True])
def test_no_header(proxied: Callable[..., Proxied], data: bytes, late: bool) -> None:
    """It is an outcome of its own, with a sentence that says what to look at, and closed."""
    one = proxied()
    if late:
        client = one.arrive()
        one.send(client, data)
    else:
        client = one.arrive(data)
    assert one.outcomes.outcomes == [Outcome.NO_PROXY_HEADER]
    assert is_reset(client)
    one.check()


def test_a_header_that_does_not_end(proxied: Callable[..., Proxied]) -> None:
    """Neither one that stops coming nor one whose balancer leaves is called empty."""
    one = proxied(receiveTimeout=30)
    one.arrive(HEADER[:7])
    one.hangUp(one.arrive(HEADER[:7]))
    one.reactor.advance(31)
    one.reactor.settle()
    assert one.outcomes.outcomes == [Outcome.NO_PROXY_HEADER] * 2


def test_a_health_check(proxied: Callable[..., Proxied]) -> None:
    """A balancer that connects and leaves is as empty as on any port."""
    one = proxied()
    one.hangUp(one.arrive())
    assert one.outcomes.outcomes == [Outcome.EMPTY]


def test_limits_count_the_client(proxied: Callable[..., Proxied]) -> None:
    """Many clients of one balancer are many clients; one that has too many is refused alone."""
    one = proxied(maxPendingPerPeer=2)
    for number in range(5):
        one.arrive(proxy_header(f"203.0.113.{number}:1", PUBLIC))
    assert one.outcomes.outcomes == []
    for _ in range(2):
        one.arrive(proxy_header("203.0.113.1:2", PUBLIC) + PREAMBLE[:5])
    assert one.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
