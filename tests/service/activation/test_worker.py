"""A worker: one process after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.addresses import parse_base_address
from netshare.outcomes import Outcome
from netshare.service.activation.failures import MOST_FAILURES, Failures
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import (
    DRAIN_FOR,
    FIRST_DELAY,
    KILL_AFTER,
    LONGEST_DELAY,
    START_WITHIN,
    Limits,
)
from netshare.service.activation.worker import PROVEN_AFTER, Worker
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, RecordedArrival
from tests.helpers.processes import FakeProcess, FakeSpawner

ADDRESS = parse_base_address("net.tcp://+/one")


class Setting:
    """A worker whose processes are not real."""

    def __init__(self, most: int) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(dispatchTimeout=10.0))
        self.registry = self.shared.registry
        self.registry.supervise(ADDRESS)
        self.spawner = FakeSpawner()
        failures = Failures(self.reactor, most)
        self.worker = Worker(
            self.reactor, self.registry, ADDRESS, "one", self.spawner.spawn, failures
        )

    def serve(self) -> FakeProcess:
        """Start a worker that serves."""
        self.worker.start()
        self.spawner.last.register()
        return self.spawner.last

    def recycle(self) -> list[Any]:
        return outcome(self.worker.recycle())

    @property
    def route(self) -> Any:
        return self.registry.tree.get(ADDRESS)


def outcome(deferred: Deferred[None]) -> list[Any]:
    """None, or the words of an error, when it is there."""
    results: list[Any] = []
    deferred.addCallbacks(results.append, lambda failure: results.append(str(failure.value)))
    return results


@pytest.fixture
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    one = Setting(getattr(request, "param", MOST_FAILURES))
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


@pytest.mark.parametrize("setting", [0], indirect=True)
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


def test_recycling(setting: Setting) -> None:
    """The new process serves before the old one is told to drain."""
    old = setting.serve()
    done = setting.recycle()
    assert (setting.worker.state, setting.worker.pids) == (State.RECYCLING, [1, 2])
    assert (old.link.did, done) == ([], [])
    setting.spawner.last.register()
    assert (setting.worker.state, old.link.did, done) == (State.SERVING, [DRAIN_FOR], [None])
    old.watcher.drained(0)
    assert old.signals == ["TERM"]
    old.end()
    assert (setting.worker.state, setting.worker.pids) == (State.SERVING, [2])


def test_recycling_in_vain(setting: Setting) -> None:
    """The old process serves on, and it is said why; a limit is not tried again at once."""
    old = setting.serve()
    done = setting.recycle()
    setting.spawner.last.end("ended with exit status 3")
    expected = "recycling failed, the old process serves on: ended with exit status 3"
    assert (done, setting.worker.trouble) == ([expected], expected)
    assert (setting.worker.state, setting.worker.pids, old.link.did) == (State.SERVING, [1], [])
    assert not setting.worker.mayRecycle
    setting.reactor.advance(LONGEST_DELAY)
    assert setting.worker.mayRecycle
    setting.recycle()
    setting.spawner.last.register()
    assert setting.worker.trouble == ""


def test_recycling_what_cannot_be_started(setting: Setting) -> None:
    """It is known at once."""
    setting.serve()
    setting.spawner.error = "no such file"
    assert "no such file" in setting.recycle()[0]
    assert setting.worker.state is State.SERVING


def test_a_new_process_that_never_registers(setting: Setting) -> None:
    """It is killed when its time is over, and the old one serves on."""
    setting.serve()
    done = setting.recycle()
    setting.reactor.advance(START_WITHIN)
    new = setting.spawner.last
    assert new.signals == ["KILL"]
    new.end("was ended by signal 9")
    assert "did not register its address within 30 s" in done[0]


def test_the_old_one_ends_first(setting: Setting) -> None:
    """The new one is waited for, instead of starting a third."""
    old = setting.serve()
    done = setting.recycle()
    old.end()
    assert (setting.worker.state, setting.worker.pids) == (State.STARTING, [2])
    assert setting.route.state == "expected"
    setting.spawner.last.register()
    assert (setting.worker.state, done) == (State.SERVING, [None])


def test_both_end(setting: Setting) -> None:
    """Then it is started again like any other."""
    old = setting.serve()
    done = setting.recycle()
    old.end()
    setting.spawner.last.end()
    assert (setting.worker.state, setting.worker.pids) == (State.RESTARTING, [])
    assert done == ["one ended with exit status 1"]


def test_recycling_twice_at_once(setting: Setting) -> None:
    """One new process is enough for both."""
    setting.serve()
    both = [setting.recycle(), setting.recycle()]
    setting.spawner.last.register()
    assert (both, len(setting.spawner.processes)) == ([[None], [None]], 2)


def test_recycling_what_does_not_serve_yet(setting: Setting) -> None:
    """Its place is taken at once: it has no connection that could be lost."""
    setting.worker.start()
    unready = setting.spawner.last
    done = setting.recycle()
    assert (unready.signals, setting.worker.pids) == (["TERM"], [2, 1])
    unready.end()
    setting.spawner.last.register()
    assert (done, setting.worker.state) == ([None], State.SERVING)


def test_recycling_what_is_stopped(setting: Setting) -> None:
    """It has to be started."""
    assert setting.recycle() == ["one is stopped: start it"]
    assert setting.worker.state is State.STOPPED


def test_another_way_to_start(setting: Setting) -> None:
    """A change while a process is being replaced is followed by another exchange."""
    setting.serve()
    setting.recycle()
    other = FakeSpawner()
    done = outcome(setting.worker.change(other.spawn, Limits()))
    setting.spawner.last.register()
    assert (done, setting.worker.state) == ([], State.RECYCLING)
    other.last.register()
    assert (done, setting.worker.state) == ([None], State.SERVING)
    setting.spawner.processes += other.processes


def test_too_many_failures(setting: Setting) -> None:
    """Out of service: nothing is started, what waits is refused, and a start begins anew."""
    setting.worker.start()
    arrival = RecordedArrival()
    setting.route.render(arrival)
    for _ in range(MOST_FAILURES - 1):
        setting.spawner.last.end()
        assert (setting.route.state, arrival.ending) == ("expected", None)
        setting.reactor.advance(setting.worker._delay)
    setting.spawner.last.end()
    assert (setting.worker.state, setting.route.state) == (State.OUT_OF_SERVICE, "down")
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)
    arrival.close()
    assert setting.worker.trouble == "5 failures in 300 s; the last: one ended with exit status 1"
    setting.reactor.advance(1000)
    assert len(setting.spawner.processes) == MOST_FAILURES
    assert outcome(setting.worker.whenReady()) == [setting.worker.trouble]
    setting.worker.start()
    done = outcome(setting.worker.whenReady())
    setting.spawner.last.register()
    assert (setting.worker.state, setting.worker.trouble, done) == (State.SERVING, "", [None])


def test_failures_with_long_pauses(setting: Setting) -> None:
    """What is longer ago than the window is forgotten."""
    setting.worker.start()
    for _ in range(4 * MOST_FAILURES):
        setting.spawner.last.register()
        setting.reactor.advance(100)
        setting.spawner.last.end()
        setting.reactor.advance(FIRST_DELAY)
    assert setting.worker.state is State.STARTING


def test_stopping_with_a_drain(setting: Setting) -> None:
    """Connections may end first; nothing is started meanwhile."""
    process = setting.serve()
    setting.recycle()
    stopped = outcome(setting.worker.stop(drain=True))
    assert (process.link.did, process.signals) == ([DRAIN_FOR], [])
    assert setting.spawner.last.signals == ["TERM"]
    setting.spawner.last.register()  # too late
    setting.spawner.last.end()
    process.watcher.drained(0)
    assert stopped == []
    process.end()
    assert (stopped, setting.worker.state) == ([None], State.STOPPED)


def test_a_stop_that_has_no_time_for_a_drain(setting: Setting) -> None:
    """An old process that is still draining is ended, too."""
    old = setting.serve()
    setting.recycle()
    setting.spawner.last.register()
    stopped = outcome(setting.worker.stop())
    assert old.signals == setting.spawner.last.signals == ["TERM"]
    setting.reactor.advance(KILL_AFTER)
    assert old.signals == ["TERM", "KILL"]
    old.end()
    assert stopped == []
    setting.spawner.last.end()
    assert stopped == [None]
