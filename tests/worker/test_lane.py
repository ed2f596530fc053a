"""netshare.worker.lane: what a worker does with messages, and what it answers."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netshare.control.commands import Busy, Gone, NotMine
from netshare.control.lanes import (
    BUSY,
    MAX_BATCH,
    Parcel,
    address_head,
    pack_batch,
    receive,
    send,
    unpack_answer,
    unpack_batch,
)
from netshare.framing.records import preamble
from netshare.sockets.held import HeldSocket
from netshare.worker import lane as worker_lane
from netshare.worker.lane import ROOM_PAUSE, FastLaneReader

OPENING = preamble("net.tcp://server/one")


ADDRESS = "net.tcp://+/one"


class Intake:
    """Takes every connection and closes it, but for those that it was told to refuse."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.received: list[tuple[str | None, bytes, str]] = []
        self.refusals: list[Exception] = []
        self.epoch = 0
        self.late: list[tuple[bytes, str]] = []
        self.known = [ADDRESS]
        self.asking = False

    def find(self, address: str) -> Any:
        return self if address in self.known else None

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        self.late.append((readData, peer))
        held.close()
        return succeed(None)

    def receive(self, held: HeldSocket, via: str | None, readData: bytes, peer: str) -> None:
        if self.refusals:
            error = self.refusals.pop(0)
            if isinstance(error, Gone):
                held.close()
            raise error
        self.received.append((via, readData, peer))
        held.close()

    def routesChanged(self, address: str) -> None:
        self.epoch += address in self.known


class Lane:
    """Both ends of a lane."""

    def __init__(self) -> None:
        self.service, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.intake = Intake()
        self.reader = FastLaneReader(
            self.intake.reactor,
            theirs,
            self.intake,
            lambda: self.broken.append(True),
        )
        self.broken: list[bool] = []
        self._file = os.open("/dev/null", os.O_RDONLY)

    def give(self, count: int = 1, peer: str = "", address: str = ADDRESS) -> None:
        """Send so many connections in one message."""
        payload = address_head(address) + pack_batch([OPENING] * count, [peer] * count)
        assert send(self.service, payload, [self._file] * count)

    def answers(self) -> list[Any]:
        """All that the worker has sent: counts, and what it gave back."""
        found: list[Any] = []
        while (message := receive(self.service)) is not None:
            payload, descriptors = message
            if not payload:
                break
            if descriptors:
                found += unpack_batch(payload, len(descriptors))
                for descriptor in descriptors:
                    os.close(descriptor)
            elif payload == BUSY:
                found.append(BUSY)
            else:
                found.append(unpack_answer(payload))
        return found

    def close(self) -> None:
        self.reader.close()
        self.service.close()
        os.close(self._file)


@pytest.fixture
def lane() -> Iterator[Lane]:
    """A lane, closed in the end."""
    made = Lane()
    yield made
    made.close()


def test_one_answer_for_many_messages(lane: Lane) -> None:
    """What comes in a turn is answered for together."""
    for _ in range(5):
        lane.give(3, "192.0.2.1:5000")
    lane.reader.doRead()
    assert lane.answers() == [(15, 0)]
    assert lane.intake.received == [(None, OPENING, "192.0.2.1:5000")] * 15


def test_answers_on_the_way(lane: Lane) -> None:
    """When many wait the first ones are answered for at once, so that the service sends on."""
    for _ in range(4):
        lane.give(40)
    lane.give(2)
    lane.reader.doRead()
    assert lane.answers() == [(40, 0)] * 4 + [(2, 0)]


def test_nothing_to_answer(lane: Lane) -> None:
    """An address is no connection: it is noted and not answered."""
    assert send(lane.service, ADDRESS.encode(), ())
    lane.reader.doRead()
    assert lane.intake.epoch == 1
    assert lane.answers() == []


