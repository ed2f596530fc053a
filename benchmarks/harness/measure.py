"""
The measuring itself: rounds in which everybody gets the same load, one after the other.

One sample is a dictionary: ``round``, ``dispatcher``, ``figure``, and what was measured.

rate
    connections a second with 64 in flight (32 for sslh); ``cpu`` is the dispatcher's processor
    time for each, in microseconds
single
    one connection at a time: the latency that counts
storm
    4,000 connections that wait in the queue of a stopped process, from its waking to the last ack
bulk
    bytes a second into the worker, 4 connections
echo
    messages of 64 bytes and back, 8 connections
hold
    resident memory of the dispatcher before, and while it has many established connections
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dispatcher import PATHS, Dispatcher
from .processes import BenchmarkError, cpu_seconds, resident_bytes, stopped

Sample = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """
    How much of everything.
    """

    rounds: int
    connections: int
    singles: int
    storm: int
    seconds: float
    hold: int


FULL = Size(rounds=6, connections=20_000, singles=4000, storm=4000, seconds=2.0, hold=20_000)
QUICK = Size(rounds=3, connections=8000, singles=500, storm=4000, seconds=0.4, hold=10_000)

BULK_CONNECTIONS, ECHO_CONNECTIONS, HOLD_AT_ONCE = 4, 8, 64
#: No single load takes longer, whatever happens.
PATIENCE = 60


class Measurement:
    """
    All rounds with a set of dispatchers.

    :param loadgen: the program
    :param say: told what is being done
    """

    def __init__(
        self,
        loadgen: Path,
        dispatchers: Sequence[Dispatcher],
        size: Size,
        say: Callable[[str], None] = print,
    ) -> None:
        self._loadgen = loadgen
        self._dispatchers = dispatchers
        self._size = size
        self._say = say
        self.samples: list[Sample] = []

    def run(self) -> list[Sample]:
        """
        :returns: every sample
        """
        self._warm_up()
        for number in range(1, self._size.rounds + 1):
            began = time.monotonic()
            for figure in ("rate", "single", "storm", "bulk", "echo"):
                # Everybody's turn comes right behind everybody else's, in changing order.
                turn = number % len(self._dispatchers)
                for one in [*self._dispatchers[turn:], *self._dispatchers[:turn]]:
                    if figure in one.figures:
                        sample = getattr(self, f"_{figure}")(one)
                        self._add(number, one, figure, sample)
            taken = time.monotonic() - began
            self._say(f"round {number} of {self._size.rounds} took {taken:.0f} s")
        for one in self._dispatchers:
            if "hold" in one.figures:
                self._add(1, one, "hold", self._hold(one))
        return self.samples

    def _add(self, number: int, one: Dispatcher, figure: str, sample: Sample) -> None:
        self.samples.append({"round": number, "dispatcher": one.key, "figure": figure, **sample})

    def _warm_up(self) -> None:
        for one in self._dispatchers:
            self.load(one, "rate", int(500 * one.share), 16, PATIENCE)

    def _rate(self, one: Dispatcher) -> Sample:
        count = int(self._size.connections * one.share)
        return self._with_cpu(one, "rate", count, one.flight)

    def _single(self, one: Dispatcher) -> Sample:
        return self._with_cpu(one, "rate", int(self._size.singles * one.share), 1)

    def _storm(self, one: Dispatcher) -> Sample:
        pids = one.accepting.family()
        with stopped(pids):
            return self.load(one, "storm", self._size.storm, 1, 20, pids)

    def _bulk(self, one: Dispatcher) -> Sample:
        count = BULK_CONNECTIONS
        return self.load(one, "bulk", count, count, self._size.seconds)

    def _echo(self, one: Dispatcher) -> Sample:
        count = ECHO_CONNECTIONS
        return self.load(one, "echo", count, count, self._size.seconds)

    def _hold(self, one: Dispatcher) -> Sample:
        """Half of the connections for each of the two workers."""
        count = min(self._size.hold, one.holds)
        pids = [pid for process in one.dispatching for pid in process.family()]
        before = resident_bytes(pids)
        holders = [
            subprocess.Popen(
                self._command(one, "hold", count // 2, HOLD_AT_ONCE, PATIENCE, path=path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for path in PATHS
        ]
        try:
            for holder in holders:
                assert holder.stdout is not None
                said = holder.stdout.readline()
                if not said or json.loads(said)["failed"]:
                    raise BenchmarkError(f"{one.title} does not hold {count} connections: {said}")
            time.sleep(0.2)  # what the last acks left to do
            held = resident_bytes(pids)
        finally:
            for holder in holders:
                holder.communicate("")  # the end of its input: it lets go
        return {"held": count, "before": before, "during": held}

    def _with_cpu(self, one: Dispatcher, mode: str, count: int, flight: int) -> Sample:
        pids = [pid for process in one.dispatching for pid in process.family()]
        before = cpu_seconds(pids)
        sample = self.load(one, mode, count, flight, PATIENCE)
        time.sleep(0.02)  # what the last connections left to do
        if pids:
            sample["cpu"] = (cpu_seconds(pids) - before) / count * 1e6
        return sample

    def load(
        self,
        one: Dispatcher,
        mode: str,
        count: int,
        flight: int,
        seconds: float,
        pids: Sequence[int] = (),
    ) -> Sample:
        """
        Run the load generator once.

        :raises BenchmarkError: not a single connection was served
        """
        command = self._command(one, mode, count, flight, seconds, pids)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{one.title}: {mode} did not end") from None
        sample: Sample = json.loads(done.stdout) if done.stdout else {"done": 0}
        if not sample["done"]:
            one.accepting.must_run()
            raise BenchmarkError(f"{one.title}: {mode}: {done.stderr or 'nothing worked'}".strip())
        return sample  # some may have failed: that is part of the result

    def _command(
        self,
        one: Dispatcher,
        mode: str,
        count: int,
        flight: int,
        seconds: float,
        pids: Sequence[int] = (),
        path: str = PATHS[0],
    ) -> list[str]:
        numbers = [str(number) for number in (count, flight, seconds, *pids)]
        return [str(self._loadgen), mode, "127.0.0.1", str(one.port), one.via(path), *numbers]
