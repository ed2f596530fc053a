"""
One measurement: calls, how long each took, and the processor time of both sides.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness.measure import Sample
from benchmarks.harness.processes import Process, cpu_seconds

__all__ = ["CpuWatch", "Sample", "Stopwatch", "percentile"]


def percentile(spans: Iterable[float], part: float) -> float:
    """:returns: the span below which this part of them is; spans, not none"""
    ordered = sorted(spans)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class CpuWatch:
    """
    The processor time that servers, and a client, take from now on.

    :param servers: who answers
    :param client: the process that asks; None: this one
    """

    def __init__(self, servers: Iterable[Process], client: int | None = None) -> None:
        self._servers = [pid for server in servers for pid in server.family()]
        self._client = client
        self._before = self._both()

    def _both(self) -> tuple[float, float]:
        ours = time.process_time() if self._client is None else _of_all_threads(self._client)
        return cpu_seconds(self._servers), ours

    def microseconds(self, calls: int) -> Sample:
        """:returns: ``cpu`` and ``client``, µs for each of so many calls"""
        took = [now - then for now, then in zip(self._both(), self._before, strict=True)]
        return {"cpu": took[0] / calls * 1e6, "client": took[1] / calls * 1e6}


def _of_all_threads(pid: int) -> float:
    """
    :returns: processor seconds of a process, those of threads that have ended as well, which a
        .NET program has many of; to 10 ms
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """
    Times calls that are made in this process.

    :param servers: who answers them
    """

    def __init__(self, servers: Iterable[Process]) -> None:
        self._cpu = CpuWatch(servers)
        self._began = time.perf_counter()
        #: Seconds, of each call.
        self.spans: list[float] = []

    def sample(self) -> Sample:
        """What was measured since."""
        seconds = time.perf_counter() - self._began
        done = len(self.spans)
        return {
            "rate": done / seconds,
            "p50": statistics.median(self.spans) * 1e3,
            "p99": percentile(self.spans, 0.99) * 1e3,
            "done": done,
            "failed": 0,
            **self._cpu.microseconds(done),
        }