def test_what_we_are_too_busy_for(lane: Lane) -> None:
    """It goes back, with a word on that, behind the answer for what came before it."""
    lane.intake.refusals = [Gone("left"), Busy("full"), Busy("full")]
    lane.give(5)
    lane.give(1)
    lane.reader.doRead()
    gone, busy, first, second, counts = lane.answers()
    assert (gone, busy, counts) == ((0, 1), BUSY, (3, 0))
    assert (first.readData, second.readData) == (OPENING, OPENING)
    assert (len(lane.intake.received), lane.broken) == (3, [])


def test_busy_until_the_end_of_a_message(lane: Lane) -> None:
    """What is refused last goes back, too."""
    lane.intake.refusals = [Busy("full")]
    lane.give(1)
    lane.reader.doRead()
    busy, parcel = lane.answers()
    assert (busy, parcel.readData) == (BUSY, OPENING)


def test_a_service_that_has_ended(lane: Lane) -> None:
    """What it had sent is read to its end, though no answer can be sent; then the lane closes."""
    for _ in range(40):
        lane.give(2)
    lane.intake.refusals = [NotMine("stopped"), Busy("full")]
    lane.service.close()
    for _ in range(4):
        lane.reader.doRead()
    assert len(lane.intake.received) == 78
    assert [peer for _, peer in lane.intake.late] == ["", ""]
    assert lane.reader.socket.fileno() == -1
    assert lane.broken == []


def test_a_link_that_is_lost(lane: Lane) -> None:
    """What was to go back over the lane goes over the next link; what comes is still adopted."""
    while send(lane.reader.socket, b"\0" * 8, ()):
        pass
    lane.intake.refusals = [NotMine("stopped"), Busy("full")]
    lane.give(3, "192.0.2.1:5000")
    lane.reader.doRead()
    lane.give()
    lane.reader.finish()
    assert lane.intake.late == [(OPENING, "192.0.2.1:5000")] * 2
    assert lane.reader not in lane.intake.reactor.writers
    assert len(lane.intake.received) == 2
    assert lane.reader.socket.fileno() == -1
    assert lane.broken == []


def test_nearly_no_descriptors(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is no room for a message the lane is not read, until there is."""
    room = [False]
    monkeypatch.setattr(worker_lane, "nearly_the_last", lambda number, wanted: wanted == MAX_BATCH)
    monkeypatch.setattr(worker_lane, "room_for", lambda wanted: room[0])
    lane.give(2)
    lane.give(2)
    lane.reader.doRead()
    assert (len(lane.intake.received), lane.answers()) == (2, [(2, 0)])
    assert lane.reader not in lane.intake.reactor.readers
    lane.intake.reactor.advance(ROOM_PAUSE)
    assert lane.reader not in lane.intake.reactor.readers
    room[0] = True
    lane.intake.reactor.advance(ROOM_PAUSE)
    assert lane.reader in lane.intake.reactor.readers
    lane.reader.doRead()
    assert len(lane.intake.received) == 4
    assert lane.intake.reactor.getDelayedCalls() == []


def test_refusals_go_back(lane: Lane) -> None:
    """A connection that is not ours goes back whole, before it is answered for."""
    lane.intake.refusals = [NotMine("stopped")]
    lane.give(2, "192.0.2.1:5000")
    lane.reader.doRead()
    back, counts = lane.answers()
    assert (back.readData, back.peer) == (OPENING, "192.0.2.1:5000")
    assert counts == (2, 0)


def test_a_system_that_carries_no_more(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to go back waits until the system carries descriptors again; the lane lives on."""

    def refuse(to: socket.socket, payload: bytes, descriptors: list[int]) -> bool:
        if descriptors:
            raise OSError(errno.ETOOMANYREFS, "no")
        return send(to, payload, descriptors)

    lane.intake.refusals = [NotMine("no")]
    with monkeypatch.context() as patched:
        patched.setattr(worker_lane, "send", refuse)
        lane.give()
        lane.reader.doRead()
        lane.reader.doRead()
        lane.intake.reactor.advance(ROOM_PAUSE)
        assert lane.answers() == []
        assert lane.reader not in lane.intake.reactor.getWriters()
    lane.intake.reactor.advance(ROOM_PAUSE)
    assert lane.answers() == [Parcel(OPENING), (1, 0)]
    assert (lane.broken, lane.intake.reactor.getDelayedCalls()) == ([], [])


def test_those_found_closed(lane: Lane) -> None:
    """They are counted apart."""
    lane.intake.refusals = [Gone("closed")]
    lane.give(3)
    lane.reader.doRead()
    assert lane.answers() == [(2, 1)]


def test_a_service_that_does_not_read(lane: Lane) -> None:
    """Answers that find no room wait, and come as one when there is room again."""
    while send(lane.reader.socket, b"\0" * 8, ()):
        pass
    for _ in range(3):
        lane.give(2)
        lane.reader.doRead()
    assert lane.reader in lane.intake.reactor.writers
    lane.answers()
    lane.reader.doWrite()
    assert lane.answers() == [(6, 0)]
    assert lane.reader not in lane.intake.reactor.writers


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\0\2short",
        pack_batch([b"x"], [""]),
        address_head(ADDRESS) + pack_batch([b"x", b"y"], ["", ""]),
    ],
)
def test_nonsense(lane: Lane, nonsense: bytes) -> None:
    """A message that is no batch closes the lane, and nothing of it, or behind it, is taken."""
    assert send(lane.service, nonsense, [lane.service.fileno()])
    lane.give()
    lane.reader.doRead()
    assert lane.reader.socket.fileno() == -1
    assert (lane.intake.received, lane.broken) == ([], [True])
    lane.reader.close()


