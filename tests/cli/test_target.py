"""What is asked for, and where to connect."""

from __future__ import annotations

import pytest

from netshare.addresses import AddressError
from netshare.cli.target import Target


@pytest.mark.parametrize(
    ("uri", "host", "port", "expected"),
    [
        ("net.tcp://host/a", None, None, Target("net.tcp://host/a", "host", 808)),
        ("net.tcp://Host:9000", None, None, Target("net.tcp://Host:9000/", "host", 9000)),
        ("net.tcp://[::1]:9000/a", None, None, Target("net.tcp://[::1]:9000/a", "::1", 9000)),
        ("net.tcp://me@host/a", None, None, Target("net.tcp://me@host/a", "host", 808)),
        ("net.tcp://h/a", "::1", 99, Target("net.tcp://h/a", "::1", 99)),
        ("net.tcp://h/a", "[::1]", None, Target("net.tcp://h/a", "::1", 808)),
        ("net.tcp://h/ü b%20c", None, None, Target("net.tcp://h/%C3%BC%20b%20c", "h", 808)),
        ("net.tcp://h/a?q=1#f", None, None, Target("net.tcp://h/a?q=1", "h", 808)),
    ],
)
def test_targets(uri: str, host: str | None, port: int | None, expected: Target) -> None:
    """The address is escaped as .NET does it; where to connect follows from it or is told."""
    assert Target.of(uri, host, port) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("net.tcp://+:808/a", "any host"),
        ("net.tcp://*/a", "any host"),
        ("http://host/a", "scheme is http"),
        ("host:808/a", "not an absolute URI"),
        ("net.tcp://host:0/a", "not a port number"),
        ("net.tcp://host/" + "a" * 2048, "2063 bytes"),
        ("net.tcp://host/" + "ü" * 400, "2415 bytes"),
        ("", "not an absolute URI"),
        ("net.tcp://host/\udcff", "not UTF-8"),
    ],
)
def test_impossible_targets(uri: str, message: str) -> None:
    """An address that no client can ask for is an error that says why."""
    with pytest.raises(AddressError, match=message):
        Target.of(uri)
