"""Endpoint strings, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.testing import MemoryReactor

from netshare.config import ConfigurationError, check_client, check_server, server_endpoint
from netshare.config.endpoints import listening_interface, listening_port

REACTOR: Any = MemoryReactor()


@pytest.mark.parametrize(
    ("text", "port", "interface"),
    [
        ("tcp:808", 808, "0.0.0.0"),
        ("tcp:port=808:interface=192.0.2.1", 808, "192.0.2.1"),
        (r"tcp6:808:interface=2001\:db8\:\:1", 808, "2001:db8::1"),
        ("tcp6:808", 808, "::"),
        ("haproxy:tcp:808", 808, "0.0.0.0"),
        ("unix:/run/x", None, "0.0.0.0"),
        ("systemd:domain=INET6:name=netshare", None, "0.0.0.0"),
    ],
)
def test_server_endpoints(text: str, port: int | None, interface: str) -> None:
    """The port and the interface that a string says are found in it."""
    check_server(REACTOR, text)
    assert (listening_port(text), listening_interface(text)) == (port, interface)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no endpoint"),
        ("nonsense", "no endpoint"),
        ("tls:8808", "net.tcp begins in clear text"),
        ("tcp:", "no endpoint"),
        ("tcp:x", "no endpoint"),
        ("tcp:80:interfaces=x", "no endpoint"),
        ("tcp:88080", "88080 is not a port of TCP"),
        ("haproxy:tcp:88080", "88080 is not a port of TCP"),
        ("tcp:" + "9" * 5000, "is not a port of TCP"),
        ("systemd:domain=INET6", "write it such as"),
    ],
)
def test_what_is_no_server(text: str, says: str) -> None:
    """Whatever Twisted stumbles over, it is a sentence."""
    with pytest.raises(ConfigurationError, match=says):
        check_server(REACTOR, text)


@pytest.mark.parametrize("text", ["tcp:h:99999", "tcp:h", "nonsense", "tcp:h:x"])
def test_what_is_no_client(text: str) -> None:
    """So are servers of relays."""
    check_client(REACTOR, "tcp:h:9000")
    with pytest.raises(ConfigurationError):
        check_client(REACTOR, text)


@pytest.mark.parametrize(
    ("passed", "says"),
    [
        ("", "no descriptor named netshare .it passed none."),
        ("other:more", "no descriptor named netshare .it passed other, more."),
        ("netshare:netshare", "passed 2 descriptors named netshare"),
    ],
)
def test_descriptors_of_systemd(passed: str, says: str) -> None:
    """A name that systemd did not pass, or passed twice, is a sentence."""
    environ = {"LISTEN_FDNAMES": passed} if passed else {}
    with pytest.raises(ConfigurationError, match=says):
        server_endpoint(REACTOR, "systemd:domain=INET6:name=netshare", environ)
