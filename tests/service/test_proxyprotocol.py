"""netshare.service.proxyprotocol: who the client is, read and written."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from netshare.service.proxyprotocol import (
    MAX_BINARY_SIZE,
    NEED_MORE,
    NoProxyHeader,
    ProxyHeader,
    proxy_header,
    read_proxy_header,
)

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


FOUR = ("203.0.113.7:4711", "198.51.100.1:808")
SIX = ("[2001:db8::7]:1", "[2001:db8::1]:2")

HEADERS = [
    (b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 808\r\n", *FOUR),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", *SIX),
    (b"PROXY UNKNOWN\r\n", "", ""),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "", ""),
    (proxy_header(*FOUR), *FOUR),
    (proxy_header(*SIX), *SIX),
    (proxy_header("203.0.113.7:1", SIX[1]), "203.0.113.7:1", SIX[1]),
    (proxy_header("unix", "unix"), "", ""),
    (SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12), "", ""),  # LOCAL: the balancer's own
    (SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), "", ""),  # UNIX sockets
    (SIGNATURE + b"\x21\x11\x00\x10" + bytes(12) + b"\x04\x00\x01\x00", "0.0.0.0:0", "0.0.0.0:0"),
]


@pytest.mark.parametrize(("header", "peer", "local"), HEADERS)
def test_headers(header: bytes, peer: str, local: str) -> None:
    """Both versions, whatever comes behind, and in every cut."""
    for behind in (b"", b"\x00\x01"):
        assert read_proxy_header(header + behind) == ProxyHeader(len(header), peer, local)
    for cut in range(len(header)):
        assert read_proxy_header(header[:cut]) is NEED_MORE


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x01\x00\x01\x02", "is the balancer set to send it"),
        (b"\r\n\r\n\x00\r\nQUIX", "is the balancer set"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "names neither"),
        (b"PROXY \r\n", "names neither"),
        (b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "no addresses"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n", "no addresses"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 \xb2\r\n", "no addresses"),
        (b"PROXY TCP4 " + b"1" * 100, "does not end"),
        (SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), "version and command"),
        (SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12), "version and command"),
        (SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11), "too short"),
        (SIGNATURE + b"\x21\x11\xff\xff", f"the limit is {MAX_BINARY_SIZE}"),
    ],
)
def test_what_is_no_header(data: bytes, words: str) -> None:
    """The sentence says what is wrong."""
    reading = read_proxy_header(data)
    assert isinstance(reading, NoProxyHeader)
    assert words in reading.reason
