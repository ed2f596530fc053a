"""netshare.sockets.keepalive: noticing that a far end has vanished."""

from __future__ import annotations

import socket

import pytest

from netshare.sockets.keepalive import bytes_moved, keep_alive
from netshare.testing import tcpPair


def test_keep_alive() -> None:
    """The system asks, as often as it is told to, and waits no longer for bytes to be taken."""
    one, other = tcpPair()
    keep_alive(one, 10, 5, 3, 20.5)
    options = [
        one.getsockopt(socket.IPPROTO_TCP, option)
        for option in (
            socket.TCP_KEEPIDLE,
            socket.TCP_KEEPINTVL,
            socket.TCP_KEEPCNT,
            socket.TCP_USER_TIMEOUT,
        )
    ]
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert options == [10, 5, 3, 20500]
    one.close()
    other.close()


def test_bytes_moved() -> None:
    """What came and what was acknowledged is counted by the system."""
    one, other = tcpPair()
    before = bytes_moved(other)
    assert bytes_moved(other) == before
    one.sendall(b"12345")
    other.send(b"123")
    assert one.recv(10) == b"123"
    assert other.recv(10)
    assert bytes_moved(other)[1] - before[1] == 5
    assert bytes_moved(one)[1] >= 3
    one.close()
    other.close()


def test_bytes_moved_of_something_else() -> None:
    """A socket that is not TCP counts none."""
    one, other = socket.socketpair()
    with one, other, pytest.raises(OSError, match="not supported"):
        bytes_moved(one)
