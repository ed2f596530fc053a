"""Channels over real sockets: with each other, with .NET's and Mono's programs, and shared."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import deferLater
from twisted.protocols.basic import FileSender

from netshare.framing.events import ENDED, Chunk
from netshare.framing.faults import Fault
from netshare.framing.records import BINARY, BINARY_SESSION, Mode
from netshare.framing.session import ClientSession
from netshare.outcomes import Outcome
from netshare.transport.channels import errors
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.channels.settings import Acceptance, ChannelSettings
from tests.helpers.conversations import conversations
from tests.integration.running import RunningService
from tests.peers.child import PeerError
from tests.peers.drivers import DotNetClient, MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer

TEXT = {"encoding": "text"}
SIZE = 1 << 20


@dataclass
class Echo:
    """A receiver that sends back what it receives, as fast as it is taken."""

    channel: Any
    messages: int = 0
    closed: list[Any] = field(default_factory=list)

    def messageReceived(self, payload: bytes) -> None:
        self.messages += 1
        waiting = self.channel.send(payload)
        if waiting is not None:
            self.channel.pauseReceiving()
            waiting.addCallback(lambda _: self.channel.resumeReceiving())

    def dataReceived(self, data: bytes) -> None:
        self.channel.write(data)

    def messageEnded(self) -> None:
        self.channel.finish()

    def endReceived(self) -> None:
        if self.channel.mode is Mode.DUPLEX:
            self.channel.close()

    def channelClosed(self, reason: Any) -> None:
        self.closed.append(None if reason is None else reason.type)


class Acceptor:
    """Gives each channel an echo, or refuses it."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked: list[tuple[str, Mode, str]] = []
        self.made: list[Any] = []
        self.make: Callable[[Any], Any] = Echo

    def channelOpening(self, via: str, mode: Mode, contentType: str, peer: Any) -> Any:
        self.asked.append((via, mode, contentType))
        return self.answer

    def channelOpened(self, channel: Any) -> Any:
        self.made.append(self.make(channel))
        return self.made[-1]


class Counting(FramingServerFactory):
    """Counts its connections."""

    accepted = 0

    def buildProtocol(self, addr: Any) -> Any:
        self.accepted += 1
        return super().buildProtocol(addr)


class Served:
    """A channel server on a port of 127.0.0.1."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.acceptor = Acceptor()
        self.factory = Counting(
            self.acceptor,
            reactor,
            ChannelSettings(max_received_message_size=SIZE + 1000, close_timeout=5),
        )
        self.port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.factory.listeningOn(self.port)

    @property
    def accepted(self) -> int:
        """How many connections there have been."""
        return self.factory.accepted

    def address(self, path: str = "calc") -> str:
        return f"net.tcp://127.0.0.1:{self.port.getHost().port}/{path}"

    async def settle(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        end = self.reactor.seconds() + 5
        while not done():
            assert self.reactor.seconds() < end, "it did not become so in time"
            await deferLater(self.reactor, 0.01)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def served() -> AsyncIterator[Served]:
    """A channel server; afterwards it is closed, and no descriptor is left."""
    from twisted.internet import reactor

    before = descriptors()
    server = Served(reactor)
    yield server
    await server.port.stopListening()
    server.factory.abort()
    await server.factory.close()
    await server.settle(lambda: descriptors() <= before)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def pool(served: Served) -> AsyncIterator[ConnectionPool]:
    """A client's pool; afterwards it is closed."""
    pool = ConnectionPool(served.reactor)
    yield pool
    await pool.close()


