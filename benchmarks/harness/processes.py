"""
Processes of a benchmark: started, watched through ``/proc``, and always ended, by their ids.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

#: Ports for servers, below the range that clients' ports are taken from.
_PORTS = iter(range(20_000, 32_000))


class BenchmarkError(Exception):
    """Something did not start, answer or end; the message says what."""


class Process:
    """
    A running program.

    :param name: what to call it, and its log
    :param directory: where it runs, and where its log is kept
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with open(self.log, "wb") as log:
            self._popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                preexec_fn=_die_with_parent,
            )
        self.pid = self._popen.pid

    def wait_for(self, text: str, seconds: float = 10.0) -> str:
        """
        :returns: the first line of its log with this text in it
        :raises BenchmarkError: it did not write such a line in time
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log.read_text(errors="replace").splitlines():
                if text in line:
                    return line
            self.must_run()
            time.sleep(0.02)
        raise BenchmarkError(
            f"{self.name} did not say {text!r} within {seconds:g} s: {self.tail()}"
        )

    def must_run(self) -> None:
        """
        :raises BenchmarkError: it has ended
        """
        if self._popen.poll() is not None:
            raise BenchmarkError(f"{self.name} ended by itself: {self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-500:].strip() or "it said nothing"

    def family(self) -> list[int]:
        """Its own process id and those of its descendants."""
        found = [self.pid]
        for pid in found:
            found.extend(_children(pid))
        return found

    def stop(self) -> None:
        """End it and its descendants."""
        family = {pid: _stat(pid).began for pid in self.family()}
        for pid in family:
            _signal(pid, signal.SIGCONT)
        _signal(self.pid, signal.SIGTERM)
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        del family[self.pid]
        for pid, began in family.items():
            if _stat(pid).began == began:  # else it is gone, and its number perhaps another's
                _signal(pid, signal.SIGKILL)


def cpu_seconds(pids: Sequence[int]) -> float:
    """
    Processor time of all threads of these processes, as precise as the kernel tells.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += _cpu_of(pid)
    return total


def _cpu_of(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task")
    try:
        # Nanoseconds; what stat has are ticks of 10 ms.
        runs = [(task / "schedstat").read_text().split()[0] for task in tasks.iterdir()]
        return sum(map(int, runs)) / 1e9
    except (FileNotFoundError, IndexError):
        return _stat(pid).ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pids: Sequence[int]) -> int:
    """Resident memory of these processes together."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """
    These processes do not run in here, unless somebody sends them SIGCONT.
    """
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        end = time.monotonic() + 5
        while any(state(pid) not in "Tt" for pid in pids):
            if time.monotonic() > end:
                raise BenchmarkError(f"the processes {pids} do not stop")
            time.sleep(0.001)
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on; every call gives another one."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchmarkError("there is no free port left between 20000 and 32000")


def wait_for_port(port: int, process: Process, seconds: float = 10.0) -> None:
    """
    :raises BenchmarkError: nobody listened there in time
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process.must_run()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise BenchmarkError(f"{process.name} does not listen on port {port}: {process.tail()}")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.extend(map(int, task.read_text().split()))
    return found


class _Stat(NamedTuple):
    """What ``/proc/PID/stat`` says."""

    #: ``R``, ``S``, ``T`` (stopped), ``Z`` (zombie)...; ``X`` when there is no such process.
    state: str
    #: User and system time, in ticks.
    ticks: int
    #: When it began, in ticks since the machine did.
    began: int


def _stat(pid: int) -> _Stat:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return _Stat("X", 0, 0)
    return _Stat(fields[0], int(fields[11]) + int(fields[12]), int(fields[19]))


def state(pid: int) -> str:
    """One letter, as ``ps`` has it; ``X``: there is no such process."""
    return _stat(pid).state


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # gone already
