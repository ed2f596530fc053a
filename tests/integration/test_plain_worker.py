"""examples/plain_worker.py, a worker without Twisted, behind a real service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from netshare.addresses import parse_base_address
from netshare.endpoints.client import NetTcpClientEndpoint
from netshare.framing.faults import Fault
from netshare.framing.records import END, NEGOTIATE_UPGRADE, PREAMBLE_ACK, Mode, preamble
from netshare.framing.sizes import encode_size
from netshare.outcomes import Outcome
from netshare.service.activation.interfaces import State
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.shared import SharedPort
from tests.helpers.wire import sized_envelope
from tests.peers.drivers import free_port

reactor: Any = _reactor

PROGRAM = Path(__file__).parents[2] / "examples" / "plain_worker.py"

#: Without site-packages: the worker could not import Twisted or netshare if it tried.
COMMAND = (sys.executable, "-I", "-S", str(PROGRAM))


async def until(done: Any, seconds: float = 10.0) -> None:
    """Wait until something is so."""
    end = reactor.seconds() + seconds
    while not done():
        assert reactor.seconds() < end, "it did not become so in time"
        await deferLater(reactor, 0.01)


class Place:
    """A sharing service with a control socket, and the plain workers that belong to it."""

    def __init__(self, directory: Path) -> None:
        self.control = directory / "control"
        self.port = free_port()
        self.shared = SharedPort(reactor, openPorts=True, interfaces=["127.0.0.1"])
        self._desk: Any = None
        self.processes: list[subprocess.Popen[str]] = []
        self.clients: list[Any] = []

    async def start(self) -> None:
        self._desk = await UNIXServerEndpoint(reactor, str(self.control)).listen(self.shared.desk)

    async def stop(self) -> None:
        """End the service; twice does no harm."""
        if self._desk is not None:
            await self._desk.stopListening()
            self._desk = None
            await self.shared.stop()

    def address(self, path: str, host: str = "127.0.0.1") -> str:
        return f"net.tcp://{host}:{self.port}/{path}"

    def launch(self, path: str) -> subprocess.Popen[str]:
        """Start a plain worker, by the control socket."""
        process = subprocess.Popen(
            [*COMMAND, self.address(path, "+")],
            env={"NETSHARE_CONTROL": str(self.control)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    async def worker(self, path: str) -> subprocess.Popen[str]:
        """Start a plain worker, and wait until it is registered."""
        count = len(self.shared.registry)
        process = self.launch(path)
        await until(lambda: len(self.shared.registry) > count)
        return process

    async def raw(self, data: bytes = b"") -> Collector:
        """A client that writes bytes and collects bytes."""
        client = Collector()
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", self.port), client)
        self.clients.append(client)
        client.transport.write(data)
        return client

    def count(self, outcome: Outcome) -> int:
        return self.shared.counts.outcomes[outcome]


@pytest_twisted.async_yield_fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A running :class:`Place`; nothing of it is left behind."""
    one = Place(tmp_path)
    await one.start()
    yield one
    for client in one.clients:
        client.transport.abortConnection()
    await one.stop()
    for process in one.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
    await until(lambda: one.shared.admission.descriptors == 0)


