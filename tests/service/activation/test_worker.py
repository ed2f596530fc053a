"""A worker: one process after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netshare.addresses import parse_base_address
from netshare.service.activation.worker import (
    FIRST_DELAY,
    LONGEST_DELAY,
    PROVEN_AFTER,
    State,
    Worker,
)
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor
from tests.helpers.processes import FakeSpawner

ADDRESS = parse_base_address("net.tcp://+/one")


class Setting:
    """A worker whose processes are not real."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(dispatchTimeout=10.0))
        self.registry = self.shared.registry
        self.registry.supervise(ADDRESS)
        self.spawner = FakeSpawner()
        self.worker = Worker(self.reactor, self.registry, ADDRESS, "one", self.spawner.spawn)

    @property
    def route(self) -> Any:
        return self.registry.tree.get(ADDRESS)


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    stopped: list[Any] = []
    one.worker.stop().addBoth(stopped.append)
    for process in one.spawner.processes:
        if process.watcher.process is process:
            process.end()
    assert stopped == [None]
    assert one.worker.state is State.STOPPED
    one.route.stop("the test is over")
    assert one.reactor.getDelayedCalls() == []


def test_it_is_kept_up(setting: Setting) -> None:
    """A process that ends is followed by another one; connections wait meanwhile."""
    worker = setting.worker
    worker.start()
    assert (worker.state, worker.pids, setting.route.state) == (State.STARTING, [1], "expected")
    setting.spawner.last.register()
    assert worker.state is State.SERVING
    setting.spawner.last.end()
    assert (worker.state, worker.pids, setting.route.state) == (State.RESTARTING, [], "expected")
    setting.reactor.advance(FIRST_DELAY)
    assert (worker.state, worker.pids) == (State.STARTING, [2])


def test_growing_delays(setting: Setting) -> None:
    """The delay doubles with each end, up to a limit, and is forgotten when one has lived."""
    setting.worker.start()
    delay = FIRST_DELAY
    for number in range(1, 10):
        setting.spawner.last.end()
        setting.reactor.advance(delay - 0.01)
        assert len(setting.spawner.processes) == number
        setting.reactor.advance(0.01)
        assert len(setting.spawner.processes) == number + 1
        delay = min(2 * delay, LONGEST_DELAY)
    setting.reactor.advance(PROVEN_AFTER)
    setting.spawner.last.end()
    setting.reactor.advance(FIRST_DELAY)
    assert len(setting.spawner.processes) == 11


def test_one_that_cannot_be_started(setting: Setting) -> None:
    """It is tried again like one that has ended."""
    setting.spawner.error = "no such file"
    setting.worker.start()
    assert setting.worker.state is State.RESTARTING
    setting.spawner.error = None
    setting.reactor.advance(FIRST_DELAY)
    assert setting.worker.pids == [1]


def test_stopping(setting: Setting) -> None:
    """Nothing is started any more, and it is over when the process has ended."""
    ended: list[Any] = []
    setting.worker.start()
    process = setting.spawner.last
    process.register()
    setting.worker.stop().addBoth(ended.append)
    setting.worker.stop().addBoth(ended.append)
    assert (process.signals, ended) == (["TERM"], [])
    process.end()
    assert (ended, setting.worker.state) == ([None, None], State.STOPPED)
    setting.worker.start()
    assert setting.worker.pids == [2]


def test_stopping_between_two_processes(setting: Setting) -> None:
    """There is nothing to wait for."""
    ended: list[Any] = []
    setting.worker.start()
    setting.spawner.last.end()
    setting.worker.stop().addBoth(ended.append)
    assert ended == [None]
    setting.reactor.advance(LONGEST_DELAY)
    assert len(setting.spawner.processes) == 1
