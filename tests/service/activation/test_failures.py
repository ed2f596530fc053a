"""When a worker fails too often."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from netshare.service.activation.failures import Failures


@pytest.mark.parametrize(
    ("most", "pause", "expected"),
    [
        (3, 0.0, [False, False, True, True]),
        (3, 5.0, [False, False, True, True]),
        (3, 5.1, [False, False, False, False]),
        (1, 99.0, [True, True, True, True]),
        (0, 0.0, [False, False, False, False]),
    ],
)
def test_a_window(most: int, pause: float, expected: list[bool]) -> None:
    """So many in so many seconds are too many, and never if any number is possible."""
    clock = Clock()
    failures = Failures(clock, most, 10.0)
    found = []
    for _ in expected:
        failures.add()
        found.append(failures.tooMany)
        clock.advance(pause)
    assert found == expected
    failures.clear()
    assert not failures.tooMany


def test_time_passes() -> None:
    """Too many are no longer too many when they are longer ago."""
    clock = Clock()
    failures = Failures(clock, 2, 10.0)
    failures.add()
    failures.add()
    assert failures.tooMany
    clock.advance(11)
    assert not failures.tooMany
    assert str(failures) == "2 failures in 10 s"


def test_for_another_service() -> None:
    """They are passed on by their age."""
    clock, other = Clock(), Clock()
    other.advance(1000)
    failures, theirs = Failures(clock, 2, 10.0), Failures(other, 2, 10.0)
    failures.add()
    clock.advance(4)
    failures.add()
    theirs.resume(failures.ages())
    assert theirs.ages() == (4, 0)
    assert theirs.tooMany
    other.advance(7)
    assert not theirs.tooMany
