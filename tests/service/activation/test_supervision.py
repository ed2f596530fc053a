"""All workers that a service starts itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred

from netshare.addresses import parse_base_address
from netshare.control.protocol import ControlProtocol
from netshare.service.activation import inheritance, supervision
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import DRAIN_FOR, NO_HURRY, RecycleAfter
from netshare.service.activation.recycling import LOOK_EVERY
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.activation.worker import NotServing
from netshare.service.quotas import Quotas
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.service.shared import SharedPort
from netshare.service.workers.lanes import AmpLane
from netshare.service.workers.route import WorkerRoute
from netshare.testing import AdoptingReactor, RecordedArrival
from tests.helpers.processes import FakeLink, FakeProcess, FakeSpawner

A = parse_base_address("net.tcp://+/a")


class Setting:
    """A supervisor whose processes are not real."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *specs: WorkerSpec,
        quotas: Quotas | None = None,
    ) -> None:
        self.spawner = FakeSpawner()
        monkeypatch.setattr(supervision, "Spawner", lambda *_: self.spawner)

        def adopt(reactor: Any, watcher: Any, pid: int, ends: Any) -> FakeProcess:
            return FakeProcess(pid, watcher)

        monkeypatch.setattr(inheritance, "AdoptedProcess", adopt)
        monkeypatch.setattr(supervision, "drop_ambient_capabilities", lambda: None)
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, quotas)
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


def test_a_changed_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are exchanged one after the other, and their number is brought into line."""
    one = Setting(monkeypatch, spec("a", 3))
    one.supervisor.start()
    processes = one.spawner.processes
    for process in processes:
        process.register()
    ensureDeferred(one.supervisor.change([spec("a", 3)], [spec("a", 2)]))
    assert [process.link.did for process in processes] == [[], [], [90.0], []]
    assert [worker.state for worker in one.supervisor.workers] == [State.RECYCLING, State.SERVING]
    one.spawner.last.register()
    assert processes[0].link.did == [90.0]
    assert [worker.state for worker in one.supervisor.workers] == [State.SERVING, State.RECYCLING]
    one.spawner.last.register()
    assert one.supervisor.describe(A) == {"worker": "serving"}
    families: list[Any] = []
    monkeypatch.setattr(
        supervision, "descends_from", lambda pid, pids: families.append(pids) or True
    )
    assert one.supervisor.started(99)
    assert families == [{1, 2, 3, 4, 5}]  # those that are draining are known
    ended: list[Any] = []
    one.supervisor.stop().addBoth(ended.append)
    for process in processes:
        assert ended == []
        process.end()
    assert len(ended) == 1
    assert one.reactor.getDelayedCalls() == []


def test_recycling_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process after the other; when one fails, the next ones are not tried."""
    one = Setting(monkeypatch, spec("a", 2))
    one.supervisor.start()
    for process in one.spawner.processes:
        process.register()
    failures: list[Any] = []
    one.supervisor.recycleAt(A).addErrback(failures.append)
    one.spawner.last.end("was ended by signal 11")
    assert failures[0].check(NotServing)
    assert len(one.spawner.processes) == 3
    described = one.supervisor.describe(A)
    assert described is not None
    assert described["worker"] == "serving"
    assert described["trouble"].endswith("the old process serves on: was ended by signal 11")


def test_starting_and_stopping_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is over when its last process has ended, or serves."""
    one = Setting(monkeypatch, spec("a", 2), spec("b"))
    one.supervisor.start()
    done: list[Any] = []
    one.supervisor.stopAt(A, drain=False).addBoth(done.append)
    for process in one.spawner.processes[:2]:
        assert done == []
        process.end()
    assert (done, one.supervisor.describe(A)) == ([None], {"worker": "stopped"})
    one.supervisor.startAt(A).addBoth(done.append)
    for process in one.spawner.processes[3:]:
        assert done == [None]
        process.register()
    assert (done, one.supervisor.describe(A)) == ([None, None], {"worker": "serving"})
    assert one.spawner.processes[2].signals == []
    assert one.supervisor.describe(parse_base_address("net.tcp://+/c")) is None


def test_limits_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process at a time is replaced when it has come to a limit."""
    limited = replace(spec("a", 2), recycleAfter=RecycleAfter(age=100))
    one = Setting(monkeypatch, limited)
    one.supervisor.start()
    for process in one.spawner.processes:
        process.register()
    one.reactor.pump([LOOK_EVERY] * 89)
    assert len(one.spawner.processes) == 2
    for _ in range(12):
        one.reactor.advance(LOOK_EVERY)
        assert len(one.spawner.processes) <= 3
    assert len(one.spawner.processes) == 3
    one.spawner.last.register()
    one.reactor.pump([LOOK_EVERY] * 2)
    assert len(one.spawner.processes) == 4
    one.spawner.last.register()
    one.reactor.pump([LOOK_EVERY] * 50)
    assert len(one.spawner.processes) == 4
    one.supervisor.stop()
    for process in one.spawner.processes:
        process.end()
    assert one.reactor.getDelayedCalls() == []


