"""netshare.service.workers.lanes: what is under way to a worker is counted, capped and timed."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.protocols import amp
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.addresses import BaseAddress, parse_base_address
from netshare.control import commands, protocol
from netshare.control.commands import Busy, Duplicate, NotMine
from netshare.control.protocol import ControlProtocol
from netshare.interfaces import IErrand, IWorkerLane
from netshare.service.quotas import Quotas
from netshare.service.workers.inflight import InFlight
from netshare.service.workers.lanes import BUSY_PAUSE, AmpLane
from netshare.testing import AdoptingReactor, RecordedArrival, linkedUNIXTransports

ADDRESS = parse_base_address("net.tcp://+/a")
LIMIT = 4


@implementer(IErrand)
class Errand:
    """A connection on its way, and what its lane said about it."""

    def __init__(self, data: bytes | None = None) -> None:
        self.arrival = RecordedArrival("net.tcp://localhost/a", data)
        self.address: BaseAddress = ADDRESS
        self.over = False
        self.said: list[Any] = []

    def adopted(self, lane: IWorkerLane) -> None:
        self._end("adopted")

    def failed(self, lane: IWorkerLane, error: Exception) -> None:
        self._end(type(error))

    def _end(self, how: object) -> None:
        if not self.over:
            self.over = True
            self.said.append(how)


class Worker(ControlProtocol):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[amp.AmpBox] = []
        self.told: list[str] = []

    def ampBoxReceived(self, box: amp.AmpBox) -> None:
        if box.get(amp.COMMAND) == b"RoutesChanged":
            self.told.append(box[b"baseAddress"].decode())
        else:
            self.asked.append(box)

    def answer(self, error: type[Exception] | None = None) -> None:
        """Answer the oldest question."""
        ask = self.asked.pop(0)[amp.ASK]
        if error is None:
            self.sendBox(amp.AmpBox({amp.ANSWER: ask}))
        else:
            code = Duplicate.errors[error]
            self.sendBox(
                amp.AmpBox({amp.ERROR: ask, amp.ERROR_CODE: code, amp.ERROR_DESCRIPTION: b"no"})
            )


class Setting:
    """A plain lane to a worker, and what was freed when."""

    def __init__(self, inFlight: InFlight | None = None) -> None:
        self.reactor = AdoptingReactor()
        self.worker, self.service = Worker(), ControlProtocol()
        self.link = linkedUNIXTransports(self.worker, self.service)
        quotas = Quotas(dispatchTimeout=10)
        self.lane = AmpLane(
            self.reactor, self.service, LIMIT, quotas, "worker 7", inFlight=inFlight
        )
        self.freed: list[int] = []
        self.lane.freed.append(self.freed.append)
        self.errands: list[Errand] = []

    def give(self, data: bytes | None = None) -> Errand:
        errand = Errand(data)
        self.errands.append(errand)
        self.lane.give(errand)
        self.link.flush()
        return errand

    def answer(self, error: type[Exception] | None = None) -> None:
        self.worker.answer(error)
        self.link.flush()

    def finish(self) -> None:
        self.lane.stop()
        self.link.lose()
        for errand in self.errands:
            errand.arrival.close()
        assert self.reactor.getDelayedCalls() == []


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    one.finish()


def test_the_interface(setting: Setting) -> None:
    """It is a lane, which people know by the worker's name."""
    verifyObject(IWorkerLane, setting.lane)
    assert (str(setting.lane), setting.lane.name, setting.lane.stateFor(ADDRESS)) == (
        "worker 7",
        "worker 7",
        "ready",
    )


def test_what_the_worker_is_told(setting: Setting) -> None:
    """A connection comes with its via, its address, both ends and every byte that was read."""
    errand = setting.give(b"read already")
    (box,) = setting.worker.asked
    assert {key: box[key] for key in (b"via", b"baseAddress", b"readData", b"peer", b"local")} == {
        b"via": b"net.tcp://localhost/a",
        b"baseAddress": b"net.tcp://+/a",
        b"readData": b"read already",
        b"peer": errand.arrival.peer.encode(),
        b"local": errand.arrival.local.encode(),
    }


def test_adopted(setting: Setting) -> None:
    """Once the worker has answered, the connection is its own and no longer under way."""
    errand = setting.give()
    assert (setting.lane.outstanding, errand.said) == (1, [])
    setting.answer()
    assert (setting.lane.outstanding, errand.said) == (0, ["adopted"])
    assert errand.arrival.held.closed
    assert setting.freed == [1]


def test_so_many_at_once(setting: Setting) -> None:
    """As many are under way as the limit allows, and each answer makes room for one."""
    for _ in range(LIMIT):
        assert setting.lane.takes(ADDRESS)
        setting.give()
    assert (setting.lane.takes(ADDRESS), setting.lane.stateFor(ADDRESS)) == (False, "busy")
    setting.answer()
    assert setting.lane.takes(ADDRESS)


@pytest.mark.parametrize("error", [NotMine, commands.Gone, commands.WorkerFault])
def test_refused(setting: Setting, error: type[Exception]) -> None:
    """What the worker declares reaches the errand, which has its socket still."""
    errand = setting.give()
    setting.answer(error)
    assert errand.said == [error]
    assert not errand.arrival.held.closed
    assert setting.lane.takes(ADDRESS)


