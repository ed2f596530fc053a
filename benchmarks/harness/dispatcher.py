"""
What a dispatcher is: a program that brings connections to workers, and those workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .build import HERE, find
from .processes import BenchmarkError, Process

PATHS = ("/bench/one", "/bench/two")

ESTABLISHED = frozenset({"bulk", "echo"})
RATES = frozenset({"rate", "single", "storm"})


@dataclass(frozen=True)
class Dispatcher:
    """
    Somebody who brings connections to a worker, or the worker itself.
    """

    key: str
    title: str
    port: int
    #: Whose processor time and memory count; none for the worker that owns the port.
    dispatching: tuple[Process, ...]
    #: Whom a storm is held back at.
    accepting: Process
    #: Everything that was started for it, in order.
    processes: tuple[Process, ...]
    #: What is measured: rate, single, storm, bulk, echo, hold.
    figures: frozenset[str]
    #: How many connections it can hold; a proxy needs two descriptors for each.
    holds: int = 0
    #: Slow ones get this part of the connections only.
    share: float = 1.0
    #: How many connections are in flight at once, for the rate.
    flight: int = 64
    #: How many addresses the load goes to in turn; 0: to the first of the two paths only.
    addresses: int = 0

    def via(self, path: str = PATHS[0]) -> str:
        """What a client asks for."""
        many = f"/many*{self.addresses}" if self.addresses else path
        return f"net.tcp://127.0.0.1:{self.port}{many}"

    def stop(self) -> None:
        """End all its processes, the last one first."""
        for process in reversed(self.processes):
            process.stop()


@dataclass(frozen=True)
class Setting:
    """
    What is needed to start one.
    """

    #: A directory for sockets, configurations and logs.
    directory: Path
    #: The C worker.
    worker: Path
    #: Further options of ``twistd netshare``.
    serviceOptions: tuple[str, ...] = ()
    #: Where the service's profile goes; None: it is not profiled.
    profile: Path | None = None
    #: The checkout whose service is started.
    source: Path = HERE.parent


def tcp_worker(setting: Setting, name: str, port: int) -> Process:
    """A C worker with a TCP port."""
    return listening(setting, name, [setting.worker, "tcp", "127.0.0.1", str(port)])


def listening(setting: Setting, name: str, command: Sequence[str | Path]) -> Process:
    """A program that says so when it listens."""
    process = Process(name, command, setting.directory)
    process.wait_for("listening")
    return process


def program_path(name: str) -> str:
    """
    :raises BenchmarkError: there is no such program
    """
    path = find(name)
    if path is None:
        raise BenchmarkError(f"{name} is not installed")
    return path
