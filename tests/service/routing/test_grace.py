"""After a start connections wait for addresses that are not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock

from netshare.addresses import parse_base_address
from netshare.outcomes import Outcome
from netshare.service.quotas import Admission, Quotas
from netshare.service.routing.grace import LOOK_EVERY, Grace
from netshare.service.routing.router import Router
from netshare.service.routing.routes import FaultRoute
from netshare.service.routing.tree import RoutingTree
from netshare.testing import RecordedArrival

SERVED = FaultRoute(Outcome.SERVER_TOO_BUSY, "it has a route")


class Setting:
    """A router with a tree, in the first seconds of a service."""

    def __init__(self, **quotas: Any) -> None:
        self.clock = Clock()
        self.tree = RoutingTree()
        self.admission = Admission(Quotas(), 100)
        self.grace = Grace(self.clock, Quotas(**quotas), self.admission, self.tree, self.resume)
        self.router = Router(self.tree, self.grace.wait)
        self.arrivals: list[RecordedArrival] = []

    def resume(self, arrival: Any) -> None:
        self.router.route(arrival)

    def arrive(self, path: str) -> RecordedArrival:
        arrival = RecordedArrival(f"net.tcp://h/{path}")
        self.arrivals.append(arrival)
        self.router.route(arrival)
        return arrival


@pytest.fixture
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    one = Setting(**getattr(request, "param", {}))
    one.grace.begin()
    yield one
    one.grace.stop()
    for arrival in one.arrivals:
        assert arrival.outcome is not None
        arrival.close()
    assert one.clock.getDelayedCalls() == []


def test_an_address_that_comes_in_time(setting: Setting) -> None:
    """A connection waits for it, and is brought there."""
    one, other = setting.arrive("a/x"), setting.arrive("b")
    assert one.outcome is None
    setting.tree.put(parse_base_address("net.tcp://+/a"), SERVED)
    setting.clock.advance(LOOK_EVERY)
    assert one.outcome is Outcome.SERVER_TOO_BUSY
    assert other.outcome is None


def test_an_address_that_does_not_come(setting: Setting) -> None:
    """After the grace it is unknown."""
    arrival = setting.arrive("a")
    setting.clock.pump([0.1] * 4)
    assert arrival.outcome is None
    setting.clock.pump([0.1] * 2)
    assert arrival.outcome is Outcome.ENDPOINT_NOT_FOUND


def test_after_the_grace(setting: Setting) -> None:
    """Nothing waits any more."""
    setting.clock.advance(0.6)
    assert setting.arrive("a").outcome is Outcome.ENDPOINT_NOT_FOUND


def test_a_reserved_address(setting: Setting) -> None:
    """It is known, so that its connections wait for longer."""
    setting.tree.reserve(parse_base_address("net.tcp://+/a"))
    arrival = setting.arrive("a/x")
    setting.clock.pump([0.5] * 9)
    assert arrival.outcome is None
    setting.clock.pump([0.5] * 2)
    assert arrival.outcome is Outcome.ENDPOINT_UNAVAILABLE


@pytest.mark.parametrize("setting", [{"maxWaitingPerAddress": 2}], indirect=True)
def test_only_so_many_wait(setting: Setting) -> None:
    """More than that are told at once."""
    arrivals = [setting.arrive("a") for _ in range(3)]
    assert [arrival.outcome for arrival in arrivals] == [None, None, Outcome.ENDPOINT_NOT_FOUND]


def test_half_of_the_descriptors_at_most(setting: Setting) -> None:
    """The other half is for connections that have somewhere to go."""
    setting.admission.hold(51)
    assert setting.arrive("a").outcome is Outcome.ENDPOINT_NOT_FOUND


def test_stopping(setting: Setting) -> None:
    """What still waits then is told."""
    arrival = setting.arrive("a")
    setting.grace.stop()
    assert arrival.outcome is Outcome.ENDPOINT_NOT_FOUND
    assert setting.arrive("a").outcome is Outcome.ENDPOINT_NOT_FOUND


def test_before_it_begins() -> None:
    """A service that resumes nothing tells at once."""
    setting = Setting()
    arrival = setting.arrive("a")
    assert arrival.outcome is Outcome.ENDPOINT_NOT_FOUND
    arrival.close()
