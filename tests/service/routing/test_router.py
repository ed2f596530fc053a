"""Where an arrival goes is looked up once, until the tree changes."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.addresses import BaseAddress, Via, parse_base_address
from netshare.interfaces import IArrival
from netshare.outcomes import Outcome
from netshare.service.routing.router import Router
from netshare.service.routing.routes import FaultRoute
from netshare.service.routing.tree import AddressResource, RoutingTree
from netshare.testing import RecordedArrival


class CountingTree(RoutingTree):
    """Counts lookups."""

    lookups = 0

    def find(self, via: Via) -> Any:
        self.lookups += 1
        return super().find(via)


def outcome(router: Router, via: str) -> Outcome:
    """How a connection for this via ends."""
    arrival = RecordedArrival(via)
    router.route(arrival)
    arrival.close()
    assert arrival.outcome is not None
    return arrival.outcome


@pytest.fixture
def tree() -> CountingTree:
    return CountingTree()


A, DEEPER = (parse_base_address(f"net.tcp://+/{path}") for path in ("a", "a/b"))
BUSY = FaultRoute(Outcome.SERVER_TOO_BUSY, "")


def test_a_via_is_looked_up_once(tree: CountingTree) -> None:
    """The second connection for the same via needs no lookup."""
    tree.put(A, BUSY)
    router = Router(tree)
    assert [outcome(router, "net.tcp://h/a/b") for _ in range(3)] == [Outcome.SERVER_TOO_BUSY] * 3
    assert tree.lookups == 1


def test_a_change_is_seen(tree: CountingTree) -> None:
    """A deeper address takes its vias from the moment it is there."""
    tree.put(A, BUSY)
    router = Router(tree)
    outcome(router, "net.tcp://h/a/b")
    tree.put(DEEPER, FaultRoute(Outcome.ENDPOINT_UNAVAILABLE, ""))
    assert outcome(router, "net.tcp://h/a/b") is Outcome.ENDPOINT_UNAVAILABLE
    tree.remove(DEEPER)
    assert outcome(router, "net.tcp://h/a/b") is Outcome.SERVER_TOO_BUSY


def test_what_is_remembered_is_bounded(tree: CountingTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that ask for ever new vias do not fill the memory."""
    monkeypatch.setattr("netshare.service.routing.router._MOST_REMEMBERED", 4)
    tree.put(A, BUSY)
    router = Router(tree)
    for number in range(20):
        outcome(router, f"net.tcp://h/a/{number}")
    assert len(router._known) <= 4


def test_a_resource_that_makes_its_children(tree: CountingTree) -> None:
    """What an embedding program's resource makes is asked for with every connection."""

    class Alternating(AddressResource):
        made = 0

        def getChild(self, segment: str, via: Via) -> AddressResource:
            self.made += 1
            kinds = (Outcome.SERVER_TOO_BUSY, Outcome.ENDPOINT_UNAVAILABLE)
            return AddressResource(FaultRoute(kinds[self.made % 2], ""))

    tree.putChild(A, Alternating())
    router = Router(tree)
    assert outcome(router, "net.tcp://h/a/x") is Outcome.ENDPOINT_UNAVAILABLE
    assert outcome(router, "net.tcp://h/a/x") is Outcome.SERVER_TOO_BUSY


@pytest.mark.parametrize(
    ("via", "reserved", "expected"),
    [
        ("net.tcp://h/other", None, Outcome.ENDPOINT_NOT_FOUND),
        ("net.tcp://h/a/x", A, Outcome.ENDPOINT_UNAVAILABLE),
        ("nonsense", None, Outcome.BAD_VIA),
    ],
)
def test_nothing_is_there(
    tree: CountingTree, via: str, reserved: BaseAddress | None, expected: Outcome
) -> None:
    """An unknown address, a reserved one and no address at all are told apart."""
    if reserved is not None:
        tree.reserve(reserved)
    assert outcome(Router(tree), via) is expected


def test_a_route_that_raises(tree: CountingTree) -> None:
    """The error is the front's to deal with: it has the connection."""

    class Failing(FaultRoute):
        def render(self, arrival: IArrival) -> None:
            raise RuntimeError("a mistake")

    tree.put(A, Failing(Outcome.SERVER_TOO_BUSY, ""))
    arrival = RecordedArrival("net.tcp://h/a")
    with pytest.raises(RuntimeError, match="a mistake"):
        Router(tree).route(arrival)
    arrival.close()
