"""
Noticing that a far end has vanished without a word: its machine lost power, or its network.
"""

from __future__ import annotations

import socket
import struct


def keep_alive(
    connection: socket.SocketType, idle: int, interval: int, count: int, unanswered: float = 0
) -> None:
    """
    Let the system ask a silent far end whether it is still there, and end the connection if it
    is not.

    :param connection: a TCP socket; of a listening one, what it accepts inherits this
    :param idle: seconds of silence until the first question
    :param interval: seconds between two of them
    :param count: how many have no answer until the connection is lost
    :param unanswered: seconds until it is lost when bytes are not acknowledged; 0: the system's own
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
    if unanswered:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(unanswered * 1000))


#: ``tcpi_bytes_acked`` and ``tcpi_bytes_received`` in the ``tcp_info`` of Linux.
_MOVED = struct.Struct("=120xQQ")


def bytes_moved(connection: socket.SocketType) -> tuple[int, int]:
    """
    How many bytes the far end has acknowledged and sent, as the system counts them.

    :param connection: a TCP socket
    :raises OSError: it is none
    """
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MOVED.size)
    acknowledged, received = _MOVED.unpack(told)
    return acknowledged, received