class Client:
    """A receiver that keeps what it is told, and can be awaited."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.digest = hashlib.sha256()
        self.size = 0
        self.over: Deferred[Any] = Deferred()
        self._awaited: tuple[int, Deferred[None]] | None = None

    async def received(self, count: int) -> list[bytes]:
        """So many messages."""
        if len(self.messages) < count:
            done: Deferred[None] = Deferred()
            self._awaited = (count, done)
            await done
        return self.messages

    def messageReceived(self, payload: bytes) -> None:
        self.messages.append(payload)
        if self._awaited is not None and len(self.messages) >= self._awaited[0]:
            done, self._awaited = self._awaited[1], None
            done.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)

    def messageEnded(self) -> None:
        pass

    def endReceived(self) -> None:
        pass

    def channelClosed(self, reason: Any) -> None:
        self.over.callback(None if reason is None else reason.type)


# ---- our client and our server -------------------------------------------------------------------


async def test_messages_of_all_sizes_come_back(served: Served, pool: ConnectionPool) -> None:
    """Messages from nothing to a megabyte are echoed; one socket carries all sessions."""
    sizes = [0, 1, 127, 128, 16383, 16384, 65535, 65536, SIZE]
    settings = ChannelSettings(max_received_message_size=SIZE)
    for _ in range(3):
        client = Client()
        channel: Any = await pool.open_channel(served.address(), client, settings=settings)
        for size in sizes:
            waiting = channel.send(os.urandom(1) * size)
            if waiting is not None:
                await waiting
        assert [len(m) for m in await client.received(len(sizes))] == sizes
        await channel.close()
        assert await client.over is None
    assert served.accepted == 1
    assert served.acceptor.made[-1].closed == [None]


async def test_a_slow_reader_slows_the_sender(served: Served, pool: ConnectionPool) -> None:
    """A sender that waits when it is told to never has much in the transport's buffer."""
    client = Client()
    settings = ChannelSettings(max_received_message_size=SIZE)
    channel: Any = await pool.open_channel(served.address(), client, settings=settings)
    channel.pauseReceiving()
    waits = 0
    for _ in range(100):
        waiting = channel.send(bytes(SIZE))
        if waiting is not None:
            waits += 1
            await deferLater(served.reactor, 0.01)
            if not waiting.called:
                break
    else:
        pytest.fail("a hundred megabytes were taken although nobody reads")
    assert waits
    channel.resumeReceiving()
    await waiting
    await client.received(served.acceptor.made[0].messages)
    channel.abort()


async def test_a_stream_comes_back(served: Served, pool: ConnectionPool, tmp_path: Any) -> None:
    """Thirty megabytes are streamed from a file through an echo in bounded memory."""
    served.acceptor.answer = Acceptance(ChannelSettings(max_received_message_size=1 << 30))
    path = tmp_path / "file"
    content = os.urandom(1 << 20) * 30
    path.write_bytes(content)

    class Stream(Echo):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel)
            channel.registerProducer(channel, True)  # as fast as its own output is taken

    served.acceptor.make = Stream
    for _ in range(2):
        client = Client()
        channel: Any = await pool.open_channel(
            served.address(),
            client,
            mode=Mode.SINGLETON,
            settings=ChannelSettings(max_received_message_size=1 << 30),
        )
        with path.open("rb") as file:
            sender: Any = FileSender()
            await sender.beginFileTransfer(file, channel)
            channel.finish()
        assert await client.over is None
        assert client.size == len(content)
        assert client.digest.digest() == hashlib.sha256(content).digest()
    assert served.accepted == 1
    assert [via_mode[1:] for via_mode in served.acceptor.asked] == [(Mode.SINGLETON, BINARY)] * 2


async def test_refusals_reach_our_client(served: Served, pool: ConnectionPool) -> None:
    """A fault, a message that is too large, and nobody there become the errors they should."""
    served.acceptor.answer = Fault.SERVER_TOO_BUSY
    with pytest.raises(errors.ServerTooBusyError):
        await pool.open_channel(served.address(), Client())
    served.acceptor.answer = None
    client = Client()
    channel: Any = await pool.open_channel(served.address(), client)
    channel.send(bytes(SIZE + 1001))
    assert await client.over is errors.QuotaExceededError
    with pytest.raises(errors.EndpointNotFoundError, match="nothing could be reached"):
        await pool.open_channel(f"net.tcp://127.0.0.1:{free_port()}/x", Client())


WHO = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>
<a:Action s:mustUnderstand="1">urn:peers:basic/IBasic/Who</a:Action>
<a:MessageID>urn:uuid:00000000-0000-0000-0000-000000000001</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">%s</a:To></s:Header>
<s:Body><Who xmlns="urn:peers:basic"/></s:Body></s:Envelope>"""


async def test_our_client_talks_to_a_mono_service(mono_server: StartMonoServer) -> None:
    """A Mono service answers our client's call; it closes without End, behind a message."""
    from twisted.internet import reactor

    where = f"net.tcp://127.0.0.1:{free_port()}/basic"
    await mono_server(MonoEndpoint("IBasic", where), name="monday", binding="text")
    client = Client()
    pool = ConnectionPool(reactor)
    channel: Any = await pool.open_channel(
        where, client, content_type="application/soap+xml; charset=utf-8"
    )
    channel.send((WHO % where).encode())
    (answer,) = await client.received(1)
    assert b"monday" in answer
    await channel.close()
    assert await client.over is None
    await pool.close()


