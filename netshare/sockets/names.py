"""
Addresses of sockets as text, for people and for the wire.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address


def address_text(address: object) -> str:
    """
    An address for people and for the wire: ``192.0.2.1:5000``, ``[2001:db8::1]:5000``.

    IPv4 addresses that reached an IPv6 listener are shown as what they are.
    """
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        if address.host.startswith("::ffff:") and "." in address.host:
            return f"{address.host[7:]}:{address.port}"
        return f"[{address.host}]:{address.port}"
    return str(address)


def address_from_text(text: str) -> IPv4Address | IPv6Address:
    """
    The reverse of :func:`address_text`.

    :raises ValueError: the text is not such an address
    """
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"{text!r} is not a host and a port")
    if host.startswith("["):
        return IPv6Address("TCP", host.strip("[]"), int(port))
    return IPv4Address("TCP", host, int(port))


def socket_address_text(name: tuple[Any, ...]) -> str:
    """
    What ``getpeername`` and ``getsockname`` return, in the form of :func:`address_text`.
    """
    host, port = name[0], name[1]
    if ":" not in host:
        return f"{host}:{port}"
    return address_text(IPv6Address("TCP", host, port))


def host_of(text: str) -> str:
    """
    The host of an address in the form of :func:`address_text`.
    """
    return text.rpartition(":")[0].strip("[]")
