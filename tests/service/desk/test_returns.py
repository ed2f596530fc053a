"""netshare.service.desk.returns: a preamble is given back only so often."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from netshare.control.commands import NotReturnable
from netshare.service.desk.returns import LONGEST_RETURN, MAX_BOUNCES, Bounces, Returns
from netshare.service.front.ports import Ports
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair
from tests.helpers.front import PREAMBLE, VIA, Front


@pytest.fixture
def held() -> Iterator[HeldSocket]:
    """A connection that comes back."""
    client, server = tcpPair()
    one = HeldSocket(server.detach())
    yield one
    one.close()
    client.close()


def test_a_preamble_that_nobody_wants(held: HeldSocket) -> None:
    """After MAX_BOUNCES returns without an answer to the client it is enough."""
    bounces = Bounces()
    assert [bounces.exceeded(held) for _ in range(MAX_BOUNCES + 1)] == [False] * MAX_BOUNCES + [
        True
    ]


def test_a_connection_that_is_served_between(held: HeldSocket) -> None:
    """Whoever answered the client has served it: it may go round for ever."""
    bounces = Bounces()
    for _ in range(5 * MAX_BOUNCES):
        assert not bounces.exceeded(held)
        os.write(held.fileno(), b"\x0b")


def test_it_is_the_connection_that_counts(held: HeldSocket) -> None:
    """Another descriptor of the same connection is the same connection."""
    bounces = Bounces()
    for _ in range(MAX_BOUNCES):
        copy = HeldSocket(os.dup(held.fileno()))
        assert not bounces.exceeded(copy)
        copy.close()
    assert bounces.exceeded(held)


def test_connections_are_told_apart(held: HeldSocket) -> None:
    """Another connection has a count of its own."""
    client, server = tcpPair(socket.AF_INET6)
    other = HeldSocket(server.detach())
    bounces = Bounces()
    for _ in range(MAX_BOUNCES):
        assert not bounces.exceeded(held)
        assert not bounces.exceeded(other)
    assert bounces.exceeded(held)
    assert bounces.exceeded(other)
    other.close()
    client.close()


def test_the_oldest_are_forgotten(held: HeldSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded."""
    monkeypatch.setattr("netshare.service.desk.returns._REMEMBERED", 1)
    bounces = Bounces()
    for _ in range(MAX_BOUNCES):
        bounces.exceeded(held)
    client, server = tcpPair()
    other = HeldSocket(server.detach())
    bounces.exceeded(other)
    assert len(bounces._seen) == 1
    assert not bounces.exceeded(held)
    other.close()
    client.close()


def a_file() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def a_pipe() -> int:
    read, write = os.pipe()
    os.close(write)
    return read


def a_unix_socket() -> int:
    one, other = socket.socketpair()
    other.close()
    return one.detach()


def a_listening_socket() -> int:
    return socket.create_server(("127.0.0.1", 0)).detach()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (a_file, "not a connected TCP socket"),
        (a_pipe, "not a connected TCP socket"),
        (a_unix_socket, "not a TCP socket"),
        (a_listening_socket, "not connected any more"),
    ],
)
def test_what_cannot_be_given_back(front: Front, make: Callable[[], int], why: str) -> None:
    """Anything but a connected TCP socket is refused with the reason, and closed."""
    held = HeldSocket(make())
    with pytest.raises(NotReturnable, match=why):
        returns(front).take(held, PREAMBLE, "", "worker 1", {1})
    assert held.closed


def test_a_port_of_another_worker(front: Front, held: HeldSocket) -> None:
    """What did not come in on one of the worker's ports is none of its connections."""
    with pytest.raises(NotReturnable, match="never had a registration"):
        returns(front).take(held, PREAMBLE, "", "worker 1", {1})
    assert held.closed


def test_too_many_bytes(front: Front, held: HeldSocket) -> None:
    """More bytes than a first read, and part of a preamble, cannot belong to it."""
    with pytest.raises(NotReturnable, match="more than"):
        returns(front).take(held, b"x" * (LONGEST_RETURN + 1), "", "worker 1", {port(held)})
    assert held.closed


def test_it_is_routed_anew(front: Front, held: HeldSocket) -> None:
    """A connection that comes back arrives once more, under the name that the worker has for it."""
    returns(front).take(held, PREAMBLE, "192.0.2.1:4000", "worker 1", {port(held)})
    (arrival,) = front.arrivals
    assert (arrival.via, arrival.peer, arrival.named) == (VIA, "192.0.2.1:4000", True)
    assert front.outcomes.returned == 1


def port(held: HeldSocket) -> int:
    """The port that it came in on."""
    view = held.view()
    try:
        return int(view.getsockname()[1])
    finally:
        view.detach()


def returns(front: Front) -> Returns:
    return Returns(front.factory, Ports(front.reactor, front.factory, front.admission))
