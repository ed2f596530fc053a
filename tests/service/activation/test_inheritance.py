"""netshare.service.activation.inheritance: workers as another service has given them."""

from __future__ import annotations

import os

import pytest

from netshare.service.activation.inheritance import inherited, never
from netshare.service.activation.process import SpawnFailed
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.testing import AdoptingReactor


def worker(name: str) -> WorkerRecord:
    return WorkerRecord("net.tcp://+/a", 1, name, "", "serving")


def child(pid: int, *streams: int) -> ChildRecord:
    return ChildRecord("current", pid, 1, "ready", 1.0, streams=streams)


def test_each_with_its_processes() -> None:
    """A process belongs to the worker before it."""
    found = inherited(
        AdoptingReactor(),
        [Handed(worker("a")), Handed(worker("b")), Handed(child(1), (9999,)), Handed(worker("c"))],
    )
    children = [[one.pid for one, _ in some] for _, some in found]
    assert [record.name for record, _ in found] == ["a", "b", "c"]
    assert children == [[], [1], []]


@pytest.mark.parametrize("streams", [(), (1, 2), (3,), (1, 1)])
def test_what_is_not_whole(streams: tuple[int, ...]) -> None:
    """A process without its descriptors, or before any worker, is left out, and they are closed."""
    pipe = os.pipe()
    pipes = pipe if len(streams) != 1 else (*pipe, os.dup(pipe[0]))
    ((_, children),) = inherited(
        AdoptingReactor(), [Handed(worker("a")), Handed(child(1, *streams), pipes)]
    )
    assert children == []
    alone = os.pipe()
    assert inherited(AdoptingReactor(), [Handed(child(1, 1), alone)]) == []
    for descriptor in (*pipes, *alone):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_no_more_processes() -> None:
    """A worker that is not wanted starts none."""
    with pytest.raises(SpawnFailed):
        never(None)  # type: ignore[arg-type]
