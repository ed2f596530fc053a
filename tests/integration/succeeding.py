"""
Services of which each takes over from the one before.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.integration.restarting import Place, end
from tests.peers.drivers import free_port

#: Takes over, and ends after so many records.
DYING = """
import os, sys
from pathlib import Path
from netshare.service.takeover import channel, taking

number, receive = int(sys.argv[2]), channel.Channel.receive
count = 0

def dying(self):
    global count
    if count == number:
        os._exit(7)
    count += 1
    return receive(self)

channel.Channel.receive = dying
taking.Taking(Path(sys.argv[1]))
os._exit(7)
"""


class Succession(Place):
    """Services on a port of their own, each of which takes over from the one before."""

    def __init__(self, directory: Path, cleanup: ExitStack) -> None:
        super().__init__(directory, cleanup)
        self.listening.close()
        self.port = free_port()
        self.cleanup = cleanup

    def run(self, *options: str, program: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Start a service."""
        arguments = [
            *(sys.executable, *(program or ("-m", "twisted")), "--log-format=text", "netshare"),
            f"--control={self.control}",
            f"--listen=tcp:{self.port}:interface=127.0.0.1:backlog=4096",
            "--interface=127.0.0.1",
            *options,
        ]
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                arguments, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.cleanup.callback(end, process, signal.SIGKILL)
        return process

    def succeed(self, old: subprocess.Popen[bytes], *options: str) -> subprocess.Popen[bytes]:
        """Start a service that takes over, and wait for the end of the old one."""
        new = self.run("--take-over", *options)
        assert old.wait(20) == 0, self.log.read_text()
        assert new.poll() is None, self.log.read_text()
        return new
