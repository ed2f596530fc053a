"""netshare.service.activation.units: workers that are units of systemd."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netshare.service.activation import units
from netshare.service.activation.process import SpawnFailed
from netshare.service.activation.units import SystemManager, UnitStarter, unit_of
from netshare.sockets.held import NotPassable


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def said(self, line: bytes) -> None:
        self.told.append(line)

    def ended(self, how: str) -> None:
        self.told.append(how)


class Reactor(MemoryReactorClock):
    """Starts nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[list[str]] = []
        self.protocols: list[Any] = []

    def spawnProcess(self, protocol: Any, program: str, arguments: Any, **more: Any) -> Any:
        self.commands.append(list(arguments[2:]))
        self.protocols.append(protocol)


class Setting:
    """A starter under a manager that does nothing by itself."""

    def __init__(self, unit: str, **environ: str) -> None:
        self.reactor: Any = Reactor()
        manager = SystemManager(self.reactor, {"PATH": os.environ["PATH"], **environ})
        self.starter = UnitStarter(self.reactor, manager, unit)
        self.watcher: Any = Watcher()

    def spawn(self) -> Any:
        return self.starter.spawn(self.watcher)

    def answer(self, output: str = "", status: int = 0) -> None:
        """Be what the last command says, and how it ends."""
        reason = ProcessTerminated(status) if status else ProcessDone(0)
        self.reactor.protocols[-1].childDataReceived(1, output.encode())
        self.reactor.protocols[-1].processEnded(Failure(reason))

    def run(self) -> tuple[Any, subprocess.Popen[bytes]]:
        """A unit that runs, and its main process."""
        process = self.spawn()
        self.answer()
        main = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.answer(f"{main.pid}\n")
        return process, main

    def end(self, main: subprocess.Popen[bytes]) -> None:
        main.communicate()
        for reader in list(self.reactor.getReaders()):
            reader.doRead()


@pytest.fixture(autouse=True)
def systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were one."""
    monkeypatch.setattr(units.shutil, "which", lambda *_, **__: "/bin/systemctl")


def test_instances() -> None:
    """Each has a number of its own, the lowest that is free."""
    one = Setting("orders@%i.service")
    first, main = one.run()
    second, other = one.run()
    assert (str(first), str(second)) == ("orders@1.service", "orders@2.service")
    assert one.reactor.commands == [
        ["start", "orders@1.service"],
        ["show", "--property=MainPID", "--value", "orders@1.service"],
        ["start", "orders@2.service"],
        ["show", "--property=MainPID", "--value", "orders@2.service"],
    ]
    assert (first.pid, second.pid) == (main.pid, other.pid)
    main.communicate()
    first._end.doRead()
    assert one.watcher.told == [
        '(orders@1.service) has ended: see "systemctl status orders@1.service"'
    ]
    assert str(one.spawn()) == "orders@1.service"
    one.end(other)
    assert one.reactor.getReaders() == []


def test_one_that_runs_once_only() -> None:
    """That is said, and it may be started again when it has ended."""
    one = Setting("orders.service")
    _, main = one.run()
    with pytest.raises(SpawnFailed, match=r"orders\.service runs, and without %i in its name"):
        one.spawn()
    one.end(main)
    one.spawn()


def test_the_manager_of_a_user() -> None:
    """A service that a user's manager runs starts that one's units."""
    one = Setting("orders.service", MANAGERPID="1", SECRET="x")
    one.spawn()
    assert one.reactor.commands == [["--user", "start", "orders.service"]]


def test_without_systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be started."""
    one = Setting("orders.service")
    monkeypatch.setattr(units.shutil, "which", lambda *_, **__: None)
    for _ in range(2):
        with pytest.raises(SpawnFailed, match="there is no systemctl here"):
            one.spawn()