class Collector(Protocol):
    """Keeps what it receives."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.closed = True

    async def expect(self, data: bytes) -> None:
        """Wait until exactly these bytes have come, and forget them."""
        await until(lambda: self.closed or len(self.received) >= len(data))
        assert self.received == data
        self.received = b""


def test_neither_twisted_nor_netshare_is_within_its_reach() -> None:
    """The interpreter that runs the worker in these tests could import neither of them."""
    for name in ("twisted", "netshare"):
        found = subprocess.run([*COMMAND[:3], "-c", f"import {name}"], cwd="/", capture_output=True)
        assert b"ModuleNotFoundError" in found.stderr


async def test_messages_come_back(place: Place) -> None:
    """A client behind the shared port gets its messages back, small ones and large ones."""
    await place.worker("echo")
    endpoint = NetTcpClientEndpoint(reactor, place.address("echo/below"))
    client: Any = await endpoint.connect(Factory.forProtocol(Collector))
    place.clients.append(client)
    for size in (0, 1, 127, 128, 16384, 65536):
        message = sized_envelope(os.urandom(size))
        client.transport.write(message)
        await client.expect(message)
    assert place.count(Outcome.HANDED_OVER) == 1


async def test_bytes_read_before_the_hand_over(place: Place) -> None:
    """What a client sends at once with its preamble is served too, beyond one AMP value."""
    await place.worker("echo")
    messages = b"".join(sized_envelope(os.urandom(60_000)) for _ in range(5))
    client = await place.raw(preamble(place.address("echo")) + messages)
    await client.expect(PREAMBLE_ACK + messages)


async def test_a_byte_at_a_time(place: Place) -> None:
    """A client may cut its bytes as it likes."""
    await place.worker("echo")
    client = await place.raw()
    conversation = preamble(place.address("echo")) + sized_envelope(b"slow") + END
    for at in range(len(conversation)):
        client.transport.write(conversation[at : at + 1])
        await deferLater(reactor, 0.001)
    await client.expect(PREAMBLE_ACK + sized_envelope(b"slow") + END)


async def test_the_same_via_again(place: Place) -> None:
    """After End a further preamble for the same via is served by the same worker, at once."""
    await place.worker("echo")
    client = await place.raw()
    for _ in range(3):
        client.transport.write(preamble(place.address("echo")) + sized_envelope(b"m") + END)
        await client.expect(PREAMBLE_ACK + sized_envelope(b"m") + END)
    assert place.count(Outcome.HANDED_OVER) == 1
    assert place.shared.counts.returned == 0


async def test_another_via_goes_back_to_the_service(place: Place) -> None:
    """After End a preamble for another via travels back, and to the worker whose it is."""
    await place.worker("one")
    await place.worker("two")
    client = await place.raw()
    for path in ("one", "two", "one", "one/deeper"):
        client.transport.write(preamble(place.address(path)) + sized_envelope(path.encode()) + END)
        await client.expect(PREAMBLE_ACK + sized_envelope(path.encode()) + END)
    assert place.shared.counts.returned == 3
    assert place.count(Outcome.HANDED_OVER) == 4


async def test_changed_routes_send_sockets_back(place: Place) -> None:
    """A deeper registration makes the worker give a used socket back even for its own via."""
    await place.worker("one")
    client = await place.raw(preamble(place.address("one/deeper")) + END)
    await client.expect(PREAMBLE_ACK + END)
    await place.worker("one/deeper")
    client.transport.write(preamble(place.address("one/deeper")) + END)
    await client.expect(PREAMBLE_ACK + END)
    assert place.shared.counts.returned == 1
    while place.count(Outcome.HANDED_OVER) < 2:
        await deferLater(reactor, 0.01)
    rows, _ = place.shared.status.registrations(0, 10)
    assert {row["address"]: row["given"] for row in rows} == {
        place.address("one", "+"): 1,
        place.address("one/deeper", "+"): 1,
    }


async def test_an_unknown_via_is_refused_after_all(place: Place) -> None:
    """A socket that comes back for an address of nobody's is told EndpointNotFound."""
    await place.worker("one")
    client = await place.raw(preamble(place.address("one")) + END)
    await client.expect(PREAMBLE_ACK + END)
    client.transport.write(preamble(place.address("nobody")))
    await client.expect(Fault.ENDPOINT_NOT_FOUND.record)


@pytest.mark.parametrize(
    ("conversation", "answer"),
    [
        pytest.param({"upgrade": NEGOTIATE_UPGRADE}, Fault.UPGRADE_INVALID.record, id="upgrade"),
        pytest.param({"mode": Mode.SINGLETON}, Fault.UNSUPPORTED_MODE.record, id="mode"),
    ],
)
async def test_refused_preambles(place: Place, conversation: Any, answer: bytes) -> None:
    """What the worker does not offer it refuses with the framing's fault."""
    await place.worker("echo")
    client = await place.raw(preamble(place.address("echo"), **conversation))
    await client.expect(answer)
    await until(lambda: client.closed)


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (b"\x06" + encode_size(65537), Fault.MAX_MESSAGE_SIZE_EXCEEDED.record),
        (b"\x0c", b""),
        (END + b"GET / HTTP/1.1\r\n", END),
    ],
)
async def test_refused_records(place: Place, record: bytes, answer: bytes) -> None:
    """A message that is too large, or a record out of order, ends the connection."""
    await place.worker("echo")
    client = await place.raw(preamble(place.address("echo")))
    await client.expect(PREAMBLE_ACK)
    client.transport.write(record)
    await until(lambda: client.closed)
    assert client.received == answer


async def test_it_ends_with_the_service_but_not_before_its_clients(place: Place) -> None:
    """When the link ends, a client that is there is served on; then the process ends."""
    process = await place.worker("echo")
    client = await place.raw(preamble(place.address("echo")))
    await client.expect(PREAMBLE_ACK)
    await place.stop()
    client.transport.write(sized_envelope(b"still there"))
    await client.expect(sized_envelope(b"still there"))
    assert process.poll() is None
    client.transport.loseConnection()
    await until(lambda: process.poll() is not None)
    assert process.communicate()[1] == "the service is gone\n"


async def test_a_conflict_is_told(place: Place) -> None:
    """A second worker for the same address ends with the service's sentence."""
    await place.worker("echo")
    second = place.launch("echo")
    await until(lambda: second.poll() is not None)
    assert "is registered already" in second.communicate()[1]
    assert second.returncode == 1


async def test_as_a_supervised_worker(place: Place) -> None:
    """Started by the service, it registers over the link that it inherits."""
    address = place.address("echo", "+")
    spec = WorkerSpec("plain", parse_base_address(address), command=(*COMMAND, address))
    supervisor = Supervisor(reactor, place.shared.desk, [spec], "/nowhere", environ={})
    place.shared.ports.acquire(place.port)
    supervisor.start()
    await until(lambda: len(place.shared.registry) == 1)
    client = await place.raw(preamble(place.address("echo")) + sized_envelope(b"hello"))
    await client.expect(PREAMBLE_ACK + sized_envelope(b"hello"))
    assert supervisor.workers[0].state is State.SERVING
    client.transport.abortConnection()
    ended: Deferred[Any] = supervisor.stop()
    await ended
    await until(lambda: len(place.shared.registry) == 0)
