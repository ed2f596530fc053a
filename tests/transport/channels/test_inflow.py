"""Whether a connection's transport is read."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.channels.inflow import MAX_AHEAD, Hold, Inflow, Reading


class Transport:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")


def attached() -> tuple[Inflow, Transport]:
    inflow = Inflow()
    transport: Any = Transport()
    inflow.attach(transport)
    return inflow, transport


@pytest.mark.parametrize("hold", Hold)
def test_a_hold_pauses(hold: Hold) -> None:
    """While anything holds a session, its transport is not read."""
    inflow, transport = attached()
    inflow.holds.add(hold)
    inflow.throttle(0)
    inflow.throttle(0)
    assert (inflow.state, transport.told) == (Reading.PAUSED, ["pause"])
    inflow.holds.discard(hold)
    inflow.throttle(0)
    assert (inflow.state, transport.told) == (Reading.ON, ["pause", "resume"])


@pytest.mark.parametrize(("kept", "told"), [(MAX_AHEAD, []), (MAX_AHEAD + 1, ["pause"])])
def test_what_is_kept_is_bounded(kept: int, told: list[str]) -> None:
    """A far end that sends ahead of its session is held up."""
    inflow, transport = attached()
    inflow.throttle(kept)
    assert transport.told == told


def test_without_a_session() -> None:
    """What comes after a session is read, whatever held it: it is thrown away."""
    inflow, transport = attached()
    inflow.holds.add(Hold.RECEIVER)
    inflow.throttle(0)
    inflow.throttle(None)
    assert transport.told == ["pause", "resume"]


def test_the_end() -> None:
    """A transport that has ended is told nothing more."""
    inflow, transport = attached()
    inflow.end()
    inflow.holds.add(Hold.FLUSH)
    inflow.throttle(0)
    assert (inflow.state, transport.told) == (Reading.ENDED, [])
