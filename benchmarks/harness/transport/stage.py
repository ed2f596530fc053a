"""
Everybody who answers: sharing services, workers, the floor.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness.build import HERE
from benchmarks.harness.dispatcher import Setting
from benchmarks.harness.dispatchers import start_service
from benchmarks.harness.processes import Process, free_port
from benchmarks.harness.transport.bulk import OrdersPrograms
from benchmarks.harness.transport.loads import OPERATIONS, ORDERS
from benchmarks.harness.transport.recording import record_all
from netshare.sockets.listening import WCF_CLIENT_SEGMENT

_DIRECTORY = Path(__file__).parent


def group_sizes(processors: int | None = None) -> list[int]:
    """:returns: how many workers serve one address, from one to no less than two"""
    most = max(2, processors or len(os.sched_getaffinity(0)))
    return [count for count in (1, 2, 4) if count <= most]


class Stage:
    """
    Starts them; ended by :meth:`stop`, whatever happened.

    :param directory: for logs, sockets and recordings
    :param orders: the service for Mono; None: there is none
    """

    def __init__(self, directory: Path, orders: OrdersPrograms | None = None) -> None:
        self._directory = directory
        self._orders_on_mono = orders
        self._stack = ExitStack()
        self._own, self._shared, self._whole, self._floor, self._wholeFloor = (
            free_port() for _ in range(5)
        )
        self._orders = {place: free_port() for place in ("orders", "mono")}
        self._groups = {count: free_port() for count in group_sizes()}
        #: By name of the place: who works there.
        self.servers: dict[str, list[Process]] = {}

    def start(self) -> None:
        """
        :raises BenchmarkError: somebody does not start
        """
        control = self._service("service")
        whole = self._service("whole-segments", "--maxSegmentSize", "0")
        worker = self._worker(
            "worker",
            self.address("own", "one"),
            f"{self.address('shared', 'one')}={control}",
            f"{self.address('whole', 'one')}={whole}",
        )
        for place in ("own", "shared", "whole"):
            self.servers[place] = [worker]
        self.servers["orders"] = [self._worker("orders", self.address("orders", ""))]
        if self._orders_on_mono is not None:
            programs = self._orders_on_mono
            command = [programs.runtime, programs.service, self.address("mono", "")]
            self.servers["mono"] = [self._listening(Process("mono", command, self._directory))]
        for count in self._groups:
            place = f"workers-{count}"
            argument = f"{self.address(place, 'growth')}={control}"
            self.servers[place] = [
                self._worker(f"{place}-{number}", "--together", argument)
                for number in range(1, count + 1)
            ]
        recording = self._directory / "replies.json"
        record_all(self._own, self.address("own", "one"), recording)
        ports = (self._floor, WCF_CLIENT_SEGMENT, self._wholeFloor, 0)
        floor = self._python("floor", str(recording), *map(str, ports))
        self.servers["floor"] = self.servers["whole-floor"] = [floor]

    def address(self, place: str, figure: str) -> str:
        """:returns: where to call for a figure"""
        if place in self._orders:
            return f"net.tcp://127.0.0.1:{self._orders[place]}{ORDERS}"
        floors = {"floor": self._floor, "whole-floor": self._wholeFloor}
        if place in floors:
            return f"net.tcp://127.0.0.1:{floors[place]}/{OPERATIONS[figure]}"
        ports = {"own": self._own, "shared": self._shared, "whole": self._whole}
        ports |= {f"workers-{count}": port for count, port in self._groups.items()}
        return f"net.tcp://127.0.0.1:{ports[place]}/basic"

    def stop(self) -> None:
        """End everybody, the last one first."""
        self._stack.close()

    def _service(self, name: str, *options: str) -> Path:
        setting = Setting(self._directory, self._directory, serviceOptions=options)
        service, control = start_service(setting, name)
        self._stack.callback(service.stop)
        return control

    def _worker(self, name: str, *arguments: str) -> Process:
        return self._python("worker", *arguments, name=name)

    def _python(self, module: str, *arguments: str, name: str | None = None) -> Process:
        command: Sequence[str | Path] = [sys.executable, _DIRECTORY / f"{module}.py", *arguments]
        environment = {"PYTHONPATH": str(HERE.parent)}
        return self._listening(Process(name or module, command, self._directory, environment))

    def _listening(self, process: Process) -> Process:
        self._stack.callback(process.stop)
        process.wait_for("listening", 30)
        return process
