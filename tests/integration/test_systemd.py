"""
The service under a real systemd: sockets and a store that outlive it, and a watchdog.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK
from tests.helpers.places import ROOT
from tests.integration.managing import PROGRAM, NoManager, UserManager
from tests.integration.restarting import SELF_REGISTERED, Load, Place, until
from tests.peers.drivers import free_port

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists() or shutil.which("unshare") is None, reason="needs systemd and unshare"
)

#: What a manager without privileges, and without a user netshare, can do of the service's unit.
KEPT = (
    *("[", "Requires=", "After=", "Type=", "WatchdogSec=", "FileDescriptorStoreMax=", "Restart="),
    *("KillMode=", "TimeoutStopSec=", "RuntimeDirectory", "LimitNOFILE="),
)


class Managed(Place):
    """The units of the repository, and workers, under a manager of the test's own."""

    def __init__(self, directory: Path, cleanup: ExitStack) -> None:
        super().__init__(directory, cleanup)
        try:
            self.manager = UserManager(directory)
        except NoManager as error:
            pytest.skip(f"no systemd --user can be had here: {error}")
        cleanup.callback(self.manager.close)
        self.control = self.manager.runtime / "netshare" / "control"

    def install(self, *options: str, port: bool = True, settings: str = "") -> None:
        """
        Start the units.

        :param options: of the service
        :param port: whether there is a socket unit for the port
        :param settings: more of the service's unit
        """
        self.listening.close()  # now the number is free
        binaries = Path(sys.executable).parent
        listen = ("--listen=systemd:domain=INET6:name=netshare",) if port else ()
        command = " ".join((f"{binaries}/twistd --nodaemon --pidfile= netshare", *listen, *options))
        lines = [line for line in self._lines("netshare.service") if line.startswith(KEPT)]
        service = "\n".join(lines).replace("[Install]", "")
        if not port:
            service = service.replace(" netshare.socket", " ").replace("=netshare.socket", "=")
        reload = f"ExecReload={binaries}/netshare take-over --control {self.control}"
        environment = f"Environment=PYTHONPATH={self.environment['PYTHONPATH']}"
        self.manager.unit(
            "netshare.service",
            f"{service}\nExecStart={command}\n{reload}\nRestartSec=0\nStartLimitBurst=0\n{environment}\n"
            f"WorkingDirectory={self.directory}\n{settings}\n",
        )
        for name in ("netshare.socket", "netshare-control.socket"):
            text = "\n".join(self._lines(name)).replace("/run/netshare", "%t/netshare")
            text = text.replace("ListenStream=808", f"ListenStream={self.port}")
            self.manager.unit(name, text)
        self.manager.ctl("daemon-reload")
        self.manager.ctl("start", "netshare.service")

    def _lines(self, name: str) -> list[str]:
        return (ROOT / "systemd" / name).read_text("utf-8").splitlines()

    @property
    def pid(self) -> int:
        """The service's process."""
        return int(self.manager.show("netshare.service", "MainPID"))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the service, and wait until systemd has started another one."""
        old = self.pid
        os.kill(old, number)
        until(lambda: self.pid not in (0, old) and self.active())

    def active(self) -> bool:
        return self.manager.show("netshare.service", "ActiveState") == "active"


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    with ExitStack() as cleanup:
        yield Managed(tmp_path, cleanup)


def lost(load: Load) -> dict[str, int]:
    """What became of clients that were not served."""
    load.stop()
    assert load.outcomes.pop("served") > 50
    return dict(load.outcomes)


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_restart_with_held_sockets(managed: Managed, how: str) -> None:
    """With the socket units no client is refused, and workers keep what they have."""
    managed.install()
    managed.worker("one", "two")
    until(lambda: managed.served("one") and managed.served("two"))
    with socket.create_connection(("127.0.0.1", managed.port), 20) as long:
        long.sendall(managed.opening("one"))
        long.recv(100)
        load = Load(managed, ["one", "two"], 100)
        for _ in range(3):
            time.sleep(0.3)
            if how == "restart":
                managed.manager.ctl("restart", "netshare.service")
            else:
                managed.kill()
            until(lambda: managed.served("one"))
        failures = lost(load)
        long.sendall(b"still there")
        assert long.recv(100) == b"still there"
    # What the service had in its hands when it was killed is gone: a fraction of a millisecond's.
    assert sum(failures.values()) <= (0 if how == "restart" else 6), failures
    assert not any("refused" in what for what in failures), failures


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_restart_with_the_store(managed: Managed, how: str) -> None:
    """Ports that the service opens itself, named or asked for, are kept: no client is refused."""
    asked = free_port()
    managed.install(f"--listen=tcp:{managed.port}", "--interface=127.0.0.1", port=False)
    managed.worker("one")
    other = Place.__new__(Managed)
    other.__dict__.update(managed.__dict__, port=asked)
    other.worker("one")
    until(lambda: managed.served("one") and other.served("one"))
    loads = [Load(managed, ["one"], 50), Load(other, ["one"], 50)]
    for _ in range(3):
        time.sleep(0.3)
        if how == "restart":
            managed.manager.ctl("restart", "netshare.service")
        else:
            managed.kill()
        until(lambda: managed.served("one") and other.served("one"))
    failures = [lost(load) for load in loads]
    total = sum(sum(some.values()) for some in failures)
    assert total <= (0 if how == "restart" else 6), failures
    assert not any("refused" in what for some in failures for what in some), failures


def test_links_come_first(managed: Managed) -> None:
    """A worker that has come back while no service ran is there when the service is ready."""
    managed.install(settings="RestartSec=1")
    managed.worker("one")
    until(lambda: managed.served("one"))
    managed.kill()
    said = managed.manager.show("netshare.service", "StatusText")
    assert said.startswith("links: 1, addresses: 1, connections accepted: 0;")


def test_a_service_that_hangs(managed: Managed) -> None:
    """The watchdog ends it, and the next one serves who has waited."""
    managed.install(settings="WatchdogSec=2")
    managed.worker("one")
    until(lambda: managed.served("one"))
    old = managed.pid
    os.kill(old, signal.SIGSTOP)
    assert managed.ask("one", 60).startswith(PREAMBLE_ACK)
    assert managed.pid != old
    assert int(managed.manager.show("netshare.service", "NRestarts")) >= 1


def test_it_lives_longer_than_the_watchdog_waits(managed: Managed) -> None:
    """A service that turns is left alone, and says what it does."""
    managed.install(settings="WatchdogSec=3")
    old = managed.pid
    time.sleep(5)
    assert managed.pid == old
    assert managed.served("nothing") is False
    until(lambda: "accepted: 1;" in managed.manager.show("netshare.service", "StatusText"))


def test_the_control_socket_stays(managed: Managed) -> None:
    """When the service stops, its path is there still, and a worker that connects starts it."""
    managed.install()
    managed.manager.ctl("stop", "netshare.service")
    assert managed.control.is_socket()
    assert managed.control.stat().st_mode & 0o777 == 0o666
    managed.worker("one")
    until(managed.active)
    until(lambda: managed.served("one"))


def test_what_a_spawned_worker_knows(managed: Managed) -> None:
    """It cannot speak for the service, nor find its descriptors."""
    managed.install(f"--worker={managed.address('one')}=names:factory,preamble=consume")
    until(lambda: managed.served("one"))
    worker = int(managed.ask("one").removeprefix(PREAMBLE_ACK))
    names = {
        entry.partition(b"=")[0].decode()
        for entry in Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    }
    assert "PATH" in names
    told = ("NOTIFY_", "WATCHDOG_", "LISTEN_", "FDSTORE", "RUNTIME_DIRECTORY", "INVOCATION_ID")
    assert not [name for name in names if name.startswith(told)]


def test_a_reload_is_a_take_over(managed: Managed) -> None:
    """Another process goes on, which systemd knows for the service: watched, stopped, restarted."""
    own = free_port()
    managed.install(
        f"--listen=tcp:{own}:interface=127.0.0.1",
        f"--worker={managed.address('own')}=names:factory,preamble=consume",
        settings="WatchdogSec=3",
    )
    managed.worker("one")
    until(lambda: managed.served("one") and managed.served("own"))
    worker = managed.ask("own")
    pids = [managed.pid]
    load = Load(managed, ["one", "own"], 50)
    for _ in range(3):
        time.sleep(0.3)
        managed.manager.ctl("reload", "netshare.service")
        pids.append(managed.pid)
        assert managed.active()
        assert managed.ask("own") == worker
    failures = lost(load)
    assert not failures, failures
    assert len(set(pids)) == 4
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids[:-1]))
    time.sleep(4)  # longer than the watchdog
    assert managed.pid == pids[-1]
    until(lambda: "links: 2" in managed.manager.show("netshare.service", "StatusText"))
    managed.kill()  # and is noticed, and what was kept is there
    until(lambda: managed.served("one") and managed.served("own"))
    began = time.monotonic()
    managed.manager.ctl("stop", "netshare.service")
    assert managed.manager.show("netshare.service", "Result") == "success"
    assert time.monotonic() - began < 4
    assert "only permitted for main PID" not in managed.manager.log.read_text()


def test_spawned_workers_outlive_a_service_that_is_killed(managed: Managed) -> None:
    """They are the same processes afterwards, with the connections that they had."""
    paths = ["one", "two", "three", "four"]
    managed.install(
        *(f"--worker={managed.address(path)}=names:factory,preamble=consume" for path in paths)
    )
    until(lambda: all(managed.served(path) for path in paths))
    workers = {path: managed.ask(path) for path in paths}
    with socket.create_connection(("127.0.0.1", managed.port), 20) as long:
        long.sendall(managed.opening("one"))
        long.recv(100)
        load = Load(managed, paths, 100)
        for _ in range(3):
            time.sleep(0.3)
            managed.kill()
            until(lambda: all(managed.served(path) for path in paths))
        failures = lost(load)
        long.sendall(b"still there")
        assert long.recv(100) == b"still there"
    assert {path: managed.ask(path) for path in paths} == workers
    assert sum(failures.values()) <= 6, failures  # what the service had in its hands
    assert not any("refused" in what for what in failures), failures
    # One that dies afterwards is noticed, and one that died meanwhile.
    pids = [int(answer.removeprefix(PREAMBLE_ACK)) for answer in workers.values()]
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: managed.served("one") and managed.ask("one") != workers["one"])
    os.kill(pids[1], signal.SIGKILL)
    managed.kill()
    until(lambda: managed.served("two") and managed.ask("two") != workers["two"])
    assert managed.ask("three") == workers["three"]
    managed.manager.ctl("stop", "netshare.service")
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_workers_that_are_units(managed: Managed) -> None:
    """
    systemd starts them for the service, and what is in the unit may register; they outlive the
    service, are recycled, started again, and end with it.
    """
    program = managed.directory / "program.py"
    program.write_text(SELF_REGISTERED)
    command = [sys.executable, str(program), str(managed.control), managed.address("one")]
    managed.manager.unit(
        "orders@.service",
        f"[Service]\nExecStart={' '.join(command)}\n"
        f"Environment=PYTHONPATH={managed.environment['PYTHONPATH']}\n",
    )
    file = managed.directory / "netshare.toml"
    file.write_text(
        f'[[worker]]\naddress = "{managed.address("one")}"\nunit = "orders@%i.service"\n'
    )
    managed.install(f"--config={file}")
    until(lambda: managed.served("one"))

    def pid_of_unit(number: int) -> bytes:
        return managed.manager.show(f"orders@{number}.service", "MainPID").encode()

    def pid() -> bytes:
        return managed.ask("one").removeprefix(PREAMBLE_ACK).strip()

    first = pid()
    assert first == pid_of_unit(1)
    managed.kill()
    until(lambda: managed.served("one"))
    assert pid() == first
    managed.manager.ctl("reload", "netshare.service")
    until(lambda: managed.served("one"))
    assert pid() == first
    recycle = [sys.executable, "-m", "netshare.cli", "recycle", "--wait", managed.address("one")]
    subprocess.run([*recycle, f"--control={managed.control}"], check=True, timeout=60)
    second = pid()
    assert second == pid_of_unit(2)
    until(lambda: pid_of_unit(1) == b"0")
    os.kill(int(second), signal.SIGKILL)
    until(lambda: managed.served("one"))
    assert pid() in (pid_of_unit(1), pid_of_unit(2))
    managed.manager.ctl("stop", "netshare.service")
    until(lambda: (pid_of_unit(1), pid_of_unit(2)) == (b"0", b"0"))


def test_a_reload_that_fails(managed: Managed) -> None:
    """The process that runs serves on, and the next attempt may succeed."""
    file = managed.directory / "netshare.toml"
    file.write_text("")
    managed.install(f"--config={file}")
    managed.worker("one")
    until(lambda: managed.served("one"))
    old = managed.pid
    file.write_text("listen = 3")
    managed.manager.ctl("reload", "netshare.service", check=False)
    assert managed.pid == old
    assert managed.active()
    assert managed.served("one")
    file.write_text("")
    managed.manager.ctl("reload", "netshare.service")
    assert managed.pid != old
    assert managed.served("one")
