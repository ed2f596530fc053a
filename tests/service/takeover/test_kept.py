"""netshare.service.takeover.kept: workers that the service manager keeps for the next process."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from netshare.service.notify import Notifier
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.service.store import DescriptorStore
from netshare.service.takeover.kept import COME_BACK_WITHIN, DELAY, KeptWorkers
from netshare.service.takeover.messages import whole
from netshare.sockets.held import NotPassable
from netshare.sockets.inherited import InheritedDescriptors
from netshare.testing import AdoptingReactor
from tests.helpers.manager import Manager

WORKER = WorkerRecord("net.tcp://+/a", 1, "a", "print", "serving", count=3, delay=0.5)
CHILD = ChildRecord("current", 7, 3, "ready", 4.5, served=4.0, streams=(1, 2), errors=b"half a l")


#: Those of a test, whose processes do not really end.
opened: list[KeptWorkers] = []


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    for kept in opened:
        if kept._notebook is not None:
            kept._notebook.close()
    opened.clear()
    made.close()


class Service:
    """A process of the service, with what the test says it has."""

    def __init__(self, manager: Manager | None) -> None:
        self.reactor: Any = AdoptingReactor()
        self.workers: Iterable[Handed] = []
        passed = InheritedDescriptors(manager.passed() if manager else ())
        notifier = Notifier(str(manager.path) if manager else "")
        store = DescriptorStore(notifier, passed)
        self.kept = KeptWorkers(self.reactor, store, lambda: self.workers)
        self.left = self.kept.begin()
        for handed in self.left:
            for descriptor in handed.descriptors:
                os.close(descriptor)
        if manager is not None:
            opened.append(self.kept)

    def change(self, *workers: Handed) -> None:
        self.workers = list(workers)
        self.kept.changed()
        self.reactor.advance(DELAY)

    def records(self) -> list[Any]:
        return [handed.record for handed in self.left]


@pytest.fixture(autouse=True)
def pidfd() -> Iterator[int]:
    """Of a process that lives."""
    descriptor = os.pidfd_open(os.getpid())
    PIDFD[:] = [descriptor]
    yield descriptor
    os.close(descriptor)


PIDFD: list[int] = []


def child(record: ChildRecord) -> Handed:
    """With descriptors of a process that lives, which says nothing."""
    return Handed(record, (PIDFD[0], 1, 2)[: 1 + len(record.streams)])


def drop(manager: Manager, name: str) -> None:
    """As systemd does when the kernel tells it that nothing comes from there any more."""
    assert name in manager.names()
    for pair in [pair for pair in manager.kept if pair[0] == name]:
        manager.kept.remove(pair)
        os.close(pair[1])


def test_they_come_back(manager: Manager) -> None:
    """A process that served has a while to register again; all else is as it was."""
    first = Service(manager)
    assert first.left == []
    first.change(Handed(WORKER), child(CHILD), Handed(replace(WORKER, number=2)))
    assert sorted(manager.names()) == ["child=7", "child=7=1", "child=7=2", "workers"]
    second = Service(manager)
    assert second.records() == [
        replace(WORKER, state="starting"),
        replace(CHILD, phase="starting", start=COME_BACK_WITHIN),
        replace(WORKER, number=2, state="restarting", restart=0.0),
    ]
    assert [len(handed.descriptors) for handed in second.left] == [0, 3, 0]
    # They are kept on, for one more process.
    second.change(Handed(WORKER), child(CHILD))
    assert sorted(manager.names()) == ["child=7", "child=7=1", "child=7=2", "workers"]
    assert len(Service(manager).left) == 2


def test_changes_are_written_together(manager: Manager) -> None:
    """Not each for itself, and after a moment."""
    service = Service(manager)
    manager.told()
    for _ in range(100):
        service.workers = [Handed(WORKER), child(CHILD)]
        service.kept.changed()
    assert manager.told() == []
    service.reactor.advance(DELAY)
    told = [message["FDNAME"] for message in manager.told() if "FDSTORE" in message]
    assert told == ["child=7", "child=7=1", "child=7=2"]


def test_a_process_that_has_ended(manager: Manager) -> None:
    """It is kept no longer; when it ends while no service runs, its worker starts another one."""
    first = Service(manager)
    other = replace(CHILD, pid=8, role="leaving", phase="draining", streams=(1,))
    first.change(Handed(WORKER), child(CHILD), child(other))
    assert len(manager.names()) == 6
    first.change(Handed(WORKER), child(CHILD))
    assert "child=8" not in manager.names()
    drop(manager, "child=7")
    second = Service(manager)
    assert second.records() == [replace(WORKER, state="restarting", restart=0.0)]
    assert manager.names() == ["workers"]


def test_a_number_that_may_be_another_ones(manager: Manager) -> None:
    """A process that has ended is not waited for, though the manager has its pidfd still."""
    ended = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(ended.pid)
    ended.wait()
    Service(manager).change(Handed(WORKER), Handed(CHILD, (pidfd, 1, 2)))
    os.close(pidfd)
    assert Service(manager).records() == [replace(WORKER, state="restarting", restart=0.0)]
    assert manager.names() == ["workers"]


def test_an_output_that_is_closed(manager: Manager) -> None:
    """A process may live on without one."""
    Service(manager).change(Handed(WORKER), child(CHILD))
    drop(manager, "child=7=1")
    _, found = Service(manager).left
    assert isinstance(found.record, ChildRecord)
    assert (found.record.streams, len(found.descriptors)) == ((2,), 2)


@pytest.mark.parametrize(
    ("state", "stopping", "roles", "expected"),
    [
        ("recycling", False, ["current", "next"], ("starting", ["current", "next"])),
        ("recycling", False, ["next"], ("starting", ["current"])),
        ("recycling", False, ["leaving"], ("restarting", ["leaving"])),
        ("starting", False, ["current"], ("starting", ["current"])),
        ("starting", False, [], ("restarting", [])),
        ("serving", True, ["current"], ("serving", ["current"])),
        ("serving", True, [], ("stopped", [])),
        ("out-of-service", False, [], ("out-of-service", [])),
        ("idle", False, ["leaving"], ("idle", ["leaving"])),
        ("restarting", False, [], ("restarting", [])),
    ],
)
def test_states(
    manager: Manager, state: str, stopping: bool, roles: list[str], expected: tuple[str, list[str]]
) -> None:
    """A worker is as it was, as far as its processes live."""
    record = replace(WORKER, state=state, stopping=stopping)
    children = [
        child(replace(CHILD, pid=number, role=role)) for number, role in enumerate(roles, 1)
    ]
    Service(manager).change(Handed(record), *children)
    worker, *found = Service(manager).records()
    assert (worker.state, [one.role for one in found]) == expected


def test_a_damaged_list(manager: Manager) -> None:
    """It is logged, what can be read is used, and the manager keeps nothing that is not."""
    first = Service(manager)
    first.change(Handed(WORKER), child(CHILD))
    broken = [b64encode(whole(WORKER)).decode(), "?", b64encode(whole(CHILD)).decode()]
    assert first.kept._notebook is not None
    first.kept._notebook.write("\n".join(broken))
    with capturedLogs() as logs:
        second = Service(manager)
    assert second.records() == [replace(WORKER, state="restarting", restart=0.0)]
    assert manager.names() == ["workers"]
    (event,) = logs
    assert str(formatEvent(event)).startswith("what is kept of workers cannot be read: ")


def test_an_end_in_order(manager: Manager) -> None:
    """What was kept stays until the last worker has ended, and then nothing is left."""
    service = Service(manager)
    service.change(Handed(WORKER), child(CHILD))
    service.kept.freeze()
    service.change(Handed(replace(WORKER, stopping=True)))
    assert len(Service(manager).left) == 2
    service.kept.clear()
    assert manager.names() == ["workers"]
    assert Service(manager).left == []


def test_without_pidfds(manager: Manager) -> None:
    """That is a sentence, once, and nothing is left half kept."""
    service = Service(manager)
    service.change(Handed(WORKER), child(CHILD))

    def failing() -> Iterator[Handed]:
        yield Handed(WORKER)
        raise NotPassable("there is no pidfd of process 8")

    service.workers = failing()
    service.kept.changed()
    with capturedLogs() as logs:
        service.reactor.advance(DELAY)
        service.kept.changed()
        assert service.reactor.getDelayedCalls() == []
    assert manager.names() == ["workers"]
    (event,) = logs
    assert formatEvent(event) == (
        "workers are not kept for the next process of the service: there is no pidfd of process 8"
    )


def test_without_a_manager() -> None:
    """Nothing is kept, and nothing is done for it."""
    service = Service(None)
    service.change(Handed(WORKER), child(CHILD))
    assert service.reactor.getDelayedCalls() == []
    service.kept.freeze()
    service.kept.clear()
