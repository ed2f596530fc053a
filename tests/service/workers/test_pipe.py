"""The service's end of a fast lane reads for its lane, and says when it is over."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netshare.control.lanes import BadParcels, pack_answer
from netshare.service.workers.pipe import Pipe


class Lane:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.reasons: list[str] = []
        self.flushes = 0

    def received(self, payload: bytes, descriptors: list[int]) -> None:
        self.messages.append(payload)
        if payload == b"nonsense":
            raise BadParcels("nonsense")

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)

    def flush(self) -> None:
        self.flushes += 1


class Setting:
    def __init__(self) -> None:
        ours, self.worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lane = Lane()
        self.pipe = Pipe(MemoryReactorClock(), ours, self.lane)


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    one.pipe.close()
    one.worker.close()


def test_one_message_at_a_time(setting: Setting) -> None:
    """Each turn reads one, and none where there is none."""
    for number in (1, 2):
        setting.worker.send(pack_answer(number, 0))
    for count in (1, 2, 2):
        setting.pipe.doRead()
        assert len(setting.lane.messages) == count
    setting.pipe.doWrite()
    assert (setting.lane.flushes, setting.lane.reasons) == (1, [])


@pytest.mark.parametrize(("what", "why"), [(b"nonsense", "broke"), (b"", "closed its lane")])
def test_the_end(setting: Setting, what: bytes, why: str) -> None:
    """Nonsense and the worker's end are told with the reason."""
    if what:
        setting.worker.send(what)
    setting.worker.close()
    setting.pipe.doRead()
    assert why in setting.lane.reasons[0]


def test_the_reactor_gives_up(setting: Setting) -> None:
    """So is a failure of the reactor's."""
    setting.pipe.connectionLost(Failure(ValueError("a bug")))
    assert "a bug" in setting.lane.reasons[0]


def test_the_rest(setting: Setting) -> None:
    """What was sent before the end is read then, but not for ever; nonsense ends it quietly."""
    for _ in range(5):
        setting.worker.send(b"x")
    setting.pipe.readRest(3)
    assert len(setting.lane.messages) == 3
    setting.worker.send(b"nonsense")
    setting.worker.close()
    setting.pipe.readRest(100)
    assert (len(setting.lane.messages), setting.lane.reasons) == (6, [])
    setting.pipe.close()
    setting.pipe.doRead()
    setting.pipe.readRest(1)
