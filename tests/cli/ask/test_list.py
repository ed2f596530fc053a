"""What ``netshare list``, ``who`` and ``stats`` make of the service's answers."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from netshare.cli.ask import list as listing
from netshare.cli.ask import stats, who
from netshare.cli.terminal import width
from netshare.service.outcomes import Outcome

# 2026-05-04T12:00:00Z
NOW = 1777896000.0


def worker(address: str, mode: str = "StrongWildcard", **more: Any) -> dict[str, Any]:
    """A row of a worker, as the service tells it."""
    return {
        "address": address,
        "hostNameComparisonMode": mode,
        "kind": "worker",
        "pid": 4711,
        "user": "orders",
        "commandLine": "/usr/bin/python3 -m orders.service --verbose --with many --more options",
        "since": "2026-05-04T11:57:00+00:00",
        "given": 1234,
        "outstanding": 0,
        "waiting": 0,
        "state": "ready",
        **more,
    }


RELAY = {
    "address": "net.tcp://*/old",
    "hostNameComparisonMode": "WeakWildcard",
    "kind": "relay",
    "state": "ready",
    "to": "tcp:127.0.0.1:9000",
}
DOWN = {
    "address": "net.tcp://*/down",
    "hostNameComparisonMode": "WeakWildcard",
    "kind": "worker",
    "state": "down",
}


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


FOUND = {"via": "net.tcp://h/one/x", "found": True, "why": "port 808, this very host"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({**FOUND, "registrations": [worker("net.tcp://h/one", "Exact")]}, None),
        ({**FOUND, "registrations": [RELAY]}, None),
        ({**FOUND, "registrations": [DOWN, worker("net.tcp://h/one")]}, None),
        ({**FOUND, "registrations": [DOWN]}, "EndpointUnavailable"),
        (
            {"via": "net.tcp://h/x", "found": False, "why": "no", "fault": "EndpointNotFound"},
            "EndpointNotFound",
        ),
        (
            {"via": "net.tcp://h/x", "found": False, "why": "no", "fault": "EndpointUnavailable"},
            "EndpointUnavailable",
        ),
        ({"via": "net.tcp://h/x", "found": False, "why": "no"}, "EndpointNotFound"),
    ],
)
def test_who_knows_the_fault(answer: dict[str, Any], fault: str | None) -> None:
    """Who would be refused is told with which fault, and everybody else is not."""
    assert who.refusal(answer) == fault
    text = "\n".join(who.lines(answer, NOW, None))
    assert ("is refused with" in text) == (fault is not None)
    assert answer["via"] in text
    assert answer["why"] in text
    assert fault is None or fault in text


def test_who_names_every_process() -> None:
    """All that share an address are named, with what they are doing."""
    rows = [worker("net.tcp://h/one", pid=1), worker("net.tcp://h/one", pid=2, outstanding=3)]
    text = "\n".join(who.lines({**FOUND, "registrations": rows}, NOW, None))
    assert "process 1 of orders, ready, registered 3 min ago, given 1,234 connections:" in text
    assert "process 2 of orders" in text
    assert "3 under way" in text
    assert "fewest connections under way" in text


def test_who_fits() -> None:
    """Long reasons are wrapped to the terminal."""
    answer = {**FOUND, "why": "word " * 40, "registrations": [worker("net.tcp://h/one")]}
    assert max(map(width, who.lines(answer, NOW, 80))) <= 80


STATS: dict[str, Any] = {
    "version": "26.11.0",
    "pid": 17,
    "since": "2026-05-04T09:00:00+00:00",
    "listening": ["0.0.0.0:808", "[::]:808"],
    "accepted": 1500,
    "returned": 2,
    "outcomes": {"handed-over": 1400, "endpoint-not-found": 100, "newer": 2},
    "undecided": 0,
    "accepting": True,
    "pauses": 1,
    "descriptors": 3,
    "descriptorLimit": 1000,
    "registrations": 2,
    "addresses": 1,
    "settings": {"receiveTimeout": None, "closeTimeout": 10.0, "listenBacklog": 4096, "x": ["a"]},
}


def test_stats_says_everything() -> None:
    """State, counters with their meaning, and settings with their units are all there."""
    text = "\n".join(stats.lines(STATS, NOW, None))
    for part in (
        "netshare 26.11.0, process 17, up 3 h",
        "0.0.0.0:808, [::]:808",
        "1 address, 2 registrations of workers",
        "accepting paused 1 time",
        "endpoint-not-found    100  refused: nobody registered the address",
        "newer                   2",
        "receiveTimeout  infinite",
        "closeTimeout    10 s",
        "listenBacklog   4,096",
        "x               a",
    ):
        assert part in text
    assert "ACCEPTING NONE" not in text


def test_stats_shouts_when_paused() -> None:
    """A service that accepts nobody just now is seen to be so."""
    assert "ACCEPTING NONE NOW" in "\n".join(stats.lines({**STATS, "accepting": False}, NOW, 80))


def test_stats_fits() -> None:
    """With every outcome there is, and ports without end, no line is wider than 80 columns."""
    every = {outcome.value: 10**6 for outcome in Outcome}
    many = {**STATS, "outcomes": every, "listening": [f"0.0.0.0:{n}" for n in range(9000, 9100)]}
    once, watched = stats.lines(many, NOW, 80), stats.rate_lines(many, many, 1.0, 80)
    assert max(map(width, [*once, *watched])) <= 80
    assert not any("…" in line for line in once)


@pytest.mark.parametrize("outcome", list(Outcome), ids=lambda outcome: outcome.value)
def test_every_outcome_is_explained(outcome: Outcome) -> None:
    """No counter is shown without words."""
    assert stats._MEANING[outcome]


def test_rates() -> None:
    """Between two looks each counter has what it grew by in a second."""
    later = {**STATS, "accepted": 1520, "outcomes": {"handed-over": 1415, "relayed": 5}}
    lines = stats.rate_lines(STATS, later, 2.0, None)
    assert lines[0].split() == ["CONNECTIONS", "COUNT", "PER", "S"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["accepted", "1,520", "10.0"],
        ["returned", "2", "0.0"],
        ["handed-over", "1,415", "7.5"],
        ["relayed", "5", "2.5"],
    ]


def test_an_answer_of_another_version_is_no_crash() -> None:
    """Whatever a service leaves out of its answer, something readable is shown."""
    assert stats.lines({}, NOW, 80)
    assert listing.lines([{}], NOW, 80)
    assert who.lines({}, NOW, 80)
