"""
The processes of a chaos run: the sharing service, and workers that it starts or that register
themselves. Every process is ended by its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..processes import free_port

ROOT = Path(__file__).resolve().parents[3]
#: The worker's module.
WORKER = "benchmarks.harness.chaos.worker"

#: How the service gets its port: it opens it, a registration asks for it, or it inherits it.
OWN, ON_DEMAND, INHERITED = "own", "on demand", "inherited"
#: Who starts the workers; the last: the service the four of ``a``, and three of ``b`` themselves.
SELF, SPAWNED, MIXED = "self-registered", "spawned", "four spawned and three self-registered"


class World:
    """
    A service and its workers, which serve the paths ``a`` and ``b``.

    :param directory: for the control socket and logs
    :param sockets: one of :data:`OWN`, :data:`ON_DEMAND`, :data:`INHERITED`
    :param workers: one of :data:`SELF`, :data:`SPAWNED`, :data:`MIXED`
    :param processes: workers of each path
    :param options: more options of the service
    :param descriptors: the service's limit; 0: as it is
    :param worker_descriptors: each self-registered worker's
    """

    def __init__(
        self,
        directory: Path,
        sockets: str = OWN,
        workers: str = SELF,
        processes: int = 1,
        options: Sequence[str] = (),
        descriptors: int = 0,
        worker_descriptors: int = 0,
    ) -> None:
        self.directory = directory
        self.control = directory / "control"
        self.workers: list[subprocess.Popen[bytes]] = []
        #: Workers whose place others have taken.
        self.leaving: list[subprocess.Popen[bytes]] = []
        self.service: subprocess.Popen[bytes] | None = None
        self._sockets = sockets
        self._spawned = {SELF: {}, SPAWNED: {"a": processes, "b": processes}, MIXED: {"a": 4}}[
            workers
        ]
        self._registered = {SELF: {"a": processes, "b": processes}, SPAWNED: {}, MIXED: {"b": 3}}[
            workers
        ]
        self._count = sum((*self._spawned.values(), *self._registered.values()))
        self._options = list(options)
        self._descriptors = descriptors
        self._worker_descriptors = worker_descriptors
        self._held: socket.socket | None = None
        self._log = open(directory / "log", "ab")  # noqa: SIM115
        if sockets == INHERITED:
            self._held = socket.create_server(("127.0.0.1", 0), backlog=4096)
            self.port = self._held.getsockname()[1]
        else:
            self.port = free_port()

    def address(self, path: str) -> str:
        """The base address of a path."""
        return f"net.tcp://+:{self.port}/{path}"

    async def start(self) -> None:
        """Start everything, and wait until both paths are served."""
        self.start_service()
        for path, count in self._registered.items():
            for _ in range(count):
                self.start_worker(path)
        await self.ready()
        await self.all_registered()

    async def take_over(self) -> None:
        """
        Start a service that takes over from the one that runs, and wait for the old one's end.

        :raises TimeoutError: it does not end
        """
        old = self.service
        assert old is not None
        self.start_service("--take-over")
        end = time.monotonic() + 20
        while old.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"the service was not taken over; see {self._log.name}")
            await asyncio.sleep(0.01)

    def start_service(self, *more: str) -> None:
        """
        Start the service.

        :param more: options for this time
        """
        arguments = [sys.executable, "-m", "twisted", "--log-format=text", "netshare"]
        arguments += [f"--control={self.control}", "--interface=127.0.0.1", *self._options, *more]
        descriptors = {}
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if self._sockets == OWN:
            arguments.append(f"--listen=tcp:{self.port}:interface=127.0.0.1:backlog=4096")
        elif self._held is not None:
            arguments.append("--listen=systemd:domain=INET:name=netshare")
            shell = f'exec 3<&{self._held.fileno()}; LISTEN_PID=$$ exec "$@"'
            arguments = ["/bin/bash", "-c", shell, "bash", *arguments]
            environment.update(LISTEN_FDS="1", LISTEN_FDNAMES="netshare")
            descriptors = {"pass_fds": (self._held.fileno(),)}
        if self._descriptors:
            limit = f'ulimit -n {self._descriptors}; exec "$@"'
            arguments = ["/bin/bash", "-c", limit, "bash", *arguments]
        for path, count in self._spawned.items():
            many = f",processes={count}" if count > 1 else ""
            many += ",maxFailures=0"  # they are killed more often than a worker may fail
            arguments.append(f"--worker={self.address(path)}={WORKER}:{path}{many}")
        self.service = subprocess.Popen(
            arguments,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            **descriptors,  # type: ignore[call-overload]
        )

    def start_worker(self, path: str) -> subprocess.Popen[bytes]:
        """Start a worker that registers itself."""
        self.workers.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", WORKER, self.address(path), str(self.control)),
                    str(self._worker_descriptors),
                ],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
            )
        )
        return self.workers[-1]

    async def ready(self, seconds: float = 20.0) -> None:
        """
        Wait until both paths are served.

        :raises TimeoutError: they are not, in time
        """
        from .load import Client, Refused  # the load needs no world

        end = time.monotonic() + seconds
        for path in (b"a", b"b"):
            while True:
                client = Client(self.port)
                try:
                    await client.connect()
                    await asyncio.wait_for(client.open(path), 5)
                    client.close()
                    break
                except (Refused, OSError, TimeoutError, asyncio.IncompleteReadError):
                    if time.monotonic() > end:
                        raise TimeoutError(
                            f"{path!r} is not served; see {self._log.name}"
                        ) from None
                    await asyncio.sleep(0.05)

    async def all_registered(self, more: int = 0, seconds: float = 20.0) -> None:
        """
        Wait until every worker is registered.

        :param more: how many there are to be beside those from the start

        :raises TimeoutError: they are not, in time
        """
        end = time.monotonic() + seconds
        command = ("-m", "netshare.cli", "list", "--json", f"--control={self.control}")
        while True:
            asking = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self._log
            )
            out, _ = await asking.communicate()
            rows = json.loads(out or b"[]")
            if sum(row.get("state") == "ready" for row in rows) >= self._count + more:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"not all workers are registered; see {self._log.name}")

    async def manage(self, *words: str) -> None:
        """
        Run a command of ``netshare``'s, such as ``recycle``.

        :raises RuntimeError: it fails
        """
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "netshare.cli", *words, f"--control={self.control}"),
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
        )
        if await asking.wait():
            raise RuntimeError(f"netshare {words[0]} failed; see {self._log.name}")

    async def end_service(self, number: signal.Signals) -> None:
        """End the service by a signal, and wait for its end."""
        assert self.service is not None
        self.service.send_signal(number)
        while self.service.poll() is None:
            await asyncio.sleep(0.005)

    def spawned(self) -> list[int]:
        """:returns: the numbers of the workers that the service started."""
        assert self.service is not None
        children = Path(f"/proc/{self.service.pid}/task/{self.service.pid}/children")
        return [int(number) for number in children.read_text().split()]

    async def stop(self) -> None:
        """End every process that was started."""
        for process in (*self.leaving, *self.workers, self.service):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGCONT)
            process.terminate()
            for _ in range(100):
                if process.poll() is not None:
                    break
                await asyncio.sleep(0.05)
            else:
                process.kill()
                process.wait()
        if self._held is not None:
            self._held.close()
        self._log.close()
        with contextlib.suppress(FileNotFoundError):
            self.control.unlink()
