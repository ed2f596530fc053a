"""What ``netshare stats`` makes of the service's answers."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.cli.ask import stats
from netshare.cli.terminal import width
from netshare.outcomes import Outcome
from tests.helpers.answers import NOW

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
    "links": 12,
    "linksCut": 3,
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
        "links       12 of workers and commands; 3 cut so far",
        "endpoint-not-found    100  refused: the address is not registered",
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
