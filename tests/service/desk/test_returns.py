"""netshare.service.desk.returns: a preamble is given back only so often."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from netshare.service.desk.returns import MAX_BOUNCES, Bounces
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair


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
