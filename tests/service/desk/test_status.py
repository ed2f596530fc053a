"""netshare.service.desk.status: what operators see is the service as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from netshare.addresses import AddressError, parse_base_address
from netshare.control import commands
from netshare.control.protocol import ControlProtocol
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, RecordedArrival, UNIXLink, linkedUNIXTransports


class Setting:
    """A shared port, and workers that register in memory."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        quotas = Quotas(expectAfterLoss=0.0)
        self.shared = SharedPort(self.reactor, quotas, settings={"control": "/run/x"})
        self.status = self.shared.status
        self.links: list[UNIXLink] = []

    def register(self, path: str, **more: Any) -> UNIXLink:
        worker, desk = ControlProtocol(), DeskProtocol(self.shared.desk)
        link = linkedUNIXTransports(worker, desk)
        self.links.append(link)
        failures: list[Any] = []
        address = f"net.tcp://+/{path}"
        worker.callRemote(commands.Register, version=1, baseAddress=address, **more).addErrback(
            failures.append
        )
        for _ in range(5):
            link.flush()
            self.reactor.advance(0)
        assert failures == []
        return link

    def addresses(self) -> list[str]:
        rows, following = self.status.registrations(0, 1000)
        assert following == -1
        return [row["address"] for row in rows]


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    for link in one.links:
        link.lose()


def test_a_worker(setting: Setting) -> None:
    """A row says which process of which user has the address, since when, and how it is."""
    setting.reactor.advance(1_800_000_000)
    setting.register("a")
    ((row,), following) = setting.status.registrations(0, 10)
    assert following == -1
    expected = {
        "address": "net.tcp://+/a",
        "hostNameComparisonMode": "StrongWildcard",
        "kind": "worker",
        "pid": os.getpid(),
        "since": "2027-01-15T08:00:00+00:00",
        "given": 0,
        "outstanding": 0,
        "waiting": 0,
        "state": "ready",
    }
    assert expected.items() <= row.items()
    assert "claimedPid" not in row


def test_pages(setting: Setting) -> None:
    """A page has as many rows as asked for, and says where the next one begins."""
    paths = [f"p{number}" for number in range(7)]
    for path in paths:
        setting.register(path)
    seen: list[str] = []
    start, pages = 0, 0
    while start >= 0:
        rows, start = setting.status.registrations(start, 3)
        assert len(rows) <= 3
        seen += [row["address"] for row in rows]
        pages += 1
    assert (seen, pages) == ([f"net.tcp://+/{path}" for path in paths], 3)
    assert setting.status.registrations(10_000_000, 3) == ([], -1)


def test_workers_of_one_address_stay_together(setting: Setting) -> None:
    """A page is not cut in the middle of the workers of an address."""
    for _ in range(5):
        setting.register("a", shared=True)
    setting.register("b")
    rows, following = setting.status.registrations(0, 3)
    assert [row["address"] for row in rows] == ["net.tcp://+/a"] * 5
    assert setting.status.registrations(following, 3)[0][0]["address"] == "net.tcp://+/b"


def test_an_address_without_a_worker(setting: Setting) -> None:
    """What is expected, or down, has a row that says so and names no process."""
    address = parse_base_address("net.tcp://+/a")
    setting.shared.registry.supervise(address)
    ((row,), _) = setting.status.registrations(0, 10)
    assert (row["state"], "pid" in row) == ("down", False)
    setting.shared.registry.expect(address, 5)
    ((row,), _) = setting.status.registrations(0, 10)
    assert row["state"] == "expected"


def test_a_worker_that_left(setting: Setting) -> None:
    """An address is no longer listed when its worker has gone."""
    link = setting.register("a")
    setting.register("b")
    link.lose()
    assert setting.addresses() == ["net.tcp://+/b"]


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("net.tcp://host/a/b/c", {"found": True, "why": "port 808, a strong wildcard (+)"}),
        ("net.tcp://host/secret/1", {"found": False, "fault": "EndpointUnavailable"}),
        ("net.tcp://host/other", {"found": False, "fault": "EndpointNotFound"}),
        ("net.tcp://host:9/a", {"found": False, "why": "no address on port 9"}),
    ],
)
def test_who(setting: Setting, via: str, expected: Mapping[str, Any]) -> None:
    """Which registration a via reaches and why, or which fault its client gets."""
    setting.register("a/b")
    setting.shared.tree.reserve(parse_base_address("net.tcp://+/secret"))
    answer = setting.status.who(via)
    assert answer["via"] == via
    for key, value in expected.items():
        assert str(answer[key]).startswith(str(value))
    if answer["found"]:
        assert "longest registered prefix is /a/b" in answer["why"]
        assert [one["pid"] for one in answer["registrations"]] == [os.getpid()]


def test_who_of_no_address(setting: Setting) -> None:
    """What is no URI cannot be asked for."""
    with pytest.raises(AddressError):
        setting.status.who("net.tcp://[")


def test_stats(setting: Setting) -> None:
    """Counters, limits, and every setting in effect."""
    setting.register("a")
    before = setting.status.stats()
    arrival = RecordedArrival()
    arrival.client.close()
    setting.shared.factory.accepted(arrival.held, "peer", "local")
    stats = setting.status.stats()
    assert stats["accepted"] == before["accepted"] + 1
    assert stats["outcomes"] == {"empty": 1}
    assert stats["undecided"] + sum(stats["outcomes"].values()) == stats["accepted"]
    assert (stats["registrations"], stats["addresses"]) == (1, 1)
    assert (stats["pid"], stats["accepting"]) == (os.getpid(), True)
    assert stats["settings"]["control"] == "/run/x"
    assert stats["settings"]["dispatchTimeout"] == Quotas().dispatchTimeout
