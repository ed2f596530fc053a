"""
A crowd beside the clients that look closely: as many connections as are answered, by the load
generator in C.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path

from ..build import compile_programs

#: Connections of one run of the generator; runs follow each other without a pause.
RUN = 2000
#: Seconds that a run may take: what is not answered by then has failed.
LONGEST_RUN = 60


class Crowd:
    """
    Connects to a port, asks for the paths in turn, waits for the ack, and closes, from
    :meth:`start` to :meth:`stop`.

    :param port: of 127.0.0.1
    :param flight: connections under way at a time; 0: no crowd
    :ivar done: how many had their ack
    :ivar failed: how many had not
    """

    def __init__(self, port: int, flight: int) -> None:
        self.done = self.failed = 0
        self._port = port
        self._flight = flight
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self._began = self._ended = 0.0

    def start(self) -> None:
        """Begin."""
        if self._flight:
            self._running = asyncio.create_task(self._run(compile_programs()["loadgen"]))

    async def stop(self) -> None:
        """End with the run that is under way."""
        self._stopping = True
        if self._running is not None:
            await self._running

    def __str__(self) -> str:
        """What became of it; empty where there was none."""
        if not self._flight:
            return ""
        rate = self.done / max(self._ended - self._began, 0.001)
        return f"beside {self.done:,} connections at {rate:,.0f}/s, {self.failed} failed"

    async def _run(self, generator: Path) -> None:
        self._began = time.monotonic()
        while not self._stopping:
            for path in ("a", "b"):
                via = f"net.tcp://127.0.0.1:{self._port}/{path}"
                arguments = [via, str(RUN), str(self._flight), str(LONGEST_RUN)]
                running = await asyncio.create_subprocess_exec(
                    *(generator, "rate", "127.0.0.1", str(self._port), *arguments),
                    stdout=subprocess.PIPE,
                )
                out, _ = await running.communicate()
                counted = json.loads(out)
                self.done += counted["done"]
                self.failed += counted["failed"]
        self._ended = time.monotonic()
