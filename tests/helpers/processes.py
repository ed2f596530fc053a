"""Processes of workers that run in a test's mind only."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from netshare.interfaces import IWorkerLink
from netshare.service.activation.interfaces import IWorkerProcess, ProcessEnds
from netshare.service.activation.process import SpawnFailed
from netshare.sockets.held import NotPassable


@implementer(IWorkerLink)
class FakeLink:
    """The service's end of a worker's link."""

    def __init__(self) -> None:
        self.did: list[Any] = []
        self.drains = True
        self.given = 0

    def withdraw(self) -> None:
        self.did.append("withdraw")

    def drain(self, seconds: float) -> None:
        self.did.append(seconds)

    def close(self) -> None:
        self.did.append("close")


@implementer(IWorkerProcess)
class FakeProcess:
    """A process whose life the test decides."""

    def __init__(self, pid: int, watcher: Any) -> None:
        self.pid = pid
        self.pidfd = 1000 + pid
        self.watcher = watcher
        self.link = FakeLink()
        self.signals: list[str] = []

    def __str__(self) -> str:
        return f"process {self.pid}"

    passes = True

    def owns(self, pid: int) -> bool:
        return pid == self.pid

    def signal(self, name: str) -> None:
        self.signals.append(name)

    def ends(self) -> ProcessEnds:
        if self.pidfd < 0:
            raise NotPassable("there is no pidfd")
        return ProcessEnds(self.pidfd, {2: 100}, {1: b"half", 2: b""})

    def letGo(self) -> None:
        self.signals.append("let go")

    def register(self) -> None:
        self.watcher.registered(self.link)

    def lose(self) -> None:
        self.watcher.lost(self.link)

    def end(self, how: str = "ended with exit status 1") -> None:
        self.watcher.ended(how)


class FakeSpawner:
    """Starts processes, numbered from 1, as long as none is to fail."""

    def __init__(self) -> None:
        self.processes: list[FakeProcess] = []
        self.error: str | None = None

    def spawn(self, watcher: Any) -> FakeProcess:
        if self.error is not None:
            raise SpawnFailed(self.error)
        self.processes.append(FakeProcess(len(self.processes) + 1, watcher))
        return self.processes[-1]

    @property
    def last(self) -> FakeProcess:
        return self.processes[-1]
