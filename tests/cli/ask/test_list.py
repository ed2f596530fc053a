"""What ``netshare list`` makes of the service's answers."""

from __future__ import annotations

import json
import random

import pytest

from netshare.cli.ask import list as listing
from netshare.cli.terminal import width
from tests.helpers.answers import DOWN, NOW, RELAY, worker


def test_one_line_each_where_there_is_room() -> None:
    """A wide enough place has the command line in the same line as the address."""
    lines = listing.lines([worker("net.tcp://+:8810/one"), RELAY, DOWN], NOW, None)
    assert lines[0].split() == [
        *("ADDRESS", "HOST", "STATE", "PID", "USER", "AGE", "GIVEN", "COMMAND")
    ]
    assert lines[1] == (
        "net.tcp://+:8810/one  strong  ready  4711  orders  3 min  1,234  "
        "/usr/bin/python3 -m orders.service --verbose --with many --more options"
    )
    assert lines[2].endswith("(relay to tcp:127.0.0.1:9000)")
    assert lines[3].endswith("(a worker that the service starts; none is up)")
    assert len(lines) == 4


def test_draining() -> None:
    """A process that is about to go is shown with the time that it still has."""
    row = worker("net.tcp://+:8810/one", state="draining", secondsLeft=42)
    assert listing.lines([row], NOW, None)[1].startswith(
        "net.tcp://+:8810/one  strong  draining 42 s  4711"
    )


@pytest.mark.parametrize("limit", [80, 100, 140, 200])
def test_it_fits_the_terminal(limit: int) -> None:
    """Whatever the addresses and command lines, no line is wider than the terminal."""
    long = "net.tcp://myhost.example.com:8810/" + "segment/" * 20 + "Service.svc"
    rows = [worker("net.tcp://+:8810/one"), worker(long, "Exact"), worker("net.tcp://*/日本", "x")]
    lines = listing.lines(rows, NOW, limit)
    assert max(map(width, lines)) <= limit
    assert any("Service.svc" in line for line in lines)


def test_narrow_terminals_have_the_command_below() -> None:
    """Where a command line would be cut to nothing, it has a line of its own."""
    lines = listing.lines([worker("net.tcp://+:8810/one")], NOW, 80)
    assert len(lines) == 3
    assert "COMMAND" not in lines[0]
    assert lines[2].startswith("    /usr/bin/python3 -m orders.service")


def test_busy_and_waiting_only_when_there_are_any() -> None:
    """The columns of what is under way appear when something is."""
    quiet, busy = worker("net.tcp://+/a"), worker("net.tcp://+/b", outstanding=2, waiting=7)
    assert "BUSY" not in listing.lines([quiet], NOW, None)[0]
    lines = listing.lines([quiet, busy], NOW, None)
    assert lines[0].split()[-3:] == ["BUSY", "WAITING", "COMMAND"]
    assert lines[2].split()[7:10] == ["1,234", "2", "7"]


def test_nothing_reaches_the_terminal_unescaped() -> None:
    """A path or a command line cannot move the cursor of whoever lists it."""
    evil = worker("net.tcp://+/\x1b[2J", commandLine="x\x1b]0;title\x07")
    assert "\x1b" not in "".join(listing.lines([evil], NOW, None))


def test_order_is_that_of_routing() -> None:
    """By port, strong wildcards before exact hosts before weak wildcards, then by path."""
    ordered = [
        worker("net.tcp://+/b"),
        worker("net.tcp://a/a", "Exact"),
        worker("net.tcp://b/A", "Exact"),
        worker("net.tcp://b/a/b", "Exact", pid=1),
        worker("net.tcp://b/a/b", "Exact", pid=2),
        worker("net.tcp://*/a", "WeakWildcard"),
        worker("net.tcp://+:809/a"),
        worker("no address at all"),
    ]
    shuffled = ordered[:]
    random.Random(4).shuffle(shuffled)
    assert sorted(shuffled, key=listing._order) == ordered


def test_json_is_one_row_a_line() -> None:
    """The JSON is an array that reads back, and that line tools can work on."""
    rows = [worker("net.tcp://+/a"), RELAY]
    text = listing.as_json(rows)
    assert json.loads(text) == rows
    assert len(text.splitlines()) == 4
    assert listing.as_json([]) == "[]"


def test_summary() -> None:
    """Addresses and processes are counted, not rows."""
    rows = [worker("net.tcp://+/a"), worker("net.tcp://+/a", pid=2), worker("net.tcp://+/b"), DOWN]
    assert listing.summary(rows) == "3 addresses, 2 worker processes"


def test_an_answer_of_another_version_is_no_crash() -> None:
    """Whatever a service leaves out of its answer, something readable is shown."""
    assert listing.lines([{}], NOW, 80)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "4711"),
        ({"claimedPid": 1}, "4711 (1)"),
        ({"pid": 0, "claimedPid": 7}, "(7)"),
    ],
)
def test_processes_of_other_namespaces(more: dict[str, int], expected: str) -> None:
    """A process in a container is told by its own number, and by ours if we have one for it."""
    row = worker("net.tcp://+/a", **more)
    assert listing.pid(row) == expected
    assert f"  {expected}  " in listing.lines([row], NOW, None)[1]


def test_processes_that_have_no_number_here_are_counted() -> None:
    """Two processes that are both 0 to the service are two."""
    rows = [worker("net.tcp://+/a", pid=0, claimedPid=number) for number in (7, 8, 8)]
    assert listing.summary(rows) == "1 address, 2 worker processes"
