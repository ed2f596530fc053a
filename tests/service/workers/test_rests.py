"""netshare.service.workers.rests: an address whose worker is too busy for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from netshare.addresses import parse_base_address
from netshare.service.quotas import Quotas
from netshare.service.workers.rests import BUSY_PAUSE, Rests
from netshare.service.workers.route import Errand, WorkerRoute
from netshare.testing import RecordedArrival

ADDRESS, OTHER = map(parse_base_address, ["net.tcp://+/a", "net.tcp://+/b"])
LIMIT = 4


class Setting:
    """The rests of a lane that takes four connections at once."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.freed = 0
        self.rests = Rests(self.clock, LIMIT, self.tell)
        self.route = WorkerRoute(self.clock, ADDRESS, Quotas())
        self.arrivals: list[RecordedArrival] = []

    def tell(self) -> None:
        self.freed += 1

    def give(self) -> list[Errand]:
        """As many as may be given, up to ten."""
        given: list[Errand] = []
        while self.rests.takes(ADDRESS) and len(given) < 10:
            self.arrivals.append(RecordedArrival())
            given.append(Errand(self.route, self.arrivals[-1]))
            self.rests.gave(given[-1])
        return given


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    one.rests.stop()
    for arrival in one.arrivals:
        arrival.close()
    assert one.clock.getDelayedCalls() == []


def test_nothing_rests(setting: Setting) -> None:
    """Until a worker says that it is busy all is taken."""
    assert not setting.rests
    assert len(setting.give()) == 10
    setting.rests.answered(setting.give(), adopted=True)
    assert not setting.rests


def test_growing(setting: Setting) -> None:
    """Nothing for a while, then one, then twice as many with each answer, up to the limit."""
    setting.rests.busy(ADDRESS)
    setting.rests.busy(ADDRESS)
    assert (setting.give(), setting.rests.takes(OTHER), bool(setting.rests)) == ([], True, True)
    setting.clock.advance(BUSY_PAUSE)
    assert setting.freed == 1
    counts = []
    while setting.rests:
        given = setting.give()
        counts.append(len(given))
        setting.rests.answered(given, adopted=True)
    assert counts == [1, 2]
    assert len(setting.give()) == 10


def test_busy_again(setting: Setting) -> None:
    """What is refused is no longer under way, and the rest begins anew."""
    setting.rests.busy(ADDRESS)
    setting.clock.advance(BUSY_PAUSE)
    given = setting.give()
    setting.rests.busy(ADDRESS)
    setting.rests.answered(given, adopted=False)
    assert setting.give() == []
    setting.clock.advance(BUSY_PAUSE)
    assert (len(setting.give()), setting.freed) == (1, 2)
