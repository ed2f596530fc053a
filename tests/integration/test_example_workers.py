"""The workers in C and C#, written from docs/protocol.rst alone, behind a real service."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netshare.framing.faults import Fault
from netshare.framing.records import END, NEGOTIATE_UPGRADE, PREAMBLE_ACK, Mode, preamble
from netshare.framing.sizes import encode_size
from tests.helpers.places import ROOT
from tests.helpers.wire import sized_envelope
from tests.integration.restarting import Load, Place, end, until
from tests.peers.programs import require_peer

EXAMPLES = ROOT / "examples"

BUILDS = {
    "c": [
        "gcc",
        *("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"),
        *("-o", "{program}", str(EXAMPLES / "worker.c")),
    ],
    "csharp": ["mcs", "-warnaserror", "-out:{program}", str(EXAMPLES / "csharp" / "Worker.cs")],
}
RUNS = {"c": ["{program}"], "csharp": ["mono", "{program}"]}


@pytest.fixture(scope="module", params=sorted(BUILDS))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command line of a worker that was built just now."""
    require_peer({"c": "gcc", "csharp": "mono"}[request.param])
    path = str(tmp_path_factory.mktemp("worker") / "worker")
    built = [word.format(program=path) for word in BUILDS[request.param]]
    done = subprocess.run(built, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [word.format(program=path) for word in RUNS[request.param]]


class Workers(Place):
    """A place whose workers are the examples."""

    def __init__(self, directory: Path, cleanup: ExitStack, program: list[str]) -> None:
        super().__init__(directory, cleanup)
        self.program = program
        self.cleanup = cleanup

    def launch(self, path: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker by the control socket."""
        process = subprocess.Popen(
            [*self.program, *options, self.address(path)],
            env={**os.environ, "NETSHARE_CONTROL": str(self.control)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.cleanup.callback(end, process, signal.SIGKILL)
        return process

    def ready(self, path: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until it is registered."""
        process = self.launch(path, *options)
        assert process.stdout is not None
        assert process.stdout.readline() == f"registered {self.address(path)}\n".encode()
        return process

    def ask(self, path: str, timeout: float = 20) -> bytes:
        """What a client gets for a message and End, up to the end of a line that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as client:
            client.sendall(self.opening(path) + sized_envelope(b"hello\n") + END)
            answer = b""
            while not answer.endswith(b"\n" + END) and (piece := client.recv(1000)):
                answer += piece
        return answer

    def client(self, path: str = "echo", then: bytes = b"") -> socket.socket:
        """A client that asks for a path."""
        client = self.cleanup.enter_context(
            socket.create_connection(("127.0.0.1", self.port), timeout=20)
        )
        client.sendall(self.opening(path) + then)
        return client

    def command(self, *words: str) -> str:
        """Run the command line."""
        done = subprocess.run(
            [sys.executable, "-m", "netshare.cli", *words, f"--control={self.control}"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.command("list", "--json"))
        return found

    def running(self) -> None:
        """Start a service, and wait for it."""
        self.service()
        until(self.control.exists)


@pytest.fixture
def place(tmp_path: Path, program: list[str]) -> Iterator[Workers]:
    with ExitStack() as cleanup:
        yield Workers(tmp_path, cleanup, program)


def expect(client: socket.socket, data: bytes) -> None:
    """Read exactly these bytes."""
    received = b""
    while len(received) < len(data) and (piece := client.recv(len(data) - len(received))):
        received += piece
    assert received == data


def test_a_hundred_clients(place: Workers) -> None:
    """Each of a hundred connections at once gets its messages back, and End for End."""
    place.running()
    place.ready("echo")
    clients = [place.client() for _ in range(100)]
    for number, client in enumerate(clients):
        client.sendall(sized_envelope(b"%d" % number) + sized_envelope(os.urandom(0)))
    for number, client in enumerate(clients):
        expect(client, PREAMBLE_ACK + sized_envelope(b"%d" % number) + sized_envelope(b""))
    for client in clients:
        client.sendall(END)
        expect(client, END)
    assert place.rows()[0]["given"] == 100


def test_sizes(place: Workers) -> None:
    """Messages of all sizes come back, also what came at once with the preamble."""
    place.running()
    place.ready("echo")
    messages = b"".join(sized_envelope(os.urandom(size)) for size in (1, 127, 128, 60_000, 65_536))
    expect(place.client(then=messages), PREAMBLE_ACK + messages)


def test_a_byte_at_a_time(place: Workers) -> None:
    """A client may cut its bytes as it likes."""
    place.running()
    place.ready("echo")
    client = place.client()
    expect(client, PREAMBLE_ACK)
    for byte in sized_envelope(b"slow") + END + place.opening("echo"):
        client.sendall(bytes([byte]))
    expect(client, sized_envelope(b"slow") + END + PREAMBLE_ACK)


def test_half_closed(place: Workers) -> None:
    """A client that has closed its half is answered before the worker closes."""
    place.running()
    place.ready("echo")
    client = place.client(then=sized_envelope(b"last words") + END)
    client.shutdown(socket.SHUT_WR)
    expect(client, PREAMBLE_ACK + sized_envelope(b"last words") + END)
    assert client.recv(1) == b""


def test_sockets_that_are_used_again(place: Workers) -> None:
    """The same via is served at once; another one goes back to the service, and to its worker."""
    place.running()
    place.ready("one")
    place.ready("two")
    client = place.client("one", END)
    expect(client, PREAMBLE_ACK + END)
    for path in ("one", "two", "one", "one/deeper"):
        client.sendall(place.opening(path) + sized_envelope(path.encode()) + END)
        expect(client, PREAMBLE_ACK + sized_envelope(path.encode()) + END)
    given = {row["address"]: row["given"] for row in place.rows()}
    assert given == {place.address("one"): 3, place.address("two"): 1}
    place.ready("one/deeper")
    client.sendall(place.opening("one/deeper") + END)
    expect(client, PREAMBLE_ACK + END)
    assert {row["given"] for row in place.rows() if "deeper" in row["address"]} == {1}


@pytest.mark.parametrize(
    ("changed", "then", "answer"),
    [
        ({"upgrade": NEGOTIATE_UPGRADE}, b"", Fault.UPGRADE_INVALID.record),
        ({"mode": Mode.SINGLETON}, b"", Fault.UNSUPPORTED_MODE.record),
        ({}, b"\x06" + encode_size(65537), PREAMBLE_ACK + Fault.MAX_MESSAGE_SIZE_EXCEEDED.record),
        ({}, b"\x0c", PREAMBLE_ACK),
        ({}, END + b"GET / HTTP/1.1\r\n\r\n", PREAMBLE_ACK + END),
    ],
    ids=["upgrade", "mode", "size", "order", "nonsense"],
)
def test_refusals(place: Workers, changed: Any, then: bytes, answer: bytes) -> None:
    """What the worker does not offer is refused with the fault for it, which always arrives."""
    place.running()
    place.ready("echo")
    client = socket.create_connection(("127.0.0.1", place.port), timeout=20)
    place.cleanup.callback(client.close)
    # More than the worker will read of it: a close at once would reset the connection.
    client.sendall(preamble(f"net.tcp://127.0.0.1:{place.port}/echo", **changed) + then)
    client.sendall(bytes(5000))
    expect(client, answer)
    assert client.recv(1) == b""


def test_it_takes_no_more_than_it_can(place: Workers) -> None:
    """Clients above its number wait, and are served when others have left."""
    place.running()
    place.ready("echo", "-n", "5")
    first = [place.client() for _ in range(5)]
    for client in first:
        expect(client, PREAMBLE_ACK)
    more = [place.client(then=sized_envelope(b"at last")) for _ in range(20)]
    more[0].settimeout(0.3)
    with pytest.raises(TimeoutError):
        more[0].recv(1)
    more[0].settimeout(20)
    for client in first:
        client.close()
    waiting = set(more)
    while waiting:
        readable, _, _ = select.select(waiting, [], [], 20)
        assert readable, f"{len(waiting)} wait for ever"
        for client in readable:
            expect(client, PREAMBLE_ACK + sized_envelope(b"at last"))
            client.close()
            waiting.remove(client)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_service_that_is_started_again(place: Workers, how: signal.Signals) -> None:
    """The worker registers again; a client that it has lives on, and none of a load is refused."""
    service = place.service()
    until(place.control.exists)
    process = place.ready("echo")
    kept = place.client()
    expect(kept, PREAMBLE_ACK)
    load = Load(place, ["echo"], 50)
    try:
        for _ in range(2):
            time.sleep(0.3)
            end(service, how)
            service = place.service()
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"registered")
            kept.sendall(sized_envelope(b"still here"))
            expect(kept, sized_envelope(b"still here"))
        time.sleep(0.3)
    finally:
        load.stop()
    assert load.outcomes["served"] >= load.outcomes.total() - (how is signal.SIGKILL) * 2
    # What came before the restart may be another worker's by now: the service decides.
    kept.sendall(END + place.opening("echo") + END)
    expect(kept, END + PREAMBLE_ACK + END)


def test_draining(place: Workers) -> None:
    """One of two is drained: sessions end in it, used sockets go to the other, then it leaves."""
    place.running()
    old = place.ready("echo", "-s")
    session = place.client()
    pooled = place.client(then=END)
    expect(session, PREAMBLE_ACK)
    expect(pooled, PREAMBLE_ACK + END)
    place.ready("echo", "-s")
    place.command("drain", place.address("echo"), f"--pid={old.pid}", "--deadline=60")
    (state,) = [row["state"] for row in place.rows() if row["pid"] == old.pid]
    assert state == "draining"
    session.sendall(sized_envelope(b"still here"))
    expect(session, sized_envelope(b"still here"))
    pooled.sendall(place.opening("echo") + sized_envelope(b"elsewhere") + END)
    expect(pooled, PREAMBLE_ACK + sized_envelope(b"elsewhere") + END)
    assert old.poll() is None
    session.sendall(END + place.opening("echo"))
    expect(session, END + PREAMBLE_ACK)
    assert old.wait(20) == 0
    for client in (session, pooled):
        client.sendall(END if client is session else place.opening("echo") + END)
        expect(client, END if client is session else PREAMBLE_ACK + END)


def test_a_deadline(place: Workers) -> None:
    """Connections that do not end are given up when the time is over."""
    place.running()
    process = place.ready("echo")
    client = place.client()
    expect(client, PREAMBLE_ACK)
    place.command("drain", place.address("echo"), f"--pid={process.pid}", "--deadline=1")
    assert process.wait(20) == 0
    assert client.recv(1) == b""


def test_recycled_by_the_service(place: Workers) -> None:
    """Started by the service it is exchanged under load, and no client is refused or cut."""
    address = place.address("echo")
    place.service(f"--worker={address}=!{shlex.join([*place.program, address])}")
    until(lambda: place.served("echo"))
    kept = place.client()
    expect(kept, PREAMBLE_ACK)
    load = Load(place, ["echo"], 50)
    try:
        for _ in range(2):
            place.command("recycle", address, "--wait")
        kept.sendall(sized_envelope(b"still here"))
        expect(kept, sized_envelope(b"still here"))
    finally:
        load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    states = [row["state"] for row in place.rows()]
    assert sorted(states) == ["draining", "ready"]
    kept.sendall(END)
    expect(kept, END)
    kept.close()
    until(lambda: len(place.rows()) == 1)


def test_a_refused_registration(place: Workers) -> None:
    """A second worker for the same address ends with the service's sentence."""
    place.running()
    place.ready("echo")
    second = place.launch("echo")
    assert second.wait(20) == 1
    assert b"is registered already" in second.communicate()[1]


def test_no_service(place: Workers) -> None:
    """Without a service it ends with a sentence."""
    alone = place.launch("echo")
    assert alone.wait(20) == 1
    assert str(place.control).encode() in alone.communicate()[1]
