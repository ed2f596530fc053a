"""
A bound on workers that play ball with a connection.

A worker gives a socket back when its next preamble names somebody else's address, which can go
on for as long as the client likes. What must not go on is two workers who both say "not mine" to
the same preamble. The kernel can tell the two apart: whoever *answered* a preamble has sent bytes
to the client. So a socket that comes back, and has sent nothing since it last came back, was
bounced.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict

from netshare.sockets.held import HeldSocket

#: How often one preamble may be given back.
MAX_BOUNCES = 3

#: How many returned sockets are remembered; the oldest are forgotten first.
_REMEMBERED = 8192

_SO_COOKIE = 57
# tcpi_data_segs_out in struct tcp_info (linux/tcp.h, since 4.6): segments with data in them.
_TCP_INFO_SIZE, _DATA_SEGMENTS_AT = 160, 156


class Bounces:
    """
    Remembers the sockets that came back lately, by the kernel's own number for them.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def exceeded(self, held: HeldSocket) -> bool:
        """
        Count a socket that comes back.

        :returns: whether its preamble was given back too often
        """
        view = held.view()
        try:
            (cookie,) = struct.unpack("Q", view.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))
            info = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        finally:
            view.detach()
        (sent,) = struct.unpack_from("I", info, _DATA_SEGMENTS_AT)
        before, bounces = self._seen.pop(cookie, (-1, 0))
        bounces = bounces + 1 if sent == before else 0
        self._seen[cookie] = (sent, bounces)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return bounces >= MAX_BOUNCES
