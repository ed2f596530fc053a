"""netshare.service.routing.relay.proxyheader: who the client is."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from netshare.service.routing.relay.proxyheader import proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def test_a_header_for_ipv4() -> None:
    """Version 2, PROXY, TCP over IPv4: both addresses and ports in network order."""
    assert proxy_header("203.0.113.7:4711", "198.51.100.1:808") == SIGNATURE + bytes.fromhex(
        "21 11 000c cb007107 c6336401 1267 0328"
    )


@pytest.mark.parametrize(
    ("peer", "local", "hosts"),
    [
        ("[2001:db8::7]:1", "[2001:db8::1]:2", ("2001:db8::7", "2001:db8::1")),
        ("203.0.113.7:1", "[2001:db8::1]:2", ("::ffff:203.0.113.7", "2001:db8::1")),
        ("[2001:db8::7]:1", "198.51.100.1:2", ("2001:db8::7", "::ffff:198.51.100.1")),
    ],
)
def test_a_header_for_ipv6(peer: str, local: str, hosts: tuple[str, str]) -> None:
    """TCP over IPv6; an IPv4 address beside an IPv6 one is mapped."""
    addresses = b"".join(ipaddress.IPv6Address(host).packed for host in hosts)
    assert proxy_header(peer, local) == (
        SIGNATURE + bytes.fromhex("21 21 0024") + addresses + struct.pack("!HH", 1, 2)
    )


@pytest.mark.parametrize("peer", ["None", "UNIXAddress('x')", "somewhere:1", ""])
def test_a_header_for_nobody_knows_whom(peer: str) -> None:
    """A client that is not named by host and port is of an unspecified family."""
    assert proxy_header(peer, "198.51.100.1:808") == SIGNATURE + bytes.fromhex("21 00 0000")