def test_files_are_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All processes of an address are exchanged after a change, one after the other, once."""
    code = tmp_path / "code"
    code.write_text("one")
    one = Setting(monkeypatch, replace(spec("a", 2), recycleAfter=RecycleAfter(files=(str(code),))))
    one.supervisor.start()
    for process in one.spawner.processes:
        process.register()
    one.reactor.pump([LOOK_EVERY] * 10)
    assert len(one.spawner.processes) == 2
    code.write_text("another")
    for count in (3, 4):
        one.reactor.pump([LOOK_EVERY] * 2)
        assert len(one.spawner.processes) == count
        one.spawner.last.register()
    one.reactor.pump([LOOK_EVERY] * 10)
    assert [process.link.did for process in one.spawner.processes] == [[90.0], [90.0], [], []]
    one.supervisor.stop()
    for process in one.spawner.processes:
        process.end()
    assert one.reactor.getDelayedCalls() == []


class Pooled(Setting):
    """An address that one to three processes serve, and connections that wait for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch, replace(spec("a"), maxProcesses=3, surplusTimeout=60.0))
        self.supervisor.start()
        self.spawner.last.register()

        route = self.shared.tree.get(A)
        assert isinstance(route, WorkerRoute)
        self.route = route

    def wait(self, count: int) -> None:
        self.route.addLane(BUSY)
        for _ in range(count):
            self.shared.factory.router(RecordedArrival("net.tcp://localhost/a"))
        assert self.route.waiting == count

    def grow(self) -> None:
        """Have one process more."""
        self.wait(1)
        self.look(0.5)
        self.spawner.last.register()
        self.route.stop("it has waited enough")
        assert len(self.supervisor.workers) == 2

    def look(self, seconds: float) -> list[str]:
        """Let time pass, and see which workers there are then."""
        self.reactor.pump([0.25] * int(seconds / 0.25))
        return [worker.name for worker in self.supervisor.workers]


class Busy(AmpLane):
    """A lane that takes nothing."""

    def takes(self, address: object) -> bool:
        return False


BUSY = Busy(AdoptingReactor(), ControlProtocol(), 10, Quotas(), "busy")


def test_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows while connections wait and each of its processes serves, and shrinks later."""
    one = Pooled(monkeypatch)
    assert one.look(5) == ["a/1"]
    one.wait(2)
    assert one.look(2) == ["a/1", "a/2"]
    one.spawner.last.register()
    assert one.look(2) == ["a/1", "a/2", "a/3"]
    one.spawner.last.register()
    assert one.look(15) == ["a/1", "a/2", "a/3"]  # until the two have waited for too long
    assert one.look(45) == ["a/1", "a/2", "a/3"]
    assert one.look(15) == ["a/1", "a/2"]
    assert one.spawner.last.link.did == [NO_HURRY]
    one.spawner.last.watcher.drained(0)
    one.spawner.last.end()
    assert one.look(60) == ["a/1"]
    assert one.look(600) == ["a/1"]
    stopped = one.supervisor.stop()
    for process in one.spawner.processes:
        process.end()
    assert stopped.called
    assert one.reactor.getDelayedCalls() == []


def test_a_pool_that_is_recycled_while_it_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has gone is not waited for."""
    one = Pooled(monkeypatch)
    one.grow()
    one.look(55)
    done: list[Any] = []
    one.supervisor.recycleAt(A).addBoth(done.append)
    one.look(10)
    assert [worker.name for worker in one.supervisor.workers] == ["a/1"]
    one.spawner.last.register()
    assert done == [None]


def test_a_surplus_process_ends_while_another_one_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits for the one that restarts waits on."""
    one = Pooled(monkeypatch)
    one.grow()
    assert one.look(80) == ["a/1"]
    one.route.removeLane(BUSY)
    one.spawner.processes[0].end()
    assert one.route.expected
    one.spawner.processes[1].end()
    assert one.route.expected


def test_a_changed_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has grown to is kept within the new bounds; without any it is as before."""
    one = Pooled(monkeypatch)
    one.grow()
    before = replace(spec("a"), maxProcesses=3)
    changing = one.supervisor.change([before], [replace(before, maxProcesses=4)])
    ensureDeferred(changing)
    assert len(one.supervisor.workers) == 2
    ensureDeferred(one.supervisor.change([before], [spec("a")]))
    assert len(one.supervisor.workers) == 1
    assert one.look(100) == ["a/1"]
    ensureDeferred(one.supervisor.change([spec("a")], []))
    for process in one.spawner.processes:
        process.end()
    assert one.supervisor.workers == []


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


def pids(supervisor: Supervisor) -> list[list[int]]:
    return [worker.pids for worker in supervisor.workers]


