"""netshare.sockets.keepalive: noticing that a far end has vanished."""

from __future__ import annotations

import socket

from netshare.sockets.keepalive import keep_alive
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
