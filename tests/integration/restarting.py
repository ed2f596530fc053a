"""
A service that is a process, its workers, and a load of clients that count.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from netshare.framing.records import PREAMBLE_ACK, preamble

#: A worker that acknowledges every preamble with the number of its process.
WORKER = """
import os
from twisted.internet.protocol import Factory, Protocol


class Named(Protocol):
    def connectionMade(self):
        self.transport.write(b"%d\\n" % os.getpid())

    def dataReceived(self, data):
        self.transport.write(data)


def factory():
    return Factory.forProtocol(Named)


def slow(reactor):
    from twisted.internet.task import deferLater
    return deferLater(reactor, 1.0, factory)
"""

SELF_REGISTERED = """
import sys
from twisted.internet import reactor
import names
from netshare.endpoints.preamble import PreambleUse
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

control, *addresses = sys.argv[1:]
for address in addresses:
    wish = Wish(address.rstrip("?"), shared=address.endswith("?"))
    SharedPortServerEndpoint(
        reactor, wish, control, preamble=PreambleUse.CONSUME, wait=True
    ).listen(names.factory())
reactor.run()
"""

#: Gives a listening socket to the program that it becomes, as systemd does.
INHERITING = """
import os, sys
descriptor = int(sys.argv[1])
os.dup2(descriptor, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="netshare")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Place:
    """A service process on an inherited socket, and its workers."""

    def __init__(self, directory: Path, cleanup: ExitStack) -> None:
        self.directory = directory
        self.control = directory / "control"
        self.listening = cleanup.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        self.port = self.listening.getsockname()[1]
        self._cleanup = cleanup
        self.log = directory / "log"
        (directory / "names.py").write_text(WORKER)
        self.environment = {**os.environ, "PYTHONPATH": f"{directory}:{os.getcwd()}"}

    def service(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the service."""
        arguments = [
            *("-m", "twisted", "--log-format=text", "netshare", f"--control={self.control}"),
            *("--listen=systemd:domain=INET:name=netshare", *options),
        ]
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", INHERITING, str(self.listening.fileno()), *arguments],
                pass_fds=[self.listening.fileno()],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        self._cleanup.callback(end, process, signal.SIGKILL)
        return process

    def worker(self, *paths: str) -> subprocess.Popen[bytes]:
        """Start a process that registers these paths itself; one that ends in ? it shares."""
        process = subprocess.Popen(
            [sys.executable, "-c", SELF_REGISTERED, str(self.control), *map(self.address, paths)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._cleanup.callback(end, process, signal.SIGKILL)
        return process

    def address(self, path: str) -> str:
        return f"net.tcp://+:{self.port}/{path}"

    def opening(self, path: str) -> bytes:
        """What a client that asks for a path sends first."""
        return preamble(f"net.tcp://127.0.0.1:{self.port}/{path}")

    def ask(self, path: str, timeout: float = 20) -> bytes:
        """Connect, ask for a path, and read the first line that comes, or all."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as client:
            client.sendall(self.opening(path))
            answer = b""
            while not answer.endswith(b"\n") and (piece := client.recv(1000)):
                answer += piece
        return answer

    def session(self, path: str) -> socket.socket:
        """Connect, and ask for a path."""
        client = socket.create_connection(("127.0.0.1", self.port), 20)
        client.sendall(self.opening(path))
        return client

    def served(self, path: str) -> bool:
        try:
            return self.ask(path).startswith(PREAMBLE_ACK)
        except OSError:
            return False


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
    process.wait(20)


def until(done: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "it did not become so in time"
        time.sleep(0.02)


class Load:
    """Clients that connect at a steady rate, and count what becomes of them."""

    def __init__(self, place: Place, paths: list[str], rate: float) -> None:
        self.outcomes: Counter[str] = Counter()
        self.longest = 0.0
        self._place = place
        self._paths = paths
        self._rate = rate
        self._over = threading.Event()
        self._calls: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        for call in self._calls:
            call.join()

    def _run(self) -> None:
        number = 0
        began = time.monotonic()
        while not self._over.is_set():
            path = self._paths[number % len(self._paths)]
            call = threading.Thread(target=self._call, args=(path,))
            self._calls.append(call)
            call.start()
            number += 1
            self._over.wait(max(0.0, began + number / self._rate - time.monotonic()))

    def _call(self, path: str) -> None:
        began = time.monotonic()
        try:
            answer = self._place.ask(path)
            if answer.startswith(PREAMBLE_ACK):
                what = "served"
            else:
                what = f"refused {answer!r}" if answer else "cut"
        except OSError as error:
            what = f"lost {error}"
        self.outcomes[what] += 1
        self.longest = max(self.longest, time.monotonic() - began)
