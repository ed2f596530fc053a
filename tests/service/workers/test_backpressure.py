"""Ports pause for a worker that is busy but gets on with it, and for no other."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from netshare.service.quotas import Admission, Quotas
from netshare.service.workers.backpressure import FEW, MANY, WINDOW, Backpressure
from tests.helpers.ports import PausablePort


class Setting:
    """A route's backpressure, with a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.admission = Admission(Quotas())
        self.port = PausablePort()
        self.admission.addPort(self.port)
        self.backpressure = Backpressure(self.clock, self.admission)

    def crowd(self, waiting: int) -> None:
        """So many connections come to wait."""
        for number in range(1, waiting + 1):
            self.backpressure.waits(number)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_a_quick_worker_pauses_the_ports(setting: Setting) -> None:
    """Many wait, and the worker answers fast: accepting pauses until few do."""
    setting.backpressure.answered(100, 10)
    setting.crowd(MANY)
    assert not setting.port.accepting
    setting.backpressure.answered(50, FEW + 1)
    assert not setting.port.accepting
    setting.backpressure.answered(50, FEW)
    assert setting.port.accepting
    assert setting.clock.getDelayedCalls() == []


def test_few_waiting_pause_nothing(setting: Setting) -> None:
    """Below the mark accepting goes on."""
    setting.backpressure.answered(1000, 10)
    setting.crowd(MANY - 1)
    assert setting.port.accepting


def test_a_stuck_worker(setting: Setting) -> None:
    """One that answers nothing only fills its own queue, when its first window is over."""
    setting.crowd(MANY)
    assert not setting.port.accepting
    setting.clock.advance(WINDOW)
    assert setting.port.accepting
    for number in range(MANY, 10 * MANY):
        setting.backpressure.waits(number)
    assert setting.port.accepting
    assert setting.clock.getDelayedCalls() == []


def test_a_sudden_crowd(setting: Setting) -> None:
    """A worker that was idle until now is not taken for a stuck one."""
    setting.clock.advance(1000)
    setting.crowd(MANY)
    setting.backpressure.answered(50, MANY)
    setting.clock.advance(WINDOW)
    assert not setting.port.accepting
    setting.backpressure.answered(MANY, FEW)
    assert setting.port.accepting


def test_a_slow_worker_pauses_nothing(setting: Setting) -> None:
    """Nor does one that would need more than a second for all who wait."""
    setting.crowd(10)
    setting.clock.advance(WINDOW)
    setting.backpressure.answered(MANY // 50, 10)
    for number in range(10, MANY + 1):
        setting.backpressure.waits(number)
    assert setting.port.accepting


def test_a_worker_that_slows_down_lets_go(setting: Setting) -> None:
    """A pause is looked at again: without answers it ends after a window or two."""
    setting.backpressure.answered(100, 10)
    setting.crowd(MANY)
    assert not setting.port.accepting
    setting.clock.pump([WINDOW] * 3)
    assert setting.port.accepting
    assert setting.clock.getDelayedCalls() == []


def test_a_pause_lasts_while_the_worker_gets_on(setting: Setting) -> None:
    """As long as it answers, the ports stay closed for the crowd."""
    setting.backpressure.answered(100, 10)
    setting.crowd(MANY)
    for _ in range(10):
        setting.backpressure.answered(50, MANY)
        setting.clock.advance(WINDOW)
        assert not setting.port.accepting
    setting.backpressure.stop()
    assert setting.port.accepting
    assert setting.clock.getDelayedCalls() == []


def test_without_ports() -> None:
    """A route that controls no ports counts all the same."""
    backpressure = Backpressure(Clock(), None)
    backpressure.answered(1000, 10)
    for number in range(10 * MANY):
        backpressure.waits(number)
    backpressure.stop()
