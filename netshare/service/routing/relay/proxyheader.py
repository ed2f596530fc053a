"""
The PROXY protocol header that tells a relay's server who the client is.
"""

from __future__ import annotations

import ipaddress
import struct

from netshare.sockets.names import address_from_text

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def proxy_header(peer: str, local: str) -> bytes:
    """
    A PROXY protocol version 2 header for a TCP connection. (HAProxy, proxy-protocol.txt, 2.2)

    :param peer: the client, as ``host:port``; a balancer may have named it in another way
    :param local: where it connected to
    """
    try:
        source, destination = address_from_text(peer), address_from_text(local)
        hosts = [ipaddress.ip_address(source.host), ipaddress.ip_address(destination.host)]
    except ValueError:
        return _SIGNATURE + b"\x21\x00\x00\x00"  # the protocol's way of "unknown"
    if hosts[0].version == hosts[1].version == 4:
        family = 0x11
    else:  # one of them is IPv6: the other is written as a mapped address
        family = 0x21
        hosts = [
            host if host.version == 6 else ipaddress.ip_address(f"::ffff:{host}") for host in hosts
        ]
    addresses = hosts[0].packed + hosts[1].packed
    payload = addresses + struct.pack("!HH", source.port, destination.port)
    return _SIGNATURE + struct.pack("!BBH", 0x21, family, len(payload)) + payload