def test_the_end(lane: Lane) -> None:
    """The lane ends with the service's end of it, and the link with the lane."""
    assert send(lane.service, ADDRESS.encode(), ())
    lane.service.close()
    lane.reader.doRead()
    assert lane.broken == [True]
    lane.reader.close()


def test_the_end_with_answers_to_send(lane: Lane) -> None:
    """The lane ends with the service's end of it."""
    lane.give()
    lane.service.close()
    lane.reader.doRead()
    assert len(lane.intake.received) == 1
    assert lane.reader.socket.fileno() == -1
    assert lane.reader not in lane.intake.reactor.readers


def test_draining(lane: Lane) -> None:
    """What is still in the lane goes back when the port closes, however many messages it is."""
    lane.intake.refusals = [NotMine("stopped")] * 60
    for _ in range(20):
        lane.give(3)
    drained = lane.reader.drain()
    answers = lane.answers()
    assert len([one for one in answers if isinstance(one, Parcel)]) == 60
    assert sum(one[0] for one in answers if isinstance(one, tuple)) == 60
    assert drained.called
    assert lane.reader.drain().called


def test_draining_to_a_service_that_does_not_read(lane: Lane) -> None:
    """It goes back when there is room, and nobody is kept waiting meanwhile."""
    while send(lane.reader.socket, b"\0" * 8, ()):
        pass
    lane.intake.refusals = [NotMine("stopped")] * 3
    lane.give(3)
    drained = lane.reader.drain()
    assert not drained.called
    assert lane.reader in lane.intake.reactor.writers
    lane.answers()
    lane.reader.doWrite()
    *back, counts = lane.answers()
    assert (len(back), counts, drained.called) == (3, (3, 0), True)


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_draining_a_lane_that_ends(lane: Lane) -> None:
    """What could not go back is closed, and whoever waits for it is told."""
    while send(lane.reader.socket, b"\0" * 8, ()):
        pass
    before = len(os.listdir("/proc/self/fd"))
    lane.intake.refusals = [NotMine("stopped")] * 3
    lane.give(3)
    drained = lane.reader.drain()
    lane.reader.close()
    assert drained.called
    assert len(os.listdir("/proc/self/fd")) == before - 1
    assert lane.reader.drain().called


