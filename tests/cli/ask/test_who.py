"""What ``netshare who`` makes of the service's answers."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.cli.ask import who
from netshare.cli.terminal import width
from tests.helpers.answers import DOWN, NOW, RELAY, worker

FOUND = {"via": "net.tcp://h/one/x", "found": True, "why": "port 808, this very host"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({**FOUND, "registrations": [worker("net.tcp://h/one", "Exact")]}, None),
        ({**FOUND, "registrations": [RELAY]}, None),
        ({**FOUND, "registrations": [DOWN, worker("net.tcp://h/one")]}, None),
        ({**FOUND, "registrations": [DOWN]}, "EndpointUnavailable"),
        ({**FOUND, "registrations": [{**DOWN, "worker": "idle"}]}, None),
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


def test_who_knows_of_workers_on_demand() -> None:
    """A worker that has no process is started by the client that is asked about."""
    text = "\n".join(who.lines({**FOUND, "registrations": [{**DOWN, "worker": "idle"}]}, NOW, None))
    assert "a client  starts the worker, and waits for it" in text


def test_who_fits() -> None:
    """Long reasons are wrapped to the terminal."""
    answer = {**FOUND, "why": "word " * 40, "registrations": [worker("net.tcp://h/one")]}
    assert max(map(width, who.lines(answer, NOW, 80))) <= 80


def test_an_answer_of_another_version_is_no_crash() -> None:
    """Whatever a service leaves out of its answer, something readable is shown."""
    assert who.lines({}, NOW, 80)
