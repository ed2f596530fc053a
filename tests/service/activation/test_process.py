"""Starting the process of a worker."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.python.failure import Failure

from netshare.addresses import parse_base_address
from netshare.control.paths import CONTROL_VARIABLE, LINK_VARIABLE
from netshare.service.activation.isolation import Isolation
from netshare.service.activation.process import (
    ENVIRONMENT_DESCRIPTOR,
    LINK_DESCRIPTOR,
    REPORT_DESCRIPTOR,
    SpawnedProcess,
    Spawner,
    SpawnFailed,
)
from netshare.service.activation.spec import WorkerSpec
from netshare.service.shared import SharedPort
from netshare.sockets.held import NotPassable
from netshare.testing import AdoptingReactor

SPEC = WorkerSpec("one", parse_base_address("net.tcp://+/one"), command=("run", "me"))


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def said(self, line: bytes) -> None:
        self.told.append(line)

    def ended(self, how: str) -> None:
        self.told.append(how)

    def registered(self, link: Any) -> None:
        self.told.append(link)

    def lost(self, link: Any) -> None:
        self.told.append("lost")

    def drained(self, connections: int | None) -> None:
        self.told.append(connections)


class Transport:
    """What Twisted gives the protocol of a process."""

    pid = 4711

    def __init__(self) -> None:
        self.did: list[str] = []
        self.pipes: dict[int, Any] = {}
        self.error: Exception | None = None

    def signalProcess(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        self.did.append(name)

    def loseConnection(self) -> None:
        self.did.append("lose")


class SpawningReactor(AdoptingReactor):
    """Starts nothing, and notes what it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[tuple[Any, dict[str, Any]]] = []
        self.adopted: list[Any] = []
        self.environments: list[dict[str, str]] = []
        self.error: OSError | None = None

    def adoptStreamConnection(self, descriptor: int, family: Any, factory: Any) -> None:
        protocol = factory.buildProtocol(None)
        protocol.transport = Transport()
        self.adopted.append(protocol)

    def spawnProcess(self, protocol: Any, *arguments: Any, **options: Any) -> None:
        if self.error is not None:
            raise self.error
        given = os.pread(options["childFDs"][ENVIRONMENT_DESCRIPTOR], 10_000, 0)
        self.environments.append(
            dict(pair.split("=", 1) for pair in given.decode().split("\0")[:-1])
        )
        self.spawned.append((arguments, options))
        protocol.transport = Transport()
        protocol.connectionMade()


@pytest.fixture
def reactor() -> Iterator[SpawningReactor]:
    one = SpawningReactor()
    yield one
    assert one.getDelayedCalls() == []


def spawner(reactor: SpawningReactor, spec: WorkerSpec = SPEC) -> Spawner:
    environ = {"PATH": "/bin", "SECRET": "x", CONTROL_VARIABLE: "/run/control"}
    return Spawner(reactor, SharedPort(reactor).desk, spec, environ)


def test_what_it_gets(reactor: SpawningReactor) -> None:
    """Its command line, a few names of the environment, its link, and nothing to read."""
    isolation = Isolation(environment={"MODE": "test"}, directory="/tmp")
    spec = replace(SPEC, isolation=isolation)
    process = spawner(reactor, spec).spawn(Watcher())
    ((arguments, options),) = reactor.spawned
    program, words = arguments
    assert program == words[0] == sys.executable
    assert words[-4:] == ["directory=/tmp", "--", "run", "me"]
    assert reactor.environments[0] == {
        "PATH": "/bin",
        "MODE": "test",
        "PYTHONUNBUFFERED": "1",
        CONTROL_VARIABLE: "/run/control",
        LINK_VARIABLE: str(LINK_DESCRIPTOR),
    }
    assert set(options) == {"env", "childFDs"}
    assert set(options["childFDs"]) == {
        *range(3),
        LINK_DESCRIPTOR,
        REPORT_DESCRIPTOR,
        ENVIRONMENT_DESCRIPTOR,
    }
    (link,) = reactor.adopted
    assert link.granted == {SPEC.address.key}
    assert (process.pid, link.peer.pid, link.peer.uid) == (4711, 4711, os.geteuid())


