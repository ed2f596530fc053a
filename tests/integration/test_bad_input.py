"""
Whatever arrives, the service answers as the protocol says, loses nothing, and goes on serving.

Every test ends with a client that is served, with balanced books and, by the fixture of
``tests/conftest.py``, without a descriptor or delayed call more than before.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, globalLogPublisher

from netshare.control import commands
from netshare.control.boxes import Box
from netshare.control.protocol import ControlProtocol
from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from netshare.service.quotas import Quotas
from netshare.sockets.unixnames import unsent_bytes
from tests.integration.running import AcknowledgingFactory, RawClient, RunningService

reactor: Any = _reactor


@pytest_twisted.async_yield_fixture
async def serving(tmp_path: Path) -> AsyncIterator[RunningService]:
    """A service with one worker, which has to serve, and no traceback logged, at the end."""
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    running = RunningService(
        reactor,
        tmp_path,
        quotas=Quotas(receiveTimeout=0.5, dispatchTimeout=1.0, closeTimeout=0.5),
    )
    await running.start()
    await running.worker("good", AcknowledgingFactory("good"))
    yield running
    client = await running.call("good")
    assert await client.until(5) == PREAMBLE_ACK + b"good"
    await running.settle(running.balanced)
    await running.stop()
    globalLogPublisher.removeObserver(events.append)
    assert [e for e in events if e["log_level"] is LogLevel.critical or "log_failure" in e] == []


GOOD = preamble("net.tcp://127.0.0.1/good")

REFUSED = [
    ("major version 2", b"\x00\x02\x00\x01\x02", Fault.UNSUPPORTED_VERSION),
    ("mode 0", b"\x00\x01\x00\x01\x00", Fault.UNSUPPORTED_MODE),
    ("mode 9", b"\x00\x01\x00\x01\x09\x02", Fault.UNSUPPORTED_MODE),
    ("a via of 2049 bytes", b"\x00\x01\x00\x01\x02\x02\x81\x10" + b"x" * 2049, Fault.VIA_TOO_LONG),
    ("a via of 2 GiB", b"\x00\x01\x00\x01\x02\x02\xff\xff\xff\xff\x07", Fault.VIA_TOO_LONG),
    ("an unknown path", preamble("net.tcp://127.0.0.1/bad"), Fault.ENDPOINT_NOT_FOUND),
]


@pytest.mark.parametrize(("data", "fault"), [case[1:] for case in REFUSED])
async def test_refusals_are_read(serving: RunningService, data: bytes, fault: Fault) -> None:
    """A refused client reads the whole fault and then the end, even while it goes on sending."""
    client = await serving.client(data)
    client.send(b"z" * 20_000)
    assert await client.end() == fault.record


SILENT = [
    (b"\x01", Outcome.MALFORMED),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Outcome.MALFORMED),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Outcome.MALFORMED),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Outcome.MALFORMED),
    (b"\x00\x01\x00\x02\x02", Outcome.MALFORMED),
    (b"\x00\x01\x00\x01\x02\x03\x08", Outcome.MALFORMED),
    (b"\x00\x01\x00\x01\x02\x02\x00", Outcome.MALFORMED),
    (b"\x00\x01\x00\x01\x02\x02\xff\xff\xff\xff\x0f", Outcome.MALFORMED),
    (b"\x00\x01\x00\x01\x02\x02\x02\xff\xfe", Outcome.MALFORMED),
    (b"\x00\x01\x00\x01\x02\x02\x03abc\x03\x08\x0c", Outcome.BAD_VIA),
]


@pytest.mark.parametrize(("data", "outcome"), SILENT)
async def test_what_has_no_fault_is_closed(
    serving: RunningService, data: bytes, outcome: Outcome
) -> None:
    """Bytes that are no preamble get no answer but the end of the connection."""
    client = await serving.client(data)
    assert await client.end() == b""
    await serving.settle(lambda: serving.count(outcome) == 1)


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"GET / HTTP/1.1\r\n\r\n", "HTTP"), (b"\x16\x03\x01\x00", "TLS"), (b"SSH-2.0-x\r\n", "SSH")],
)
async def test_foreign_protocols_are_named(serving: RunningService, data: bytes, name: str) -> None:
    """The log says what knocked at the wrong door."""
    details: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("outcome") == "malformed":
            details.append(event["detail"])

    globalLogPublisher.addObserver(observe)
    client = await serving.client(data)
    await client.end()
    globalLogPublisher.removeObserver(observe)
    assert details == [f"this is {name}, not net.tcp"]


async def test_random_bytes(serving: RunningService) -> None:
    """Two hundred connections of noise, whole or after a good beginning."""
    noise = random.Random(808)
    for number in range(200):
        start = GOOD[: noise.randrange(len(GOOD))] if number % 2 else b""
        client = await serving.client(start + noise.randbytes(noise.randrange(1, 400)))
        if number % 3 == 0:
            client.reset()
        else:
            client.transport.loseWriteConnection()
    await serving.settle(lambda: serving.shared.counts.accepted == 200)
    await serving.settle(serving.balanced)


async def test_every_truncation(serving: RunningService) -> None:
    """A preamble cut anywhere, by a half-close or a reset, is an incomplete one."""
    via = serving.address("good")
    whole = preamble(via)
    routed = whole.index(via.encode()) + len(via)
    for cut in range(routed):
        for reset in (False, True):
            client = await serving.client(whole[:cut])
            if reset:
                client.reset()
            else:
                client.transport.loseWriteConnection()
                assert await client.end() == b""
    await serving.settle(lambda: serving.shared.counts.accepted == 2 * routed)
    await serving.settle(serving.balanced)
    # A reset can overtake what was sent before it: then nothing of it was seen.
    gone = serving.count(Outcome.EMPTY) + serving.count(Outcome.INCOMPLETE)
    assert gone == 2 * routed


async def test_byte_by_byte(serving: RunningService) -> None:
    """A preamble that comes a byte at a time is served as one that comes whole."""
    client = await serving.client()
    client.transport.setTcpNoDelay(True)
    for byte in preamble(serving.address("good")):
        client.send(bytes((byte,)))
        await deferLater(reactor, 0.001)
    assert await client.until(5) == PREAMBLE_ACK + b"good"


async def test_slow_drips_run_out_of_time(serving: RunningService) -> None:
    """The time for the preamble does not start anew with each byte."""
    client = await serving.client()
    for byte in GOOD[:30]:
        client.send(bytes((byte,)))
        await deferLater(reactor, 0.03)
        if client.finished:
            break
    await client.end()
    assert serving.count(Outcome.RECEIVE_TIMEOUT) == 1


async def test_a_refused_client_that_never_closes(serving: RunningService) -> None:
    """Who reads its fault and stays is cut off after closeTimeout."""
    connecting = socket.create_connection(("127.0.0.1", serving.port))
    connecting.setblocking(False)
    connecting.send(preamble(serving.address("unknown")))
    await serving.settle(lambda: serving.count(Outcome.ENDPOINT_NOT_FOUND) == 1)
    assert not serving.balanced()
    await serving.settle(serving.balanced)
    assert connecting.recv(1000) == Fault.ENDPOINT_NOT_FOUND.record
    connecting.close()


async def test_a_refused_client_that_floods(serving: RunningService) -> None:
    """Who answers its refusal with megabytes is cut off after 64 KiB."""
    client = await serving.client(preamble(serving.address("unknown")))
    client.send(b"x" * 5_000_000)
    await client._when(lambda: client.reason is not None)
    await serving.settle(serving.balanced)


async def test_a_client_gone_before_adoption(serving: RunningService) -> None:
    """A client that resets while its socket is on the way is its own outcome, not an error."""

    class Late(ControlProtocol):
        """Looks at the socket only after the client has left."""

        @commands.Duplicate.responder
        async def duplicate(self, **arguments: Any) -> dict[str, Any]:
            descriptor = self.claim(arguments["socket"])
            client.reset()
            await deferLater(reactor, 0.05)
            peer = socket.socket(fileno=descriptor)
            try:
                peer.getpeername()
            except OSError as error:
                raise commands.Gone(str(error)) from None
            finally:
                peer.close()
            return {}

    link = await connectProtocol(UNIXClientEndpoint(reactor, str(serving.control)), Late())
    await link.callRemote(
        commands.Register,
        version=commands.PROTOCOL_VERSION,
        baseAddress=f"net.tcp://+:{serving.port}/late",
    )
    client = await serving.call("late")
    await serving.settle(lambda: serving.count(Outcome.CLIENT_GONE) == 1)
    link.transport.loseConnection()


async def test_garbage_on_the_control_socket(serving: RunningService) -> None:
    """Noise, half boxes and unknown commands cost their own link only."""
    noise = random.Random(808)
    junk = [
        b"",
        b"\x00",
        b"\x00\x00",
        b"\xff\xff" + b"x" * 100,
        b"\x00\x04_ask\x00\x011\x00\x08_command\x00\x07Nothing\x00\x00",
        b"\x00\x04_ask\x00\x011\x00\x08_command\x00\x08Register\x00\x00",
        b"\x00\x04_ask\x00\x011\x00\x08_command\x00\x06Return\x00\x06socket\x00\x017\x00\x00",
        *(noise.randbytes(200) for _ in range(50)),
    ]
    for data in junk:
        client = RawClient()
        await connectProtocol(UNIXClientEndpoint(reactor, str(serving.control)), client)
        client.send(data)
        client.transport.loseWriteConnection()
        await client.end()
    assert len(serving.shared.registry) == 1


async def test_things_that_cannot_be_returned(serving: RunningService) -> None:
    """A worker that gives back a file, a pipe or somebody else's socket is told so."""
    link = await connectProtocol(
        UNIXClientEndpoint(reactor, str(serving.control)), ControlProtocol()
    )
    await link.callRemote(
        commands.Register,
        version=commands.PROTOCOL_VERSION,
        baseAddress=f"net.tcp://+:{serving.port}/returner",
    )
    listening = socket.create_server(("127.0.0.1", 0))
    foreign = socket.create_connection(listening.getsockname())
    pair = socket.socketpair()
    reading, writing = os.pipe()
    with open(os.devnull, "rb") as nothing, listening, foreign, pair[0], pair[1]:
        for descriptor in (
            nothing.fileno(),
            reading,
            pair[0].fileno(),
            listening.fileno(),
            foreign.fileno(),
        ):
            with pytest.raises(commands.NotReturnable):
                await link.callRemote(commands.Return, readData=b"", socket=descriptor)
    os.close(reading)
    os.close(writing)
    link.transport.loseConnection()


