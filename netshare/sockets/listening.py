"""
Sockets that listen, for ``IReactorSocket.adoptStreamPort``.
"""

from __future__ import annotations

import socket

#: The largest TCP segment, in bytes, that WCF clients on the same machine can always take. They
#: have receive buffers of 8 KiB, for which Linux announced windows of 10 to 16 KiB, depending on
#: the sizes of earlier messages. A segment that does not fit into the window is held back for
#: 200 ms each time. Those of the loopback interface have 64 KiB; networks have smaller ones.
WCF_CLIENT_SEGMENT = 7000


def listening_socket(interface: str, number: int, backlog: int) -> socket.socket:
    """
    A socket that listens. One for IPv6 leaves IPv4 alone, so that both families can have a socket
    each on one port: Twisted's own cannot, once the other family has the port.

    :param interface: an address, such as ``0.0.0.0`` or ``::``
    :param number: of the port
    :param backlog: how many connections may wait
    :raises OSError: the port is taken, or the address is none of this machine's
    """
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((interface, number))
        bound.listen(backlog)
    except OSError:
        bound.close()
        raise
    return bound
