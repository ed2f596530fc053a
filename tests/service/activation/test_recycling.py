"""When a process is replaced though nothing is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from netshare.service.activation.generation import Generation
from netshare.service.activation.limits import Limits, RecycleAfter
from netshare.service.activation.recycling import JITTER, Recycling, reason_to_recycle
from tests.helpers.processes import FakeSpawner


class Owner:
    """Does nothing."""

    def ready(self, generation: Generation) -> None:
        pass

    def gone(self, generation: Generation) -> None:
        pass


def begun(pid: int = 7) -> tuple[Clock, Generation, Any]:
    clock, spawner = Clock(), FakeSpawner()
    generation = Generation(clock, "one", 1, Limits(), Owner())
    generation.start(spawner.spawn)
    spawner.last.pid = pid
    return clock, generation, spawner.last


def test_age() -> None:
    """At some time shortly before the limit, not the same for each process."""
    due = set()
    for pid in range(1, 21):
        clock, generation, process = begun(pid)
        process.register()
        while reason_to_recycle(RecycleAfter(age=1000), generation) is None:
            clock.advance(1)
        due.add(clock.seconds())
    assert len(due) > 10
    assert 1000 * (1 - JITTER) <= min(due) <= max(due) <= 1000


def test_connections() -> None:
    """What it was given counts."""
    _, generation, process = begun()
    process.register()
    after = RecycleAfter(connections=100)
    process.link.given = 89
    assert reason_to_recycle(after, generation) is None
    process.link.given = 100
    assert reason_to_recycle(after, generation) == "it was given 100 connections"


@pytest.mark.parametrize(("memory", "due"), [(1024**2, True), (1024**4, False)])
def test_memory(memory: int, due: bool) -> None:
    """What it has resident counts: this test has more than a megabyte, and less than a million."""
    _, generation, process = begun(os.getpid())
    process.register()
    reason = reason_to_recycle(RecycleAfter(memory=memory), generation)
    assert (reason is not None) is due


def test_one_that_does_not_serve() -> None:
    """It is not replaced: before it does, or when it is to end already."""
    clock, generation, process = begun()
    clock.advance(20)
    after = RecycleAfter(age=1)
    assert reason_to_recycle(after, generation) is None
    process.register()
    assert reason_to_recycle(after, generation) == "it is 20 s old"
    generation.drain()
    assert reason_to_recycle(after, generation) is None
    process.end()
    assert reason_to_recycle(after, generation) is None


def test_all_reasons(tmp_path: Path) -> None:
    """Files are one beside the others; a process that does not serve is not asked."""
    code = tmp_path / "code"
    code.touch()
    clock, spawner = Clock(), FakeSpawner()
    recycling = Recycling(RecycleAfter(age=1000, files=("code",)), str(tmp_path))
    generation = Generation(clock, "one", 1, Limits(), Owner())
    generation.start(recycling.noting(spawner.spawn))
    code.write_text("another")
    recycling.look()
    recycling.look()
    assert recycling.reason(generation) is None
    spawner.last.register()
    assert recycling.reason(generation) == "code has changed"
    clock.advance(1000)
    assert recycling.reason(generation) == "it is 1000 s old"


def test_no_files() -> None:
    """Processes are started as they are."""
    spawner = FakeSpawner()
    recycling = Recycling(RecycleAfter(), None)
    assert recycling.noting(spawner.spawn) == spawner.spawn
    recycling.look()
