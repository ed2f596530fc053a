"""Another configuration for a running service: all of it, or none."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netshare.addresses import parse_base_address, parse_via
from netshare.config import Configuration, configure
from netshare.control.management import ReloadFailed
from netshare.tap import SharingService
from tests.peers.drivers import free_port


class Process:
    """A process that was spawned in memory."""

    pid = 4711

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.pipes: dict[int, Any] = {}
        self.signals: list[str] = []

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)
        self.protocol.processExited(Failure(RuntimeError("ended")))

    def loseConnection(self) -> None:
        pass


class Reactor(MemoryReactorClock):
    """Spawns processes in memory; ports and files are real."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []

    def spawnProcess(self, protocol: Any, *args: Any, **options: Any) -> Process:
        process = Process(protocol)
        protocol.makeConnection(process)
        self.processes.append(process)
        return process

    def adoptStreamConnection(self, fileDescriptor: int, family: int, factory: Any) -> Any:
        protocol = factory.buildProtocol(None)
        protocol.transport = Process(protocol)
        return protocol.transport

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)


class Running:
    """A service whose configuration can be replaced."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.reactor: Any = Reactor()
        self.options: dict[str, Any] = {
            "control": str(directory / "control"),
            "interface": ["127.0.0.1"],
        }
        self.service = SharingService(self.reactor, self.configuration(), read=self.configuration)
        before = signal.getsignal(signal.SIGHUP)
        self.service.startService()
        signal.signal(signal.SIGHUP, before)

    def configuration(self) -> Configuration:
        """As it would be read now."""
        return configure(self.options, {})

    def address(self, path: str) -> str:
        return f"net.tcp://+:{self.port}/{path}"

    def reload(self, **options: Any) -> dict[str, list[str]]:
        """Read it again; what is different, without what is empty."""
        self.options.update(options)
        results: list[Any] = []
        ensureDeferred(self.service.reload()).addBoth(results.append)
        self.reactor.advance(0)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return {key: value for key, value in results[0].items() if value}

    def listens(self) -> bool:
        """Whether somebody can connect to the port."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def served(self, path: str) -> bool:
        """Whether an address has a route."""
        return self.service.shared.tree.get(parse_base_address(self.address(path))) is not None


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service with nothing in its configuration."""
    made = Running(tmp_path)
    yield made
    made.service.stopService()
    for _ in range(200):
        made.reactor.advance(0.1)


def test_relays_come_and_go(running: Running) -> None:
    """A relay is served with its port as soon as it is in the file, and no longer than that."""
    relay = f"{running.address('r')}=tcp:127.0.0.1:1"
    assert running.reload(relay=[relay]) == {"added": [f"relay {running.address('r')}"]}
    assert (running.served("r"), running.listens()) == (True, True)
    assert running.reload(relay=[relay]) == {}
    changed = {"changed": [f"relay {running.address('r')}"]}
    assert running.reload(relay=[relay + ",connectTimeout=1"]) == changed
    assert (running.served("r"), running.listens()) == (True, True)
    assert running.reload(relay=[]) == {"removed": [f"relay {running.address('r')}"]}
    assert (running.served("r"), running.listens()) == (False, False)


def test_only_what_changed_is_touched(running: Running) -> None:
    """A worker whose line is as it was goes on; one that changed is ended and started again."""
    one, other = (f"{running.address(path)}=json:loads" for path in "ab")
    running.reload(worker=[one, other])
    assert len(running.reactor.processes) == 2
    running.reload(worker=[one, other + ",preamble=consume"])
    signals = [process.signals for process in running.reactor.processes]
    assert signals == [[], ["TERM"], []]
    running.reload(worker=[one])
    assert running.reactor.processes[0].signals == []
    assert running.reactor.processes[2].signals == ["TERM"]


def test_an_address_may_go_from_a_relay_to_a_worker(running: Running) -> None:
    """The same address, served in another way, is one change."""
    running.reload(relay=[f"{running.address('x')}=tcp:127.0.0.1:1"])
    running.reload(relay=[], worker=[f"{running.address('x')}=json:loads"])
    assert running.served("x")
    assert len(running.reactor.processes) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"receiveTimeout": "soon"},
        {"relay": ["net.tcp://+:9/r=tcp:127.0.0.1:1"]},
        {"listen": ["systemd:domain=INET:name=nothing"]},
    ],
)
def test_a_mistake_changes_nothing(running: Running, wrong: dict[str, Any]) -> None:
    """What is wrong is said, and everything else in the file stays as it was, too."""
    worker = f"{running.address('w')}=json:loads"
    with pytest.raises(ReloadFailed):
        running.reload(worker=[worker], **wrong)
    assert not running.served("w")
    assert not running.listens()
    assert running.reactor.processes == []


def test_a_port_that_is_taken_changes_nothing(running: Running) -> None:
    """A port that another program has fails the whole, and gives back what was opened for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad = f"net.tcp://+:{taken.getsockname()[1]}/r=tcp:127.0.0.1:1"
        good = f"{running.address('r')}=tcp:127.0.0.1:1"
        with pytest.raises(ReloadFailed, match="cannot be opened"):
            running.reload(relay=[good, bad])
        assert (running.served("r"), running.listens()) == (False, False)


def test_an_address_that_is_served_by_others(running: Running) -> None:
    """An address that a Factory in this process has is not taken from it."""
    endpoint = running.service.shared.endpointFor(running.address("mine"))
    endpoint.listen(Any)  # type: ignore[arg-type]
    with pytest.raises(ReloadFailed, match="is served already"):
        running.reload(relay=[f"{running.address('mine')}=tcp:127.0.0.1:1"])


def test_permissions(running: Running) -> None:
    """Reservations and users apply at once, and stats shows them."""
    shared = running.service.shared
    running.service._read = lambda: configure(
        running.options,
        {"reservation": [{"address": running.address("kept"), "users": ["root"]}]},
    )
    changed = running.reload(**{"allow-user": ["root"], "allow-port": ["1-"]})
    assert changed == {"changed": ["allow-user", "reservation", "allow-port"]}
    via = parse_via(running.address("kept").replace("+", "h") + "/x")
    assert shared.tree.reservation(via) is not None
    assert shared.status.stats()["settings"]["allow-port"] == "1-65535"
    assert 9 in shared.ports.allowed
    running.service._read = running.configuration
    running.reload()
    assert shared.tree.reservation(via) is None


def test_what_takes_a_restart_is_said(running: Running) -> None:
    """Limits and paths stay as they are until the next start, which is said each time."""
    for _ in range(2):
        assert running.reload(receiveTimeout="5") == {"restart": ["receiveTimeout"]}
    assert running.service.shared.quotas.receiveTimeout == 30.0


def test_without_options_there_is_nothing_to_read(tmp_path: Path) -> None:
    """A service that was made in another way says so."""
    service = SharingService(Reactor(), configure({"control": str(tmp_path / "c")}, {}))
    results: list[Any] = []
    ensureDeferred(service.reload()).addErrback(results.append)
    assert results[0].check(ReloadFailed)
