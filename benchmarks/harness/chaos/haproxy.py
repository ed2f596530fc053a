"""
HAProxy in place of the sharing service: what its reload is for its clients, in the same run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness.chaos.load import Client, Refused
from benchmarks.harness.chaos.world import ROOT, WORKER, free_port
from benchmarks.harness.dispatcher import program_path

#: As its manual recommends for reloads that lose nothing: the master hands the listening sockets to
#: the next worker, and the one before it ends after its last session.
_CONFIGURATION = """global
    maxconn 9000
    stats socket {directory}/stats level admin expose-fd listeners
defaults
    mode tcp
    maxconn 9000
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend shared
    bind 127.0.0.1:{port} backlog 4096
    tcp-request inspect-delay 5s
    acl is_a req.payload(7,0) -m sub /a
    acl is_b req.payload(7,0) -m sub /b
    tcp-request content accept if is_a or is_b
    use_backend a if is_a
    use_backend b if is_b
backend a
    server a 127.0.0.1:{backends[0]}
backend b
    server b 127.0.0.1:{backends[1]}
"""


class HAProxyWorld:
    """
    HAProxy with a master, and a worker each for the paths ``a`` and ``b`` on a port of its own.

    :param directory: for its configuration, sockets and logs
    """

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._backends = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = open(directory / "log", "ab")  # noqa: SIM115

    async def start(self) -> None:
        """Start everything, and wait until both paths are served."""
        for path, port in zip("ab", self._backends, strict=True):
            self._start(sys.executable, "-m", WORKER, f"/{path}", "tcp", str(port))
        configuration = self._directory / "haproxy.cfg"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=self._directory, port=self.port, backends=self._backends
            )
        )
        self._master = self._start(
            str(program_path("haproxy")), "-W", "-db", "-f", str(configuration)
        )
        for name in (b"a", b"b"):
            await self._served(name)

    async def reload(self) -> None:
        """
        Have the master start the next worker, and wait until it is there.

        :raises TimeoutError: it does not come
        """
        before = self._workers()
        self._master.send_signal(signal.SIGUSR2)
        end = time.monotonic() + 20
        while not self._workers() - before:
            if time.monotonic() > end:
                raise TimeoutError(f"HAProxy does not reload; see {self._log.name}")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End every process that was started; the master ends its own."""
        for process in reversed(self._processes):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, 5)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._log.close()

    def _workers(self) -> set[str]:
        children = Path(f"/proc/{self._master.pid}/task/{self._master.pid}/children")
        return set(children.read_text().split())

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        self._processes.append(
            subprocess.Popen(
                words,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
            )
        )
        return self._processes[-1]

    async def _served(self, name: bytes) -> None:
        end = time.monotonic() + 20
        while True:
            client = Client(self.port)
            try:
                await client.connect()
                await asyncio.wait_for(client.open(name), 5)
                client.close()
                return
            except (Refused, OSError, TimeoutError, asyncio.IncompleteReadError):
                if time.monotonic() > end:
                    raise TimeoutError(f"{name!r} is not served; see {self._log.name}") from None
                await asyncio.sleep(0.05)