def test_what_cannot_be_started(reactor: SpawningReactor) -> None:
    """It says why, and its link is not left behind."""
    reactor.error = FileNotFoundError("no such file")
    with pytest.raises(SpawnFailed, match="no such file"):
        spawner(reactor).spawn(Watcher())
    (link,) = reactor.adopted
    assert link.transport.did == ["lose"]


def test_a_user_who_is_gone(reactor: SpawningReactor) -> None:
    """Nothing is started as another user instead."""
    with pytest.raises(SpawnFailed, match="there is no user 'nobody-at-all'"):
        spawner(reactor, replace(SPEC, isolation=Isolation("nobody-at-all"))).spawn(Watcher())
    assert reactor.spawned == reactor.adopted == []


def test_output(reactor: SpawningReactor) -> None:
    """It comes line by line, and what was in the pipes when the process ended comes, too."""
    watcher = Watcher()
    process = SpawnedProcess(reactor, watcher)
    process.transport = Transport()
    process.childDataReceived(1, b"one\ntw")
    process.processExited(Failure(ProcessDone(0)))
    process.childDataReceived(1, b"o")
    process.childDataReceived(2, b"behind\n")
    reactor.advance(0)
    how = "ended by itself, which a worker should not"
    assert watcher.told == [b"one", how, b"behind", b"two"]
    assert process.transport.did == ["lose"]


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (ProcessTerminated(3), "ended with exit status 3"),
        (ProcessTerminated(None, 9), "was ended by signal 9"),
        (OSError("odd"), "ended: odd"),
    ],
)
def test_how_it_ended(reactor: SpawningReactor, error: Exception, how: str) -> None:
    """In words that go on with its name."""
    watcher = Watcher()
    process = SpawnedProcess(reactor, watcher)
    process.transport = Transport()
    process.processExited(Failure(error))
    reactor.advance(0)
    assert watcher.told == [how]


class Pipe:
    """What a process has said on a pipe, and was not read yet."""

    def __init__(self, process: SpawnedProcess, said: bytes) -> None:
        self.process, self.said = process, said

    def doRead(self) -> None:
        self.process.childDataReceived(REPORT_DESCRIPTOR, self.said)


def test_what_could_not_be_started_after_all(reactor: SpawningReactor) -> None:
    """The sentence of the program that starts it stands for its exit status, in time."""
    watcher = Watcher()
    process = SpawnedProcess(reactor, watcher)
    process.transport = transport = Transport()
    process.childDataReceived(REPORT_DESCRIPTOR, b"directory /x: ")
    transport.pipes[REPORT_DESCRIPTOR] = Pipe(process, b"Permission denied")
    process.processExited(Failure(ProcessTerminated(127)))
    reactor.advance(0)
    assert watcher.told == ["cannot be started: directory /x: Permission denied"]


def test_signals(reactor: SpawningReactor) -> None:
    """They reach the process; one that has ended is left alone."""
    process = SpawnedProcess(reactor, Watcher())
    process.transport = transport = Transport()
    process.signal("TERM")
    transport.error = ProcessExitedAlready()
    process.signal("KILL")
    assert transport.did == ["TERM"]


def test_for_another_service(reactor: SpawningReactor) -> None:
    """It has a pidfd, the open pipes and half a line; let go, its end is not this one's affair."""
    before = len(os.listdir("/proc/self/fd"))
    watcher = Watcher()
    process = SpawnedProcess(reactor, watcher)
    process.transport = transport = Transport()
    process.pid = os.getpid()
    pipe = socket.socket()
    transport.pipes = {2: pipe}
    process.childDataReceived(2, b"half")
    ends = process.ends()
    assert ends.pipes == {2: pipe.fileno()}
    assert ends.partial == {1: b"", 2: b"half"}
    signal.pidfd_send_signal(ends.pidfd, 0)
    assert process.ends() == ends
    process.letGo()
    process.processExited(Failure(ProcessDone(0)))
    assert (watcher.told, transport.did) == ([], ["lose"])
    pipe.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_pidfd(reactor: SpawningReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives none, the process cannot go."""
    process = SpawnedProcess(reactor, Watcher())
    process.transport = Transport()

    def none(pid: int) -> int:
        raise OSError("too many open files")

    monkeypatch.setattr(os, "pidfd_open", none)
    with pytest.raises(NotPassable, match="too many open files"):
        process.ends()
