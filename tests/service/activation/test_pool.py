"""How many processes serve an address, where that is not fixed."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from netshare.service.activation.pool import LOOK_EVERY, Demand, Pool, PoolLimits, PoolSize

LIMITS = PoolLimits(1, 3, 60.0)
QUIET = Demand(0, 2, True)


@pytest.mark.parametrize(
    ("demand", "change"),
    [
        (Demand(5, 1, True), 1),
        (Demand(5, 2, True), 1),
        (Demand(5, 3, True), 0),
        (Demand(5, 2, False), 0),
        (Demand(0, 2, True), 0),
    ],
)
def test_growing(demand: Demand, change: int) -> None:
    """While connections wait, one after the other, up to the most."""
    size = PoolSize(LIMITS, 0.0)
    assert size.look(1.0, Demand(1, 1, True)) == 0
    assert size.look(2.0, demand) == change


def test_a_moment_is_no_reason() -> None:
    """Connections that wait at one look, and at the next one not, start nothing."""
    size = PoolSize(LIMITS, 0.0)
    for now in range(0, 20, 2):
        assert size.look(now, Demand(9, 1, True)) == 0
        assert size.look(now + 1, Demand(0, 1, True)) == 0


def test_shrinking() -> None:
    """One at a time, when none has waited for long enough, down to the least."""
    size = PoolSize(LIMITS, 0.0)
    assert size.look(59.0, Demand(0, 3, True)) == 0
    assert size.look(60.0, Demand(0, 3, True)) == -1
    assert size.look(119.0, QUIET) == 0
    assert size.look(120.0, QUIET) == -1
    assert size.look(500.0, Demand(0, 1, True)) == 0


def test_waiting_makes_it_stay() -> None:
    """The time is counted from the last one that waited, however short that was."""
    size = PoolSize(LIMITS, 0.0)
    assert size.look(59.0, Demand(1, 2, True)) == 0
    assert size.look(118.0, QUIET) == 0
    assert size.look(119.0, QUIET) == -1


def test_one_that_was_missed() -> None:
    """The next one stays twice as long, and no longer so when it was not missed."""
    size = PoolSize(LIMITS, 0.0)
    assert size.look(60.0, QUIET) == -1
    assert [size.look(at, Demand(1, 1, True)) for at in (70.0, 71.0)] == [0, 1]
    assert size.look(190.0, QUIET) == 0
    assert size.look(191.0, QUIET) == -1
    assert size.look(310.0, QUIET) == 0
    assert size.look(311.0, QUIET) == -1
    assert size.look(371.0, QUIET) == -1


def test_none_goes() -> None:
    """Without a time no process is one too many."""
    size = PoolSize(PoolLimits(1, 3, None), 0.0)
    assert [size.look(at, Demand(1, 1, True)) for at in (1.0, 2.0)] == [0, 1]
    assert size.look(1e9, QUIET) == 0


def test_looking() -> None:
    """What was decided is done, until it is stopped."""
    clock, did = Clock(), []
    now = Demand(1, 1, True)
    pool = Pool(clock, LIMITS, lambda: now, lambda: did.append("+"), lambda: did.append("-"))
    pool.start()
    clock.pump([LOOK_EVERY] * 2)
    assert did == ["+"]
    now = QUIET
    clock.pump([LOOK_EVERY] * int(60 / LOOK_EVERY))
    assert did == ["+", "-"]
    pool.stop()
    assert clock.getDelayedCalls() == []
