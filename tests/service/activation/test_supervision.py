"""All workers that a service starts itself."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred

from netshare.addresses import parse_base_address
from netshare.service.activation import supervision
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.activation.worker import State
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor
from tests.helpers.processes import FakeSpawner


class Setting:
    """A supervisor whose processes are not real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *specs: WorkerSpec) -> None:
        self.spawner = FakeSpawner()
        monkeypatch.setattr(supervision, "Spawner", lambda *_: self.spawner)
        monkeypatch.setattr(supervision, "drop_ambient_capabilities", lambda: None)
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor)
        self.supervisor = Supervisor(self.reactor, self.shared.desk, list(specs), "/c", {})

    def served(self) -> list[str]:
        return [str(address) for address in self.shared.registry.addresses()]


def spec(path: str, processes: int = 1) -> WorkerSpec:
    address = parse_base_address(f"net.tcp://+/{path}")
    return WorkerSpec(path, address, target="a:b", processes=processes)


def test_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are started together, by name, and ended together."""
    one = Setting(monkeypatch, spec("a"), spec("b", 2))
    one.supervisor.start()
    workers = one.supervisor.workers
    assert [worker.name for worker in workers] == ["a", "b/1", "b/2"]
    assert [worker.pids for worker in workers] == [[1], [2], [3]]
    ended: list[Any] = []
    one.supervisor.stop().addBoth(ended.append)
    for process in one.spawner.processes:
        assert ended == []
        process.end()
    assert len(ended) == 1


def test_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is removed ends before what is added starts; the rest is not touched."""
    one = Setting(monkeypatch, spec("a"), spec("b"))
    one.supervisor.start()
    kept, leaving = one.supervisor.workers
    done: list[Any] = []
    change = one.supervisor.change([spec("b")], [spec("c")])
    ensureDeferred(change).addBoth(done.append)
    assert (done, len(one.spawner.processes)) == ([], 2)
    one.spawner.processes[1].end()
    assert done == [None]
    assert (leaving.state, kept.pids) == (State.STOPPED, [1])
    assert [worker.name for worker in one.supervisor.workers] == ["a", "c"]
    assert one.served() == ["net.tcp://+/a", "net.tcp://+/c"]


def test_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of a worker is known, and so is what it starts; others are not."""
    one = Setting(monkeypatch, spec("a"))
    families: list[Any] = []
    monkeypatch.setattr(
        supervision, "descends_from", lambda pid, pids: families.append((pid, pids)) or True
    )
    assert not one.supervisor.started(99)
    one.supervisor.start()
    assert one.supervisor.started(99)
    assert families == [(99, {1})]