# ---- Microsoft's client --------------------------------------------------------------------------


async def test_dotnet_opens_and_closes_on_one_socket(
    served: Served, dotnet_client: DotNetClient
) -> None:
    """A .NET channel opens and closes, End both ways; the next one has the same socket."""
    for path in ("one", "two", "one"):
        opened = await dotnet_client.command("raw-open", address=served.address(path))
        await dotnet_client.command("raw-close", channel=opened["channel"])
    assert served.accepted == 1
    assert served.acceptor.asked == [
        (served.address(path), Mode.DUPLEX, BINARY_SESSION) for path in ("one", "two", "one")
    ]
    assert [echo.closed for echo in served.acceptor.made] == [[None]] * 3


async def test_dotnet_messages_are_echoed(served: Served, dotnet_client: DotNetClient) -> None:
    """Messages that .NET sends come back as they were, small and large."""
    binding = TEXT | {"maxReceivedMessageSize": SIZE}
    opened = await dotnet_client.command("raw-open", address=served.address(), binding=binding)
    name = opened["channel"]
    for size in (0, 10, 100_000):
        body = f"<x>{'y' * size}</x>"
        await dotnet_client.command("raw-send", channel=name, action="urn:a", body=body)
        answer = await dotnet_client.command("raw-receive", channel=name)
        assert body in answer["message"] or (size == 0 and "<x" in answer["message"])
    await dotnet_client.command("raw-close", channel=name)
    assert served.acceptor.made[0].messages == 3
    assert served.acceptor.made[0].closed == [None]


async def test_dotnet_is_closed_by_the_server(served: Served, dotnet_client: DotNetClient) -> None:
    """When the server ends first .NET receives nothing more, ends too, and keeps the socket."""
    opened = await dotnet_client.command("raw-open", address=served.address())
    closed = served.acceptor.made[0].channel.close()
    answer = await dotnet_client.command("raw-receive", channel=opened["channel"])
    assert answer["message"] is None
    await dotnet_client.command("raw-close", channel=opened["channel"])
    assert await closed is None
    await dotnet_client.command("raw-open", address=served.address())
    assert served.accepted == 1


async def test_dotnet_aborts(served: Served, dotnet_client: DotNetClient) -> None:
    """An abort of .NET's closes the channel with an error, and the connection is gone."""
    opened = await dotnet_client.command("raw-open", address=served.address())
    await dotnet_client.command("raw-abort", channel=opened["channel"])
    await served.settle(lambda: bool(served.acceptor.made[0].closed))
    assert issubclass(served.acceptor.made[0].closed[0], errors.CommunicationError)
    await served.settle(lambda: not served.factory.connections)


REFUSALS = {
    Fault.CONTENT_TYPE_INVALID: "ProtocolException",
    Fault.CONTENT_TYPE_TOO_LONG: "CommunicationException",
    Fault.CONNECTION_DISPATCH_FAILED: "CommunicationException",
    Fault.ENDPOINT_NOT_FOUND: "EndpointNotFoundException",
    Fault.ENDPOINT_UNAVAILABLE: "EndpointNotFoundException",
    Fault.MAX_MESSAGE_SIZE_EXCEEDED: "CommunicationException",
    Fault.SERVER_TOO_BUSY: "ServerTooBusyException",
    Fault.SERVICE_ACTIVATION_FAILED: "ServiceActivationException",
    Fault.UNSUPPORTED_MODE: "ProtocolException",
    Fault.UNSUPPORTED_VERSION: "ProtocolException",
    Fault.UPGRADE_INVALID: "ProtocolException",
    Fault.VIA_TOO_LONG: "CommunicationException",
}


async def test_refusals_reach_dotnet(served: Served, dotnet_client: DotNetClient) -> None:
    """Each fault that refuses a preamble becomes WCF's exception for it, and the socket closes."""
    got = {}
    for fault in REFUSALS:
        served.acceptor.answer = fault
        with pytest.raises(PeerError) as caught:
            await dotnet_client.command("raw-open", address=served.address())
        got[fault] = caught.value.type.rpartition(".")[2]
    assert got == REFUSALS
    await served.settle(lambda: not served.factory.connections)


