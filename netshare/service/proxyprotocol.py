"""
The PROXY protocol: who a balancer's, or a relay's, client is. (HAProxy, proxy-protocol.txt)

A header stands in front of a connection's first byte. Reading is a pure function of what has come
so far, whole or in pieces.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from netshare.sockets.names import address_from_text

#: The longest header of version 1 (2.1), and the longest of version 2 that is read, in bytes.
MAX_TEXT_SIZE, MAX_BINARY_SIZE = 107, 4096

_TEXT = b"PROXY "
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_BINARY_HEADER = 16
_VERSION, _LOCAL, _PROXY = 0x20, 0x0, 0x1
#: Of the families and protocols: TCP over IPv4 and IPv6, and how long their addresses are.
_SIZES = {0x11: 4, 0x21: 16}


class _NeedMore(Enum):
    NEED_MORE = "need more"


#: The bytes end inside the header.
NEED_MORE: Final = _NeedMore.NEED_MORE


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """
    A header.
    """

    #: The offset behind it.
    end: int
    #: The client and what it connected to, as ``host:port``; empty where the balancer does not
    #: know, or speaks for itself (a health check): then the socket's addresses are the right ones.
    peer: str = ""
    local: str = ""


@dataclass(frozen=True, slots=True)
class NoProxyHeader:
    """
    Why these bytes are no header.
    """

    reason: str


ProxyReading = ProxyHeader | NoProxyHeader | Literal[_NeedMore.NEED_MORE]


def read_proxy_header(data: bytes | bytearray) -> ProxyReading:
    """
    Read the header that begins with the first byte, of either version.

    :param data: everything received so far; bytes behind the header are left alone
    """
    start = bytes(data[: len(_SIGNATURE)])
    if start.startswith(_TEXT):
        return _read_text(data)
    if start == _SIGNATURE:
        return _read_binary(data)
    if _TEXT.startswith(start) or _SIGNATURE.startswith(start):
        return NEED_MORE
    return NoProxyHeader("there is no PROXY header: is the balancer set to send it?")


def _read_text(data: bytes | bytearray) -> ProxyReading:
    end = bytes(data[:MAX_TEXT_SIZE]).find(b"\r\n")
    if end < 0:
        if len(data) < MAX_TEXT_SIZE:
            return NEED_MORE
        return NoProxyHeader(f"the PROXY header does not end within {MAX_TEXT_SIZE} bytes")
    words = bytes(data[:end]).decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":
        return ProxyHeader(end + 2)
    version = {"TCP4": 4, "TCP6": 6}.get(words[1])
    if version is None or len(words) != 6:
        return NoProxyHeader("the PROXY header names neither TCP4, TCP6 nor UNKNOWN")
    _, _, source, destination, source_port, destination_port = words
    peer = _address(version, source, source_port)
    local = _address(version, destination, destination_port)
    if not (peer and local):
        return NoProxyHeader("the PROXY header has no addresses that could be read")
    return ProxyHeader(end + 2, peer, local)


def _address(version: int, host: str, port: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version != version or not (port.isascii() and port.isdigit() and len(port) < 6):
        return ""
    return _named(address, int(port)) if int(port) < 65536 else ""


def _named(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return f"[{address}]:{port}" if mapped is None else f"{mapped}:{port}"
    return f"{address}:{port}"


def _read_binary(data: bytes | bytearray) -> ProxyReading:
    if len(data) < _BINARY_HEADER:
        return NEED_MORE
    command, family, size = struct.unpack_from("!BBH", data, len(_SIGNATURE))
    end = _BINARY_HEADER + size
    if command & 0xF0 != _VERSION or command & 0x0F not in (_LOCAL, _PROXY):
        return NoProxyHeader(f"the PROXY header's version and command are {command:#04x}")
    if end > MAX_BINARY_SIZE:
        return NoProxyHeader(f"the PROXY header has {end} bytes, the limit is {MAX_BINARY_SIZE}")
    if end > len(data):
        return NEED_MORE
    width = _SIZES.get(family)
    if command & 0x0F == _LOCAL or width is None:
        return ProxyHeader(end)
    if size < 2 * width + 4:
        return NoProxyHeader("the PROXY header is too short for its addresses")
    at = _BINARY_HEADER
    source = ipaddress.ip_address(bytes(data[at : at + width]))
    destination = ipaddress.ip_address(bytes(data[at + width : at + 2 * width]))
    ports = struct.unpack_from("!HH", data, at + 2 * width)
    return ProxyHeader(end, _named(source, ports[0]), _named(destination, ports[1]))


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
