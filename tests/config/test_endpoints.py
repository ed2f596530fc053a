"""Endpoint strings, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import MemoryReactor

from netshare.config import ConfigurationError, check_client, check_server, server_endpoint
from netshare.config.endpoints import (
    inherited_name,
    is_headed,
    listening_interface,
    listening_port,
)

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
        ("systemd:domain=INET6:index=0", "instead of index="),
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
    ("text", "name", "headed"),
    [
        ("tcp:808", None, False),
        ("haproxy:tcp:808", None, True),
        ("systemd:domain=INET6:name=netshare", "netshare", False),
        (r"haproxy:systemd:domain=INET:name=a\=b", "a=b", True),
    ],
)
def test_where_sockets_come_from(text: str, name: str | None, headed: bool) -> None:
    """The name that systemd has for an endpoint's sockets, and whether a header comes first."""
    assert (inherited_name(text), is_headed(text)) == (name, headed)


def test_an_endpoint_that_is_made() -> None:
    """What does not come from systemd is Twisted's to make."""
    assert IStreamServerEndpoint.providedBy(server_endpoint(REACTOR, "tcp:808"))
    with pytest.raises(ConfigurationError, match="no endpoint"):
        server_endpoint(REACTOR, "nonsense")
