"""
A service that starts, or starts again, and workers that die, under a load of clients that count.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK, preamble
from tests.peers.drivers import free_port

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
    SharedPortServerEndpoint(
        reactor, Wish(address), control, preamble=PreambleUse.CONSUME, wait=True
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
        """Start a process that registers these paths itself."""
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

    def ask(self, path: str, timeout: float = 20) -> bytes:
        """Connect, ask for a path, and read the first line that comes, or all."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as client:
            client.sendall(preamble(f"net.tcp://127.0.0.1:{self.port}/{path}"))
            answer = b""
            while not answer.endswith(b"\n") and (piece := client.recv(1000)):
                answer += piece
        return answer

    def served(self, path: str) -> bool:
        try:
            return self.ask(path).startswith(PREAMBLE_ACK)
        except OSError:
            return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_refuses_nobody(place: Place, how: signal.Signals) -> None:
    """With an inherited socket, clients that come while the service is away are served."""
    service = place.service()
    place.worker("one", "two")
    until(lambda: place.served("one") and place.served("two"))
    load = Load(place, ["one", "two"], 100)
    for _ in range(4):
        time.sleep(0.5)
        end(service, how)
        service = place.service()
        until(lambda: place.served("one"))
    load.stop()
    served = load.outcomes.pop("served")
    assert served > 100
    # What the service had in its hands when it was killed is gone: a fraction of a millisecond's.
    assert sum(load.outcomes.values()) <= (0 if how is signal.SIGTERM else 4), load.outcomes
    assert not any(what.startswith("refused") for what in load.outcomes), load.outcomes


def test_workers_are_back_soon(place: Place) -> None:
    """A worker tries often enough that it is there as soon as the service is."""
    service = place.service()
    place.worker("one")
    until(lambda: place.served("one"))
    end(service, signal.SIGTERM)
    until(lambda: not place.control.exists())
    time.sleep(1)  # by now attempts have become as rare as they will be for some seconds
    place.service()
    load = Load(place, ["one"], 20)
    until(place.control.exists)
    back = time.monotonic()
    until(lambda: load.outcomes["served"] > 0)
    elapsed = time.monotonic() - back
    load.stop()
    assert elapsed < 0.4  # 0.05 on a quiet machine


def test_clients_before_the_first_worker(place: Place) -> None:
    """Five hundred clients that come before a spawned worker has registered are all served."""
    place.service(f"--worker={place.address('one')}=names:slow,preamble=consume")
    load = Load(place, ["one"], 500)
    time.sleep(1)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert load.outcomes["served"] > 200


def test_more_clients_than_may_wait(place: Place) -> None:
    """Those over the limit are told that the server is too busy, the others are served."""
    place.service(
        f"--worker={place.address('one')}=names:slow,preamble=consume", "--maxWaitingPerAddress=20"
    )
    until(lambda: "started as process" in place.log.read_text())
    load = Load(place, ["one"], 200)
    time.sleep(0.4)
    load.stop()
    assert load.outcomes["served"] == 20, load.outcomes
    refused = [what for what in load.outcomes if what.startswith("refused")]
    assert all("ServerTooBusy" in what for what in refused), load.outcomes
    assert refused


def test_a_killed_worker(place: Place) -> None:
    """Clients that come while a spawned worker is started again wait for it."""
    place.service(f"--worker={place.address('one')}=names:factory,preamble=consume")
    until(lambda: place.served("one"))
    load = Load(place, ["one"], 100)
    time.sleep(0.3)
    os.kill(int(place.ask("one").removeprefix(PREAMBLE_ACK)), signal.SIGKILL)
    time.sleep(1.5)
    load.stop()
    lost = {what: count for what, count in load.outcomes.items() if what != "served"}
    assert not any(what.startswith("refused") for what in lost), lost
    assert sum(lost.values()) <= 3, lost  # what it had in its hands


def test_an_unknown_address_after_the_start(place: Place) -> None:
    """It is told so, a moment after the start and at once later on."""
    place.service()
    for _ in range(2):
        began = time.monotonic()
        assert b"EndpointNotFound" in place.ask("nothing")
    assert time.monotonic() - began < 0.4


def test_an_address_of_its_own_port(place: Place) -> None:
    """The port that only registered addresses open is open at once after a restart, too."""
    number = free_port()
    address = f"net.tcp://+:{number}/one"
    service = place.service("--interface=127.0.0.1")
    command = [sys.executable, "-c", SELF_REGISTERED, str(place.control), address]
    with subprocess.Popen(command, env=place.environment) as process:
        try:
            until(lambda: answers(number))
            until(lambda: address in remembered(place))
            end(service, signal.SIGKILL)
            process.send_signal(signal.SIGSTOP)
            place.service("--interface=127.0.0.1")
            until(lambda: answers(number), 4)
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def remembered(place: Place) -> str:
    """What the service has written for the one after it."""
    file = place.control.with_name("control.registered")
    return file.read_text() if file.exists() else ""


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