async def test_a_full_descriptor_table(tmp_path: Path) -> None:
    """At its descriptor limit the service stops accepting, and goes on when some are free."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    running = RunningService(reactor, tmp_path, quotas=Quotas(receiveTimeout=30.0))
    running.shared.admission.descriptorLimit = 10
    await running.start()
    await running.worker("good", AcknowledgingFactory("good"))
    # Clients that say no more leave half of the descriptors to others.
    clients = [await running.client(b"\x00") for _ in range(40)]
    await running.settle(lambda: running.shared.counts.accepted == 40)
    assert running.shared.admission.pending == 5
    client = await running.call("good")
    assert await client.until(5) == PREAMBLE_ACK + b"good"
    for client in clients:
        client.abort()
    await running.settle(lambda: running.shared.admission.pending == 0)
    running.shared.admission.hold(10)
    client = await running.call("good")
    await deferLater(reactor, 0.1)
    assert client.received == b""
    running.shared.admission.release(10)
    assert await client.until(5) == PREAMBLE_ACK + b"good"
    await running.settle(running.balanced)
    await running.stop()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


async def test_too_many_of_one_client(tmp_path: Path) -> None:
    """One client address may have only so many undecided connections; others are not refused."""
    running = RunningService(reactor, tmp_path, quotas=Quotas(maxPendingPerPeer=3))
    await running.start()
    await running.worker("good", AcknowledgingFactory("good"))
    idle = [await running.client(b"\x00") for _ in range(3)]
    await running.settle(lambda: running.shared.admission.pending == 3)
    fourth = await running.call("good")
    assert await fourth.end() == Fault.SERVER_TOO_BUSY.record
    for client in idle:
        client.abort()
    await running.settle(lambda: running.shared.admission.pending == 0)
    client = await running.call("good")
    assert await client.until(5) == PREAMBLE_ACK + b"good"
    await running.stop()


async def test_half_open_connections_stop_nobody(tmp_path: Path) -> None:
    """At maxPendingConnections those that say nothing go, the oldest first, and are told."""
    running = RunningService(reactor, tmp_path, quotas=Quotas(maxPendingConnections=5))
    await running.start()
    await running.worker("good", AcknowledgingFactory("good"))
    idle = [await running.client(b"\x00") for _ in range(50)]
    for client in [await running.call("good") for _ in range(50)]:
        assert await client.until(5) == PREAMBLE_ACK + b"good"
    assert await idle[0].end() == Fault.SERVER_TOO_BUSY.record
    assert running.count(Outcome.SERVER_TOO_BUSY) >= 45
    for client in idle:
        client.abort()
    await running.settle(running.balanced)
    await running.stop()


async def test_a_crowd_behind_one_address(tmp_path: Path) -> None:
    """Two thousand at once from one address, the connections first: the defaults refuse none."""
    running = RunningService(reactor, tmp_path, quotas=Quotas())
    await running.start()
    await running.worker("good", AcknowledgingFactory("good"))
    sockets = []
    for _ in range(2000):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", running.port))
        sockets.append(one)
    await running.settle(lambda: running.shared.admission.pending == 2000, 20)
    for one in sockets:
        one.sendall(preamble(running.address("good")))
    await running.settle(lambda: running.count(Outcome.HANDED_OVER) == 2000, 20)
    for one in sockets:
        one.close()
    await running.settle(running.balanced, 20)
    await running.stop()


@pytest.mark.parametrize("closing", [False, True])
async def test_a_link_that_does_not_read_its_answers(
    service: RunningService, closing: bool
) -> None:
    """Its questions wait in its own socket, until it reads; it is closed like any other."""
    questions = Box({b"_command": b"Stats", b"_ask": b"1"}).serialize() * 20_000
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(str(service.control))
        link.setblocking(False)
        links = service.shared.registry.links
        await service.settle(lambda: bool(links))
        (protocol,) = links
        sent, received = 0, b""
        for _ in range(200):
            with contextlib.suppress(BlockingIOError):
                sent += link.send(questions[sent:])
            await deferLater(reactor, 0)
        assert protocol.transport.producerPaused
        assert sent < len(questions)
        if closing:
            protocol.transport.loseConnection()
        asked = sent * 20_000 // len(questions)
        while links and received.count(b"_answer") < asked:
            await deferLater(reactor, 0)
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                received += link.recv(1 << 20)
    assert received.count(b"_answer") > 100
    await service.settle(lambda: not links)


async def test_answers_that_are_not_read_are_few(service: RunningService) -> None:
    """Questions that were read already are not dealt with while their answers are not read."""
    count = 2_000
    question = Box({b"_command": b"Stats", b"_ask": b"1"}).serialize()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(str(service.control))
        links = service.shared.registry.links
        await service.settle(lambda: bool(links))
        (protocol,) = links
        link.sendall(question * count)
        link.setblocking(False)
        await service.settle(lambda: protocol.transport.producerPaused)
        for _ in range(count // 8):
            await deferLater(reactor, 0)
        unsent = unsent_bytes(protocol.transport)
        assert unsent is not None
        assert len(unsent) < 512 * 1024
        received = b""
        while received.count(b"_answer") < count:
            await deferLater(reactor, 0)
            with contextlib.suppress(BlockingIOError):
                received += link.recv(1 << 20)
    await service.settle(lambda: not links)
