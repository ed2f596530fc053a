"""Sockets that listen, one for each family."""

from __future__ import annotations

import errno
import socket

import pytest

from netshare.sockets.listening import listening_socket


def test_both_families_on_one_port() -> None:
    """IPv4 and IPv6 have a socket each on one port, and clients of each their own."""
    with listening_socket("0.0.0.0", 0, 5) as four:
        number = four.getsockname()[1]
        if not socket.has_ipv6:
            return
        with (
            listening_socket("::", number, 5) as six,
            socket.create_connection(("127.0.0.1", number)) as one,
            socket.create_connection(("::1", number)) as other,
        ):
            for listening, client in ((four, one), (six, other)):
                listening.setblocking(True)
                accepted, address = listening.accept()
                accepted.close()
                assert address[1] == client.getsockname()[1]


def test_a_taken_port() -> None:
    """A port that is taken is an OSError, and nothing is left open."""
    with listening_socket("127.0.0.1", 0, 5) as taken:
        with pytest.raises(OSError, match="in use") as failed:
            listening_socket("127.0.0.1", taken.getsockname()[1], 5)
        assert failed.value.errno == errno.EADDRINUSE