def test_a_reader_that_the_reactor_gives_up(lane: Lane) -> None:
    """The service sees its end, and does not wait for answers."""
    lane.reader.connectionLost(Failure(ValueError("a bug")))
    assert lane.service.recv(1) == b""
    assert lane.broken == [True]
    assert lane.reader not in lane.intake.reactor.readers


def test_closed_in_the_middle_of_a_message(lane: Lane) -> None:
    """Whoever closes the lane while a message is dealt with loses what was to go back, no more."""

    def refuse(held: HeldSocket, *_: Any) -> None:
        lane.reader.close()
        refused.append(held)
        raise NotMine("stopped")

    refused: list[HeldSocket] = []
    lane.intake.receive = refuse  # type: ignore[assignment]
    lane.give(2)
    lane.reader.doRead()
    assert [held.closed for held in refused] == [True, True]


@pytest.mark.parametrize("unread_answer", [False, True])
def test_the_service_is_killed(lane: Lane, unread_answer: bool) -> None:
    """What it has sent before its end is adopted, also when it has not read the last answer."""
    if unread_answer:
        lane.give(1)
        lane.reader.doRead()
    for _ in range(5):
        lane.give(40)
    lane.service.close()
    lane.reader.finish()
    assert len(lane.intake.received) == 200 + unread_answer
    assert not lane.reader.connected


def test_an_answer_that_cannot_be_sent(lane: Lane) -> None:
    """A worker that cannot answer any more reads on."""
    for _ in range(3):
        lane.give(40)
    lane.service.close()
    lane.reader.doRead()
    assert len(lane.intake.received) == 120


def test_an_answer_that_comes_later_than_its_connections(lane: Lane) -> None:
    """They wait for the registration's answer, which travels another way, and keep their order."""
    lane.intake.known, lane.intake.asking = [], True
    lane.give(2)
    lane.give(3)
    lane.reader.doRead()
    assert lane.intake.received == []
    assert lane.reader not in lane.intake.reactor.readers
    lane.reader.goOn()  # another registration's answer
    assert lane.reader not in lane.intake.reactor.readers
    lane.intake.known = [ADDRESS]
    lane.reader.goOn()
    assert (len(lane.intake.received), lane.answers()) == (2, [(2, 0)])
    assert lane.reader in lane.intake.reactor.readers
    lane.reader.doRead()
    assert (len(lane.intake.received), lane.answers()) == (5, [(3, 0)])


@pytest.mark.parametrize("asking", [True, False])
def test_an_address_that_nothing_listens_at(lane: Lane, asking: bool) -> None:
    """Its connections go back, at the latest when no answer is expected any more."""
    lane.intake.known, lane.intake.asking = [], asking
    lane.give(2)
    lane.reader.doRead()
    lane.intake.asking = False
    lane.reader.goOn()
    first, second, counts = lane.answers()
    assert (first.readData, second.readData, counts) == (OPENING, OPENING, (2, 0))


def test_a_link_that_is_lost_before_its_answer(lane: Lane) -> None:
    """What had come for the address goes to the service that comes next."""
    lane.intake.known, lane.intake.asking = [], True
    lane.give(2, "192.0.2.1:5000")
    lane.reader.doRead()
    lane.reader.finish()
    assert lane.intake.late == [(OPENING, "192.0.2.1:5000")] * 2
    assert not lane.reader.connected


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_closed_before_its_answer(lane: Lane) -> None:
    """Nothing stays open."""
    before = len(os.listdir("/proc/self/fd"))
    lane.intake.known, lane.intake.asking = [], True
    lane.give(2)
    lane.reader.doRead()
    lane.reader.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1


def test_ports_that_close_together(lane: Lane) -> None:
    """Each is told when what was in the lane has gone back."""
    while send(lane.reader.socket, b"\0" * 8, ()):
        pass
    lane.intake.refusals = [NotMine("stopped")] * 3
    lane.give(3)
    both = [lane.reader.drain(), lane.reader.drain()]
    assert [one.called for one in both] == [False, False]
    lane.answers()
    lane.reader.doWrite()
    assert [one.called for one in both] == [True, True]
