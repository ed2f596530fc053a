"""Workers that serve an address no longer and are not at their end yet."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from netshare.addresses import parse_base_address
from netshare.service.desk.departures import Departures
from netshare.service.desk.registry import Registration

A, B = (parse_base_address(f"net.tcp://+/{path}") for path in "ab")


def test_the_time_that_is_left() -> None:
    """It counts down in whole seconds, to none."""
    clock = Clock()
    nothing: Any = None
    departures = Departures(clock)
    first, second = (Registration(A, nothing, nothing, False) for _ in range(2))
    begun = [departures.begin(first, 10.4), departures.begin(second, 20)]
    clock.advance(5)
    assert departures.of(A) == [(first, 5), (second, 15)]
    assert departures.of(B) == []
    clock.advance(10)
    assert departures.of(A) == [(first, 0), (second, 5)]
    for one in begun:
        departures.end(one)
    assert departures.of(A) == []
    assert departures._leaving == {}
