"""What options and the file come to, and where what is wrong stands."""

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


MISTAKES: list[tuple[str, list[str]]] = [
    ("listen = [8808]", ["1: listen: 8808 is no text; write it such as ['tcp:808']"]),
    ('listen = "tcp:808"', ["1: listen is a list, such as ['tcp:808']"]),
    ('\nreceiveTimeout = "soon"', ["2: receiveTimeout: 'soon' is not a time"]),
    ("maxPendingConnections = 0", ["1: maxPendingConnections: 0 is not a whole number"]),
    ("maxPendingConnections = [1]", ["1: maxPendingConnections: [1] is not a whole number"]),
    ("receiveTimeout = [1]", ["1: receiveTimeout: [1] is not a time"]),
    ("control = 5", ["1: 5 is no path"]),
    ('allow-user = ["nosuchuser"]', ["1: allow-user: there is no user 'nosuchuser'"]),
    ("alias = ['1']", ["1: alias: '1' is not PUBLIC=REGISTERED, such as 31808=8808"]),
    ("alias = ['1=2', '1=3']", ["1: alias: port 1 has two aliases"]),
    ("alias = ['0=70000']", ["1: alias: '0=70000' is not PUBLIC=REGISTERED, such as 31808=8808"]),
    ("allow-port = [99999]", ["1: allow-port: '99999' is not a range of ports"]),
    (
        '[[worker]]\naddress = "net.tcp://+/x"\nfactory = "a:b"\nprocesses = 0\n\n'
        '[[worker]]\naddress = "http://+/y"\nfactory = "a:b"',
        ["4: [[worker]] net.tcp://+/x: processes is", "7: [[worker]] http://+/y: its scheme"],
    ),
    (
        '[[worker]]\naddress = "net.tcp://+/x"',
        ["1: [[worker]] net.tcp://+/x: either factory, command or unit"],
    ),
    ('[[worker]]\naddress = "net.tcp://+:9/x"\nfactory = "a:b"', ["1: net.tcp://+:9/x: port 9 is"]),
    (
        '[[worker]]\naddress = "net.tcp://+/x"\ncommand = "a \'b"',
        ["3: [[worker]] net.tcp://+/x: command: No closing quotation"],
    ),
    (
        '[[worker]]\naddress = "net.tcp://+/x"\nfactory = "a:b"\n'
        '[[relay]]\naddress = "net.tcp://+/X"\nto = "tcp:h:1"',
        ["4: net.tcp://+/X is given to two workers or relays"],
    ),
    (
        '[[reservation]]\naddress = "net.tcp://+/x"\nusers = ["nosuchuser"]',
        ["1: [[reservation]] net.tcp://+/x: there is no user 'nosuchuser'"],
    ),
    ('[[relay]]\naddress = "net.tcp://+/x"\nto = "tcp:h:1"\nproxy = "v1"', ["4: [[relay]] net"]),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_every_mistake_has_its_line(text: str, expected: list[str], tmp_path: Path) -> None:
    """Each mistake is a sentence of its own, with the file and the line it stands on."""
    path = tmp_path / "netshare.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        configure({}, load_file(path))
    problems = caught.value.problems
    assert len(problems) == len(expected)
    for problem, beginning in zip(problems, expected, strict=True):
        assert problem.startswith(f"{path}:{beginning}")


def test_options_name_themselves() -> None:
    """What is wrong on the command line is said with the option, all of it at once."""
    options = {"receiveTimeout": "soon", "allow-port": ["99999"], "worker": ["x"]}
    with pytest.raises(ConfigurationError) as caught:
        configure(options, {})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "--allow-port",
        "--worker x",
        "--receiveTimeout",
    ]


@pytest.mark.parametrize("listen", ["tcp:9", "haproxy:tcp:9", "systemd:domain=INET:name=a"])
def test_a_named_port_needs_no_permission(listen: str) -> None:
    """An address may be on a port that is listened on from the start, whatever allow-port says."""
    made = configure({"listen": [listen], "worker": ["net.tcp://+:9/x=a:b"]}, {})
    assert made.workers[0].address.port == 9


def test_where_things_are_written(tmp_path: Path) -> None:
    """A configuration knows the line of what a start may stumble over."""
    path = tmp_path / "netshare.toml"
    path.write_text(
        'listen = [\n"tcp:1"]\n[[worker]]\naddress = "net.tcp://+/x"\nfactory = "a:b"\n'
    )
    made = configure({"relay": ["net.tcp://+/y=tcp:h:1"]}, load_file(path))
    assert made.origin("listen tcp:1") == f"{path}:1: listen tcp:1"
    assert made.origin("worker net.tcp://+/x") == f"{path}:3: worker net.tcp://+/x"
    assert made.origin("relay net.tcp://+/y") == "--relay: relay net.tcp://+/y"
    assert made.origin("nothing") == "nothing"


def test_aliases() -> None:
    """Public ports and what they stand for."""
    assert configure({"alias": ["31808=8808", "808=8808"]}, {}).alias == {31808: 8808, 808: 8808}