def test_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit is stopped, or gets the signal; what systemctl has against it is logged."""
    one = Setting("orders.service")
    process = one.spawn()
    process.signal("TERM")
    process.signal("KILL")
    assert one.reactor.commands[1:] == [
        ["stop", "--no-block", "orders.service"],
        ["kill", "--signal=KILL", "orders.service"],
    ]
    one.answer("Access denied\n", 1)
    assert one.watcher.told == [b"systemctl: Access denied"]
    monkeypatch.setattr(units.shutil, "which", lambda *_, **__: None)
    process.signal("TERM")
    assert one.watcher.told[1:] == [b"systemctl: there is no systemctl here"]


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("Access denied\n", "(a.service) cannot be started: Access denied"),
        ("", "(a.service) cannot be started: systemctl: "),
    ],
)
def test_one_that_cannot_be_started(said: str, how: str) -> None:
    """systemctl says why, or its status has to do; then it may be tried again."""
    one = Setting("a.service")
    one.spawn()
    one.answer(said, 1)
    assert one.watcher.told[0].startswith(how)
    one.spawn()


@pytest.mark.parametrize("pid", ["0", "", "4194305"])
def test_one_that_has_ended_already(pid: str) -> None:
    """It has no main process any more when that is asked for."""
    one = Setting("a.service")
    one.spawn()
    one.answer()
    one.answer(pid)
    assert one.watcher.told == ['(a.service) has ended: see "systemctl status a.service"']
    one.spawn()


def test_another_service() -> None:
    """It finds the unit by itself: nothing is done here any more."""
    one = Setting("orders.service")
    process, main = one.run()
    assert not process.passes
    with pytest.raises(NotPassable):
        process.ends()
    process.letGo()
    one.end(main)
    assert (one.watcher.told, one.reactor.getReaders()) == ([], [])
    early = Setting("orders.service")
    early.spawn().letGo()
    early.answer()
    assert len(early.reactor.commands) == 1
    later = Setting("orders.service")
    process = later.spawn()
    later.answer()
    process.letGo()
    later.answer(str(os.getpid()))
    assert (later.watcher.told, later.reactor.getReaders()) == ([], [])


USERS = "/user.slice/user-7.slice/user@7.service/app.slice"

GROUPS = [
    ("/system.slice/netshare.service", "/system.slice/orders@1.service", "orders@1.service"),
    ("/system.slice/netshare.service", "/a.slice/a-b.slice/orders@1.service", "orders@1.service"),
    ("/user.slice/user-7.slice/session-3.scope", "/system.slice/o.service", "o.service"),
    # What a user calls a unit of its own, or makes below one.
    (
        "/system.slice/n.service",
        f"{USERS}/o.service",
        None,
    ),
    ("/system.slice/n.service", "/system.slice/x.service/o.service", None),
    (
        f"{USERS}/n.service",
        f"{USERS}/o.service",
        "o.service",
    ),
    (
        f"{USERS}/n.service",
        "/user.slice/user-8.slice/user@8.service/app.slice/o.service",
        None,
    ),
    (
        f"{USERS}/n.service",
        "/system.slice/o.service",
        None,
    ),
    ("", "", None),
]


@pytest.mark.parametrize(("ours", "theirs", "unit"), GROUPS)
@pytest.mark.parametrize("line", ["0::{}", "12:pids:/x\n1:name=systemd:{}"])
def test_the_unit_of_a_process(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ours: str,
    theirs: str,
    unit: str | None,
    line: str,
) -> None:
    """Only the manager that runs the service is believed."""
    for number, path in ((os.getpid(), ours), (4711, theirs)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cgroup").write_text(line.format(path or "/") + "\n")
    monkeypatch.setattr(units, "_PROC", str(tmp_path))
    assert unit_of(4711) == unit
    assert unit_of(4712) is None


def test_whose_process_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is in the unit, whatever its number."""
    process = Setting("orders@%i.service").spawn()
    groups = {1: "orders@2.service", 2: "orders@1.service", 3: None}
    monkeypatch.setattr(units, "unit_of", groups.get)
    assert [process.owns(pid) for pid in (1, 3, 2)] == [False, False, True]
