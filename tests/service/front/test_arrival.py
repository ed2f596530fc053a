"""A connection whose via is known: what it has, and its one outcome."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from netshare.interfaces import IArrival
from netshare.outcomes import Outcome
from netshare.service.front.arrival import MOST_LINES
from tests.helpers.front import PREAMBLE, VIA, Front, everything


def test_an_arrival(front: Front) -> None:
    """A connection arrives with its via, all its bytes and both addresses; nothing is written."""
    client = front.connect(PREAMBLE + b"\x06\x01x")
    (arrival,) = front.arrivals
    verifyObject(IArrival, arrival)
    assert (arrival.via, arrival.readData) == (VIA, PREAMBLE + b"\x06\x01x")
    assert arrival.peer == f"127.0.0.1:{client.getsockname()[1]}"
    assert arrival.local == f"127.0.0.1:{client.getpeername()[1]}"
    assert "net.tcp" in repr(arrival)
    assert front.admission.pending == 0
    assert front.admission.descriptors == 1
    view = arrival.held.view()
    try:
        view.send(b"still open")
    finally:
        view.detach()
    arrival.take(Outcome.HANDED_OVER)
    assert arrival.held.closed
    assert everything(client) == b"still open"
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER]


def test_an_arrival_over_ipv6(front: Front) -> None:
    """IPv6 addresses are written in brackets."""
    client = front.connect(PREAMBLE, family=socket.AF_INET6)
    assert front.arrivals[0].peer == f"[::1]:{client.getsockname()[1]}"


def test_one_outcome_only(front: Front) -> None:
    """A second outcome for a connection is a mistake of the program and is not counted."""
    front.connect(PREAMBLE)
    arrival = front.arrivals[0]
    arrival.take(Outcome.LOCAL, keeps=1)
    for second in (lambda: arrival.take(Outcome.LOCAL), lambda: arrival.refuse(Outcome.EMPTY, "")):
        with pytest.raises(AssertionError, match="second outcome"):
            second()
    assert front.outcomes.outcomes == [Outcome.LOCAL]
    assert front.admission.descriptors == 1
    front.admission.release()


@pytest.mark.parametrize("keeps", [0, 1, 2])
def test_kept_descriptors(front: Front, keeps: int) -> None:
    """Whoever takes a connection says how many descriptors stay in this process for it."""
    front.connect(PREAMBLE)
    front.arrivals[0].take(Outcome.RELAYED, keeps=keeps)
    assert front.admission.descriptors == keeps
    front.admission.release(keeps)


def test_a_flood_of_lines(front: Front, logged: list[dict[str, Any]]) -> None:
    """Of thousands that are refused in a second a hundred have a line; one counts the rest."""
    for _ in range(MOST_LINES + 50):
        front.ending.record(Outcome.MALFORMED, "", "1.2.3.4:5", "6.7.8.9:10", "nonsense")
    front.ending.record(Outcome.HANDED_OVER, "", "1.2.3.4:5", "6.7.8.9:10", "a worker")
    front.outcomes.accepted += MOST_LINES + 51
    assert len(logged) == MOST_LINES + 1
    front.reactor.advance(1.1)
    assert logged[-1]["counts"] == "50 malformed"
    front.ending.record(Outcome.MALFORMED, "", "1.2.3.4:5", "6.7.8.9:10", "nonsense")
    front.outcomes.accepted += 1
    assert logged[-1]["outcome"] == "malformed"


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """The events of the log about connections."""
    events: list[dict[str, Any]] = []

    def observe(event: dict[str, Any]) -> None:
        if event["log_namespace"].endswith("Ending"):
            events.append(event)

    globalLogPublisher.addObserver(observe)
    yield events
    globalLogPublisher.removeObserver(observe)


def test_a_hostile_via_in_the_log(front: Front) -> None:
    """What a client asks for can forge no line, and move no cursor."""
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        front.ending.record(
            Outcome.BAD_VIA, "net.tcp://h/\x1b[2J\r\nforged", "\u202e1", "l", "why\x9b"
        )
    finally:
        globalLogPublisher.removeObserver(events.append)
    (text,) = [formatEvent(event) for event in events if event.get("outcome") == "bad-via"]
    assert text == r"bad-via: net.tcp://h/\x1b[2J\r\nforged from \u202e1 at l: why\x9b"
    front.outcomes.accepted += 1  # it was none of the front's