async def test_a_fault_in_a_session_reaches_dotnet(
    served: Served, dotnet_client: DotNetClient
) -> None:
    """A message over the limit is answered with the fault that .NET reports as a quota."""
    served.acceptor.answer = Acceptance(ChannelSettings(max_received_message_size=100))
    opened = await dotnet_client.command("raw-open", address=served.address(), binding=TEXT)
    await dotnet_client.command(
        "raw-send", channel=opened["channel"], action="urn:a", body="<x>" + "y" * 200 + "</x>"
    )
    with pytest.raises(PeerError, match=r"MaxReceivedMessageSize|quota|exceeded") as caught:
        await dotnet_client.command("raw-receive", channel=opened["channel"])
    assert caught.value.type.endswith("CommunicationException")
    assert served.acceptor.made[0].closed == [errors.QuotaExceededError]


async def test_dotnet_streams_a_request_and_gets_a_streamed_reply(
    served: Served, dotnet_client: DotNetClient
) -> None:
    """A streamed upload of .NET's arrives whole; the reply of a recorded service answers it."""
    reply = recorded_reply("Upload")
    arrived = []

    class Service(Echo):
        size = 0

        def dataReceived(self, data: bytes) -> None:
            self.size += len(data)

        def messageEnded(self) -> None:
            arrived.append(self.size)
            self.channel.write(reply[:10])
            self.channel.write(reply[10:])
            self.channel.finish()

    served.acceptor.make = Service
    served.acceptor.answer = Acceptance(ChannelSettings(max_received_message_size=1 << 30))
    binding = {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30}
    channel = await dotnet_client.open("IStreams", served.address(), binding=binding)
    for _ in range(2):
        assert await channel.call("Upload", {"size": 5_000_000}) == 5000
    await channel.close()
    assert len(arrived) == 2
    assert all(5_000_000 < size < 5_020_000 for size in arrived)
    assert served.accepted == 1


def recorded_reply(operation: str) -> bytes:
    """The streamed reply of the service in the recording, to an operation."""
    (recorded,) = (c for c in conversations() if c.name == "dotnet-streamed-0")
    rest = recorded.side("s")
    while rest:
        session = ClientSession("net.tcp://x/", Mode.SINGLETON, limit=1 << 30)
        session.feed(rest)
        body = b""
        while (event := session.next_event()) is not ENDED:
            assert event is not None
            body += event.data if isinstance(event, Chunk) else b""
        if f"{operation}Response".encode() in body:
            return body
        rest = session.take_rest()
    raise AssertionError(operation)


# ---- behind a shared port ------------------------------------------------------------------------


async def test_pooled_sockets_change_workers(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """Sessions for two workers, in turn on one pooled socket, each reach their own."""
    workers = {}
    for path in ("one", "two"):
        workers[path] = Acceptor()
        await service.worker(path, FramingServerFactory(workers[path], service.reactor))
    for path in ("one", "two", "one", "one", "two"):
        opened = await dotnet_client.command(
            "raw-open", address=service.address(path), binding=TEXT
        )
        await dotnet_client.command("raw-send", channel=opened["channel"], body="<x />")
        await dotnet_client.command("raw-receive", channel=opened["channel"])
        await dotnet_client.command("raw-close", channel=opened["channel"])
    assert [len(workers[path].made) for path in ("one", "two")] == [3, 2]
    assert service.shared.counts.accepted == 1
    assert service.shared.counts.returned == 3
    assert service.count(Outcome.HANDED_OVER) == 4


async def test_our_pool_behind_a_shared_port(service: RunningService) -> None:
    """Our client's pooled sockets change workers just so, whichever session is pipelined."""
    for path in ("one", "two"):
        await service.worker(path, FramingServerFactory(Acceptor(), service.reactor))
    pool = ConnectionPool(
        service.reactor,
        endpoint_for=lambda host, port: TCP4ClientEndpoint(service.reactor, host, port),
    )
    for turn in range(20):
        client = Client()
        channel: Any = await pool.open_channel(service.address(("one", "two")[turn % 2]), client)
        channel.send(b"message %d" % turn)
        assert await client.received(1) == [b"message %d" % turn]
        await channel.close()
    assert service.shared.counts.accepted == 1
    assert service.shared.counts.returned == 19
    await pool.close()
