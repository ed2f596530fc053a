"""One process of a worker, from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, eventAsJSON, formatEvent, globalLogPublisher

from netshare.service.activation.generation import Generation, Phase
from netshare.service.activation.limits import DRAIN_FOR, KILL_AFTER, UNRESPONSIVE_FOR, Limits
from tests.helpers.processes import FakeProcess, FakeSpawner


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def ready(self, generation: Generation) -> None:
        self.told.append("ready")

    def gone(self, generation: Generation) -> None:
        self.told.append("gone")


class Life:
    """A generation whose process is not real."""

    def __init__(self) -> None:
        self.clock: Any = Clock()
        self.owner = Owner()
        self.spawner = FakeSpawner()
        self.generation = Generation(self.clock, "one", 1, Limits(), self.owner)

    def start(self) -> FakeProcess:
        self.generation.start(self.spawner.spawn)
        return self.spawner.last


@pytest.fixture
def life() -> Iterator[Life]:
    one = Life()
    yield one
    assert one.clock.getDelayedCalls() == []


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """What is logged meanwhile."""
    seen: list[LogEvent] = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


def test_a_life(life: Life) -> None:
    """It is ready once it has registered, and gone once it has ended."""
    process = life.start()
    assert (life.generation.phase, life.generation.pid) == (Phase.STARTING, 1)
    process.register()
    process.register()  # another address, or the same once more
    assert life.generation.phase is Phase.READY
    process.end()
    assert (life.generation.phase, life.generation.pid) == (Phase.GONE, None)
    assert life.owner.told == ["ready", "gone"]
    assert not life.generation.asked


def test_an_end_that_was_asked_for(life: Life) -> None:
    """SIGTERM once, however often it is asked for."""
    process = life.start()
    process.register()
    life.generation.terminate()
    life.generation.terminate()
    assert (life.generation.phase, process.signals) == (Phase.DRAINING, ["TERM"])
    process.end()
    assert life.generation.asked
    life.generation.terminate()
    assert process.signals == ["TERM"]


def test_a_process_that_does_not_end(life: Life) -> None:
    """It is killed when its time is over."""
    process = life.start()
    life.generation.terminate()
    life.clock.advance(KILL_AFTER - 0.1)
    assert process.signals == ["TERM"]
    life.clock.advance(0.1)
    assert process.signals == ["TERM", "KILL"]
    process.end("was ended by signal 9")


def test_one_that_does_not_answer(life: Life) -> None:
    """It is killed, once, when its time is over: a failure."""
    process = life.start()
    life.generation.silent(1000.0)  # there are other limits for a start
    process.register()
    life.generation.silent(UNRESPONSIVE_FOR - 1)
    assert process.signals == []
    life.generation.silent(UNRESPONSIVE_FOR)
    life.generation.silent(UNRESPONSIVE_FOR + 1)
    assert process.signals == ["KILL"]
    process.end("was ended by signal 9")
    assert life.generation.reason == "has not answered for 90 s, and was killed"
    assert not life.generation.asked


def test_one_that_may_be_silent(life: Life) -> None:
    """Without a limit it is let be, and so is one that drains: that has a limit of its own."""
    life.generation._limits = Limits(unresponsive=None)
    process = life.start()
    process.register()
    life.generation.silent(1e6)
    life.generation._limits = Limits()
    life.generation.drain()
    life.generation.silent(1e6)
    assert process.signals == []
    process.end()


def test_one_that_cannot_be_started(life: Life) -> None:
    """That is its end, and says why."""
    life.spawner.error = "there is no user nobody-at-all"
    life.generation.start(life.spawner.spawn)
    assert life.owner.told == ["gone"]
    assert life.generation.phase is Phase.GONE
    assert life.generation.reason == "cannot be started: there is no user nobody-at-all"


def test_what_it_says(life: Life, events: list[LogEvent]) -> None:
    """Its output is logged: Twisted's JSON as the event it was, everything else as it is."""
    process = life.start()
    del events[:]
    said = {"log_level": LogLevel.warn, "log_format": "careful: {what}", "what": "a step"}
    for line in [b"hello", eventAsJSON(said).encode(), b'{"a": 1}', b"{no JSON", b"\xff"]:
        process.watcher.said(line)
    assert [(event["log_level"].name, formatEvent(event)) for event in events] == [
        ("info", "one: hello"),
        ("warn", "one: careful: a step"),
        ("info", 'one: {"a": 1}'),
        ("info", "one: {no JSON"),
        ("info", "one: \N{REPLACEMENT CHARACTER}"),
    ]
    process.end()


def test_a_drain(life: Life) -> None:
    """It is told over its link, and ended when it says that it is drained."""
    process = life.start()
    process.register()
    life.generation.drain()
    life.generation.drain()
    assert (life.generation.phase, life.generation.asked) == (Phase.DRAINING, True)
    assert (process.link.did, process.signals) == ([DRAIN_FOR], [])
    life.clock.advance(DRAIN_FOR - 1)
    process.watcher.drained(0)
    assert process.signals == ["TERM"]
    process.end()


def test_a_drain_without_an_end(life: Life) -> None:
    """Its time is limited; then it is ended as any other."""
    process = life.start()
    process.register()
    life.generation.drain()
    life.clock.advance(DRAIN_FOR)
    assert process.signals == ["TERM"]
    life.clock.advance(KILL_AFTER)
    assert process.signals == ["TERM", "KILL"]
    process.end()


def test_a_drain_without_hurry(life: Life) -> None:
    """It has the time that it is given instead of the usual one."""
    process = life.start()
    process.register()
    life.generation.drain(10 * DRAIN_FOR)
    assert process.link.did == [10 * DRAIN_FOR]
    life.clock.advance(10 * DRAIN_FOR - 1)
    assert process.signals == []
    life.clock.advance(1)
    assert process.signals == ["TERM"]
    process.end()


def test_a_drain_of_one_that_does_not_know_how(life: Life) -> None:
    """It gets no more connections, SIGTERM, and as much time."""
    process = life.start()
    process.link.drains = False
    process.register()
    life.generation.drain()
    assert (process.link.did, process.signals) == (["withdraw"], ["TERM"])
    life.clock.advance(DRAIN_FOR - 1)
    assert process.signals == ["TERM"]
    life.clock.advance(1)
    assert process.signals == ["TERM", "KILL"]
    process.end()


def test_a_drain_of_one_that_has_no_connection_yet(life: Life) -> None:
    """There is nothing to wait for but its end."""
    process = life.start()
    life.generation.drain()
    assert process.signals == ["TERM"]
    process.end()


def test_ended_while_it_drains(life: Life) -> None:
    """A stop does not wait for what it has."""
    process = life.start()
    process.register()
    life.generation.drain()
    life.generation.terminate()
    assert process.signals == ["TERM"]
    process.end()