def test_to_another_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on with all processes, and starts only those of workers that are new."""
    old = Setting(monkeypatch, spec("a", 2), spec("b"))
    old.supervisor.start()
    for process in old.spawner.processes:
        process.register()
    new = Setting(monkeypatch, spec("b"), spec("a", 2), spec("c"))
    new.supervisor.resume(list(old.supervisor.handed_over()))
    old.supervisor.letGo()
    assert [one.signals for one in old.spawner.processes] == [["let go"]] * 3
    assert (old.supervisor.workers, old.supervisor.started(1)) == ([], False)
    new.supervisor.start()
    assert pids(new.supervisor) == [[3], [1], [2], [1]]
    assert new.supervisor.describe(A) == {"worker": "serving"}
    watcher: Any = new.supervisor.watcherOf(3)
    assert watcher is new.supervisor.workers[0].current
    assert new.supervisor.watcherOf(4) is None
    new.supervisor.letGo()


def test_what_the_other_service_started_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not wanted any more is drained, what is started in another way is recycled."""
    old = Setting(monkeypatch, spec("a", 2), spec("b"))
    old.supervisor.start()
    for process in old.spawner.processes:
        process.register()
    new = Setting(monkeypatch, replace(spec("a"), target="c:d"))
    links = [FakeLink() for _ in range(3)]
    new.supervisor.resume(list(old.supervisor.handed_over()))
    for pid, link in enumerate(links, 1):
        watcher: Any = new.supervisor.watcherOf(pid)
        watcher.registered(link)
    assert [link.did for link in links] == [[], [], []]
    new.supervisor.start()
    drained = [DRAIN_FOR]
    assert [link.did for link in links] == [[], drained, drained]
    (worker,) = new.supervisor.workers
    assert worker.state is State.RECYCLING
    new.spawner.last.register()
    assert links[0].did == drained
    assert {pid for pid in (1, 2, 3) if new.supervisor.watcherOf(pid)} == {1, 2, 3}
    third = Setting(monkeypatch)
    third.supervisor.resume(list(new.supervisor.handed_over()))
    third.supervisor.start()
    assert {pid for pid in (1, 2, 3) if third.supervisor.watcherOf(pid)} == {1, 2, 3}
    for one in (new, third):
        one.supervisor.letGo()


def test_processes_that_are_to_register_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections wait for them; one that has not within its time is ended, and another starts."""
    monkeypatch.setattr(supervision, "user_of", lambda pid: 1000)
    new = Setting(monkeypatch, spec("a", 2))
    records = []
    for number in (1, 2):
        records += [
            Handed(WorkerRecord("net.tcp://+/a", number, "a", "", "starting")),
            Handed(ChildRecord("current", number, 1, "starting", 9.0, 8.0, start=10.0), (0,)),
        ]
    new.supervisor.resume(records)
    route = new.shared.tree.get(A)
    assert isinstance(route, WorkerRoute)
    assert route.expected
    back = new.supervisor.comesBack(1, 1000, A)
    assert back is not None
    back.registered(FakeLink())
    late: Any = new.supervisor.watcherOf(2)
    process = late.process
    new.reactor.advance(10)
    assert process.signals == ["KILL"]
    process.end()
    assert [worker.state for worker in new.supervisor.workers] == [State.SERVING, State.RESTARTING]
    described = new.supervisor.describe(A)
    assert described == {
        "worker": "serving",
        "trouble": "a/2 did not register its address within 10 s",
    }
    new.supervisor.letGo()


def test_what_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in a state that this release does not know starts anew."""
    new = Setting(monkeypatch, spec("a"))
    new.supervisor.resume([Handed(WorkerRecord("net.tcp://+/a", 1, "a", "", "dancing"))])
    new.supervisor.start()
    assert pids(new.supervisor) == [[1]]


def test_a_worker_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by its number and its user while it has no link, for its own address only."""
    users = {1: 4001, 2: 4001}
    monkeypatch.setattr(supervision, "user_of", users.get)
    one = Setting(monkeypatch, spec("a"), spec("b"))
    one.supervisor.start()
    process, _ = one.spawner.processes
    process.register()
    assert one.supervisor.comesBack(1, 4001, A) is None
    process.lose()
    watcher: Any = one.supervisor.comesBack(1, 4001, A)
    assert watcher is one.supervisor.workers[0].current
    b = parse_base_address("net.tcp://+/b")
    other = parse_base_address("net.tcp://+/c")
    for pid, uid, address in ((1, 4002, A), (2, 4001, A), (1, 4001, b), (1, 4001, other)):
        assert one.supervisor.comesBack(pid, uid, address) is None
    watcher.registered(FakeLink())
    process.lose()  # the first link, once more
    assert one.supervisor.comesBack(1, 4001, A) is None
    one.supervisor.letGo()