def test_a_busy_worker_rests(setting: Setting) -> None:
    """A worker that is busy gets nothing for a while, then one, then twice as many each time."""
    errands = [setting.give() for _ in range(3)]
    setting.answer(Busy)
    assert errands[0].said == [Busy]
    assert not setting.lane.takes(ADDRESS)
    setting.answer()  # of what was under way already: it is to rest all the same
    assert not setting.lane.takes(ADDRESS)
    setting.answer()
    setting.freed.clear()
    setting.reactor.advance(BUSY_PAUSE)
    assert setting.freed == [0]
    counts = []
    for _ in range(3):
        count = 0
        while setting.lane.takes(ADDRESS):
            setting.give()
            count += 1
        counts.append(count)
        for _ in range(count):
            setting.answer()
    assert counts == [1, 2, LIMIT]


def test_too_late(setting: Setting) -> None:
    """A worker that does not answer in time is stuck until it says something."""
    errand = setting.give()
    setting.reactor.advance(5)
    later = setting.give()
    setting.reactor.advance(5)
    assert (errand.said, later.said) == ([TimeoutError], [])
    assert (setting.lane.stateFor(ADDRESS), setting.lane.takes(ADDRESS)) == ("stuck", False)
    setting.answer()
    assert (errand.said, setting.lane.stateFor(ADDRESS)) == ([TimeoutError], "ready")
    assert setting.lane.outstanding == 1


def test_a_link_that_is_gone(setting: Setting) -> None:
    """What cannot be asked any more failed for that reason, at once."""
    under_way = setting.give()
    setting.link.lose()
    assert under_way.said == [ConnectionLost]
    assert setting.give().said == [ConnectionLost]
    assert setting.lane.outstanding == 0
    setting.lane.routesChanged(ADDRESS)  # nobody is there to be told


def test_too_long_for_a_box(setting: Setting) -> None:
    """A connection that does not fit into a box was not given to the worker."""
    errand = setting.give(b"x" * (commands.MAX_LARGE_BYTES + 1))
    assert errand.said == [amp.TooLong]
    assert (setting.worker.asked, setting.lane.outstanding) == ([], 0)


def test_routes_changed_once_while_it_does_not_read(setting: Setting) -> None:
    """To a worker that does not read each address is told once, when it reads again."""
    setting.lane.routesChanged(ADDRESS)
    setting.link.flush()
    assert setting.worker.told == ["net.tcp://+/a"]
    setting.lane.congested(True)
    for _ in range(100):
        setting.lane.routesChanged(ADDRESS)
    setting.link.flush()
    assert setting.worker.told == ["net.tcp://+/a"]
    setting.lane.congested(False)
    setting.link.flush()
    assert setting.worker.told == ["net.tcp://+/a"] * 2


@pytest.mark.parametrize(("budget", "most"), [(4, 1), (8, 2)])
def test_the_budget_of_a_user(budget: int, most: int) -> None:
    """No more are under way to a user's workers than a quarter of what the kernel carries."""
    setting = Setting(InFlight(budget))
    for _ in range(most):
        assert setting.lane.takes(ADDRESS)
        setting.give()
    assert not setting.lane.takes(ADDRESS)
    setting.answer()
    assert setting.lane.takes(ADDRESS)
    setting.finish()


def test_stopped(setting: Setting) -> None:
    """A lane whose link is gone has no deadline any more."""
    setting.give()
    setting.lane.rest()
    setting.lane.stop()
    assert setting.reactor.getDelayedCalls() == []
    setting.answer()


def test_a_system_that_carries_no_more(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane is busy for a moment, nothing was sent, and the link lives on."""

    def refuse(transport: Any, data: bytes, descriptors: Any) -> bool:
        raise OSError(errno.ETOOMANYREFS, "Too many references")

    with monkeypatch.context() as patched:
        patched.setattr(protocol, "send_now", refuse)
        first = setting.give()
    second = setting.give()
    assert first.said == [Busy]
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding, setting.link.connected) == (
        "busy",
        1,
        True,
    )
    assert len(setting.worker.asked) == 1
    setting.answer()
    assert second.said == ["adopted"]
    setting.reactor.advance(BUSY_PAUSE)
    assert setting.lane.takes(ADDRESS)
    third = setting.give()
    setting.answer()
    assert third.said == ["adopted"]


def test_a_link_that_is_full(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While the worker has some to answer its lane is as wide as that: an answer, and no clock, tells
    that there is room again.
    """

    def refuse(transport: Any, data: bytes, descriptors: Any) -> bool:
        raise BlockingIOError(errno.EAGAIN, "it does not read its link")

    under_way = [setting.give(), setting.give()]
    with monkeypatch.context() as patched:
        patched.setattr(protocol, "send_now", refuse)
        refused = setting.give()
    assert refused.said == [Busy]
    assert (setting.lane.stateFor(ADDRESS), setting.lane.outstanding) == ("busy", 2)
    assert setting.freed == [0]
    setting.answer()
    assert setting.lane.takes(ADDRESS)
    setting.answer()
    assert [errand.said for errand in under_way] == [["adopted"], ["adopted"]]
    assert setting.give().said == []
    setting.answer()
