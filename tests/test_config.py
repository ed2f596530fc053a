"""netshare.config: what options and the file come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netshare.config import ConfigurationError, RelaySpec, configure, load_file


def one_relay(options: dict[str, Any], file: dict[str, Any]) -> RelaySpec:
    """The one relay of a configuration."""
    (relay,) = configure(options, file).relays
    return relay


@pytest.mark.parametrize(
    ("text", "to", "settings"),
    [
        ("tcp:a:1", ("tcp:a:1",), (False, 3.0, None)),
        ("tcp:a:1|tcp:b:1", ("tcp:a:1", "tcp:b:1"), (False, 3.0, None)),
        ("tcp:a:1|tcp:b:1,proxy=v2,connectTimeout=0.3", ("tcp:a:1", "tcp:b:1"), (True, 0.3, None)),
        ("tcp:a:1,idleTimeout=00:10:00", ("tcp:a:1",), (False, 3.0, 600.0)),
    ],
)
def test_relays_of_the_command_line(
    text: str, to: tuple[str, ...], settings: tuple[bool, float, float | None]
) -> None:
    """Servers stand between bars, settings behind commas."""
    relay = one_relay({"relay": [f"net.tcp://+:8808/a={text}"]}, {})
    assert relay.to == to
    assert (relay.proxy, relay.connectTimeout, relay.idleTimeout) == settings


def test_a_relay_of_the_file(tmp_path: Path) -> None:
    """There several servers are a list, or one text with bars."""
    path = tmp_path / "netshare.toml"
    for to in ('["tcp:a:1", "tcp:b:1"]', '"tcp:a:1 | tcp:b:1"'):
        path.write_text(f'[[relay]]\naddress = "net.tcp://+:8808/a"\nto = {to}\nidleTimeout = 5\n')
        relay = one_relay({}, load_file(path))
        assert (relay.to, relay.idleTimeout) == (("tcp:a:1", "tcp:b:1"), 5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net.tcp://+:8808/a", "write ADDRESS=tcp:HOST:PORT"),
        ("net.tcp://+:8808/a=tcp:a:1||tcp:b:1", "to is missing"),
        ("net.tcp://+:8808/a=tcp:a:1,idleTimeout=0", "idleTimeout has to be more than 0"),
        ("net.tcp://+:8808/a=tcp:a:1,connectTimeout=Infinite", "connectTimeout cannot be"),
        ("net.tcp://+:8808/a=tcp:a:1,idletimeout=1", "did you mean idleTimeout"),
    ],
)
def test_relays_that_make_no_sense(text: str, words: str) -> None:
    """The sentence says what to write."""
    with pytest.raises(ConfigurationError, match=words):
        configure({"relay": [text]}, {})
