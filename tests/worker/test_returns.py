"""netshare.worker.returns: connections that wait for a service to come back."""

from __future__ import annotations

import os
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionClosed
from twisted.internet.task import Clock

from netshare.sockets.held import HeldSocket
from netshare.worker import returns
from netshare.worker.returns import KEEP_FOR, MOST, Returns


class Way:
    """Takes what comes, or refuses it."""

    def __init__(self, answer: Any = None) -> None:
        self.came: list[tuple[bytes, str]] = []
        self.answer = answer

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        held.close()
        self.came.append((readData, peer))
        return succeed(None) if self.answer is None else fail(self.answer)


def held() -> HeldSocket:
    return HeldSocket(os.open("/dev/null", os.O_RDONLY))


def outcomes(waiting: Deferred[None]) -> list[Any]:
    found: list[Any] = []
    waiting.addBoth(found.append)
    return found


def test_while_there_is_a_way() -> None:
    """It goes at once."""
    kept, way = Returns(Clock()), Way()
    kept.begin(way)
    assert outcomes(kept.giveBack(held(), b"x", "p")) == [None]
    assert (way.came, len(kept)) == ([(b"x", "p")], 0)


def test_until_there_is_a_way() -> None:
    """It is kept, and goes in the order in which it came; each learns what became of it."""
    clock = Clock()
    kept = Returns(clock)
    first, second = (outcomes(kept.giveBack(held(), data, "p")) for data in (b"1", b"2"))
    clock.advance(KEEP_FOR * 0.9)
    assert (first, second, len(kept)) == ([], [], 2)
    way = Way()
    kept.begin(way)
    assert way.came == [(b"1", "p"), (b"2", "p")]
    assert (first, second, len(kept)) == ([None], [None], 0)
    assert clock.getDelayedCalls() == []


def test_a_service_that_does_not_want_it() -> None:
    """Its reason comes back."""
    kept = Returns(Clock())
    (waiting,) = [outcomes(kept.giveBack(held(), b"1", "p"))]
    kept.begin(Way(ValueError("no")))
    assert waiting[0].check(ValueError)


@pytest.mark.parametrize("how", ["time", "end"])
def test_in_vain(how: str) -> None:
    """After its time, or when there will be no way any more, the connection is closed."""
    clock = Clock()
    kept, one = Returns(clock), held()
    waiting = outcomes(kept.giveBack(one, b"1", "p"))
    if how == "time":
        clock.advance(KEEP_FOR)
    else:
        kept.close()
    assert waiting[0].check(ConnectionClosed)
    assert (one.closed, len(kept), clock.getDelayedCalls()) == (True, 0, [])


def test_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is closed at once."""
    kept = Returns(Clock())
    monkeypatch.setattr(returns, "MOST", 2)
    all_of_them = [outcomes(kept.giveBack(held(), b"1", "p")) for _ in range(3)]
    assert [len(one) for one in all_of_them] == [0, 0, 1]
    monkeypatch.setattr(returns, "MOST", MOST)
    monkeypatch.setattr(returns, "room_for", lambda wanted: False)
    assert outcomes(kept.giveBack(held(), b"1", "p"))[0].check(ConnectionClosed)
    kept.close()
    assert all(len(one) == 1 for one in all_of_them)
