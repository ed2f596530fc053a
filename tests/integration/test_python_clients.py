"""Python's clients (Twisted, blocking, asyncio) with services on Mono, and with Python's own."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import (
    CommunicationError,
    EndpointNotFoundError,
    TransportError,
)
from netshare.transport.channels.errors import TimeoutError as TransportTimeoutError
from netshare.transport.clients import aio
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.blocking import NetTcpClient
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.behavior import ConcurrencyMode, ServiceBehavior
from netshare.transport.contracts.binding import TextEncoding, TransferMode
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.soap import MessageHeader
from tests.integration.hosting import Hosting, binding
from tests.integration.running import RunningService
from tests.peers.contracts import (
    IBasic,
    IData,
    IDuplex,
    ISession,
    IStreams,
    UploadRequest,
)
from tests.peers.datatypes import Circle, Person, Problem
from tests.peers.drivers import MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer
from tests.peers.services import Streams, pattern

MONO_UTF16 = TextEncoding(
    charset="utf-16LE", content_type="application/soap+xml; charset=unicodeFFFE"
)
TEXT = 'Grüße, "\U0001f600"\n<&>'


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The thread that all clients share, with the descriptors that it has for good."""
    BackgroundReactor.shared()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def hosting(service: RunningService) -> AsyncIterator[Hosting]:
    """Serves contracts in Python."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, False)
    yield hosting
    await hosting.stop()


@pytest.fixture(params=["mono", "python"])
def serve(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Serves a contract, on Mono or in Python: from its name to its address."""
    if request.param == "mono":
        start: StartMonoServer = request.getfixturevalue("mono_server")

        async def on_mono(contract: str, kind: str = "none") -> str:
            address = f"net.tcp://127.0.0.1:{free_port()}/{contract.lower()}"
            await start(MonoEndpoint(contract, address), name="python", binding=kind)
            return address

        return on_mono
    hosting: Hosting = request.getfixturevalue("hosting")

    async def in_python(contract: str, kind: str = "none") -> str:
        return await hosting.serve(contract, **_options(kind))

    return in_python


def _options(kind: str) -> dict[str, Any]:
    return {
        "none": {},
        "streamed": {"transfer_mode": TransferMode.STREAMED},
        "text": {"encoding": TextEncoding()},
        "text11": {"encoding": TextEncoding.soap11()},
        "text16": {"encoding": MONO_UTF16},
    }[kind]


def _factory(contract: type, kind: str = "none", **options: Any) -> Any:
    from twisted.internet import reactor

    return ChannelFactory(contract, binding(**_options(kind)), reactor, **options)


# ---- Twisted


@pytest.mark.parametrize("kind", ["none", "text", "text11", "text16"])
async def test_twisted_client_calls(serve: Any, kind: str) -> None:
    """A Twisted client calls every operation of IBasic, over every encoding."""
    address = await serve("IBasic", kind)
    factory = _factory(IBasic, kind)
    channel = factory.create_channel(address)
    basic = channel.operations
    assert await basic.Who() == "python"
    assert await basic.Echo(TEXT) == TEXT
    assert await basic.Echo(None) is None
    assert await basic.Echo(text="") == ""
    assert await basic.Add(40, b=2) == 42
    assert await basic.Notify("a note") is None
    assert await basic.Notified() == ["a note"]
    assert await basic.Nothing() is None
    assert await basic.Bytes(5) == pattern(5)
    assert await basic.Count(pattern(50_000)) == 50_000
    assert await basic.Custom("why") == "answer to why"
    assert await basic.TryParse("17") == (True, 17)
    assert await basic.TryParse("x") == (False, 0)
    assert await basic.Swap("a", None) == (None, "a")
    assert f"to={address} " in await basic.Where()
    header = MessageHeader("Tag", "urn:h", "value")
    assert await channel.using(headers=[header]).Header("Tag", "urn:h") == "value"
    assert await basic.Header("Tag", "urn:h") is None
    with pytest.raises(FaultError, match="declared: enough") as caught:
        await basic.Fail("enough", 7)
    assert caught.value.detail == Problem(Reason="enough", Code=7)
    with pytest.raises(FaultError) as caught:
        await basic.FailUntyped("short and stout")
    if "mono" not in serve.__name__:  # Mono makes an internal error of it
        assert str(caught.value) == "short and stout"
        code = caught.value.code
        assert (code.name, code.namespace) == ("Teapot", "urn:peers:codes")
    with pytest.raises(FaultError) as caught:
        await basic.FailInternal("secret")
    assert "secret" not in str(caught.value)
    await channel.close()
    await factory.close()


async def test_twisted_client_has_calls_in_flight(serve: Any) -> None:
    """Replies find their calls, whatever their order."""
    factory = _factory(IBasic)
    channel = factory.create_channel(await serve("IBasic"))
    basic = channel.operations
    waiting = [basic.Sleep(150), basic.Sleep(1), basic.Add(1, 2), basic.Sleep(70)]
    assert await gatherResults(waiting) == [150, 1, 3, 70]
    await channel.close()
    await factory.close()


async def test_twisted_client_is_called_back(serve: Any) -> None:
    """Callbacks come in order, and are answered inside a call."""

    class Progress:
        def __init__(self) -> None:
            self.seen: list[tuple[int, str]] = []

        def Progress(self, percent: int, note: str) -> None:
            self.seen.append((percent, note))

        async def Ask(self, question: str) -> str:
            return f"re: {question}"

    progress = Progress()
    factory = _factory(IDuplex, callback=progress)
    channel = factory.create_channel(await serve("IDuplex"))
    assert await channel.operations.Work("job", 3) == "job done"
    assert progress.seen == [(33, "job step 1"), (66, "job step 2"), (100, "job step 3")]
    assert await channel.operations.WorkAndAsk("it") == "it: re: how about it?"
    await channel.close()
    await factory.close()


async def test_twisted_client_streams(serve: Any) -> None:
    """Streams go up and down, from whatever gives bytes."""
    from twisted.internet import reactor

    factory = ChannelFactory(
        IStreams,
        binding(transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 30),
        reactor,
    )
    channel = factory.create_channel(await serve("IStreams", "streamed"))
    streams = channel.operations
    data = pattern(300_000)
    assert await streams.Echo(TEXT) == TEXT
    assert await streams.Upload(data) == len(data)
    assert await streams.Upload(iter([data[:7], data[7:]])) == len(data)
    download = await streams.Download(100_000)
    assert await download.read() == pattern(100_000)
    turned = await streams.Reverse(data)
    assert hashlib.sha256(await turned.read()).digest() == hashlib.sha256(data[::-1]).digest()
    await channel.close()
    await factory.close()


async def test_twisted_client_sessions(serve: Any) -> None:
    """Each channel is a session with an instance of its own."""
    address = await serve("ISession")
    factory = _factory(ISession)
    one, two = (factory.create_channel(address) for _ in range(2))
    assert [await one.operations.Increment() for _ in range(2)] == [1, 2]
    assert await two.operations.Increment() == 1
    assert (await one.operations.SessionId()).startswith(("uuid:", "urn:uuid:"))
    assert await one.operations.Finish() == 2
    assert await two.operations.Total() == 1
    await one.close()
    await two.close()
    await factory.close()


async def test_twisted_client_data(serve: Any) -> None:
    """Data contracts, derived types and scalars come back as they went."""
    factory = _factory(IData)
    channel = factory.create_channel(await serve("IData"))
    data = channel.operations
    person = Person(Name="Ann", Age=41, Children=[Person(Name="Bob")])
    assert await data.EchoPerson(person) == person
    assert await data.EchoShape(Circle(Label="c", Radius=2.5)) == Circle(Label="c", Radius=2.5)
    assert await data.EchoPeople({"ann": person}) == {"ann": person}
    assert await data.EchoULong(2**64 - 1) == 2**64 - 1
    assert await data.EchoDecimal(Decimal("-79228162514264337593543950335")) == Decimal(
        "-79228162514264337593543950335"
    )
    assert await data.EchoJagged([[1, 2], [], [3]]) == [[1, 2], [], [3]]
    number = uuid.uuid4()
    assert await data.EchoGuid(number) == number
    assert await data.EchoMaybeInt(None) is None
    await channel.close()
    await factory.close()


# ---- blocking


async def test_blocking_client_calls(serve: Any, request: pytest.FixtureRequest) -> None:
    """A plain program calls, several clients at once and from several threads at once."""
    address = await serve("IBasic")
    on_mono = "mono" in request.node.callspec.params.values()

    def program() -> None:
        with (
            NetTcpClient(IBasic, address, binding()) as one,
            NetTcpClient(IBasic, address, binding()) as two,
            ThreadPoolExecutor(8) as threads,
        ):
            assert one.Echo(TEXT) == TEXT
            assert two.TryParse("17") == (True, 17)
            # Two sessions that a Mono process answers at the same moment may get each other's
            # dictionary strings: there the threads share one.
            clients = [one] if on_mono else [one, two]
            sums = threads.map(lambda n: clients[n % len(clients)].Add(n, 1), range(64))
            assert list(sums) == [n + 1 for n in range(64)]
            with pytest.raises(FaultError, match="declared: no") as caught:
                one.Fail("no", 3)
            assert caught.value.detail == Problem(Reason="no", Code=3)

    await deferToThread(program)


async def test_blocking_client_is_called_back(serve: Any) -> None:
    """The methods of a callback object run in threads, where they may block."""
    address = await serve("IDuplex")
    names: set[str] = set()

    class Progress:
        def Progress(self, percent: int, note: str) -> None:
            names.add(threading.current_thread().name)

        def Ask(self, question: str) -> str:
            return "fine"

    def program() -> None:
        client = NetTcpClient(IDuplex, address, binding(), callback=Progress())
        assert client.operations.Work("job", 2) == "job done"
        assert client.operations.WorkAndAsk("it") == "it: fine"
        client.close()
        assert client.state is CommunicationState.CLOSED

    await deferToThread(program)
    assert names
    assert "netshare" not in names


async def test_blocking_client_streams(serve: Any, tmp_path: Any) -> None:
    """Open files go up, and what comes down is read as a file."""
    address = await serve("IStreams", "streamed")
    data = pattern(300_000)
    path = tmp_path / "data"
    path.write_bytes(data)
    streamed = binding(transfer_mode=TransferMode.STREAMED)

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(data), 10_000):
            yield data[at : at + 10_000]

    def program() -> None:
        with NetTcpClient(IStreams, address, streamed) as streams:
            with path.open("rb") as file:
                assert streams.Upload(file) == len(data)
            assert streams.Upload(chunks()) == len(data)
            with streams.Download(50_000) as download:
                assert download.read(10) == data[:10]
                assert download.read() == pattern(50_000)[10:]

    await deferToThread(program)


# ---- asyncio


async def test_asyncio_client_calls(serve: Any) -> None:
    """An asyncio program calls, is called back, and streams, in its own loop."""
    basic_address, duplex_address = await serve("IBasic"), await serve("IDuplex")
    loops: list[Any] = []

    class Progress:
        def Progress(self, percent: int, note: str) -> None:
            loops.append(asyncio.get_running_loop())

        async def Ask(self, question: str) -> str:
            await asyncio.sleep(0.01)
            return "fine"

    async def program() -> None:
        async with aio.NetTcpClient(IBasic, basic_address, binding()) as basic:
            calls: list[Any] = [basic.Sleep(50), basic.Echo(TEXT), basic.Add(1, 2)]
            assert await asyncio.gather(*calls) == [50, TEXT, 3]
            with pytest.raises(FaultError, match="declared: no"):
                await basic.Fail("no", 3)  # type: ignore[func-returns-value]
        client = aio.NetTcpClient(IDuplex, duplex_address, binding(), callback=Progress())
        async with client as duplex:
            assert await duplex.Work("job", 2) == "job done"  # type: ignore[misc]
            assert await duplex.WorkAndAsk("it") == "it: fine"  # type: ignore[misc]
        assert loops == [asyncio.get_running_loop()] * 2

    await deferToThread(asyncio.run, program())


async def test_asyncio_client_streams(serve: Any) -> None:
    """Asynchronous iterables go up, and streams that come down are iterated over."""
    address = await serve("IStreams", "streamed")
    data = pattern(100_000)

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 10_000):
            await asyncio.sleep(0)
            yield data[at : at + 10_000]

    async def program() -> None:
        streamed = binding(transfer_mode=TransferMode.STREAMED)
        async with aio.NetTcpClient(IStreams, address, streamed) as streams:
            assert await streams.Upload(chunks()) == len(data)  # type: ignore[misc, arg-type]
            download: Any = await streams.Download(50_000)  # type: ignore[misc]
            assert b"".join([piece async for piece in download]) == pattern(50_000)

    await deferToThread(asyncio.run, program())


# ---- what goes wrong


async def test_errors_of_clients(hosting: Hosting) -> None:
    """Nobody there, a wrong path, a call that takes too long, a closed host: each its own error."""
    address = await hosting.serve("IBasic")
    factory = _factory(IBasic)
    for wrong in (f"net.tcp://127.0.0.1:{free_port()}/basic", hosting.address("nothing")):
        channel = factory.create_channel(wrong)
        with pytest.raises(EndpointNotFoundError):
            await channel.operations.Who()
        assert channel.state is CommunicationState.FAULTED
        with pytest.raises(EndpointNotFoundError):
            await channel.operations.Who()
        await channel.close()
    channel = factory.create_channel(address)
    with pytest.raises(TransportTimeoutError, match="no reply"):
        await channel.using(timeout=0.05).Sleep(500)
    assert await channel.operations.Who() == "python"
    aborted = channel.operations.Sleep(5000)
    channel.abort()
    with pytest.raises(CommunicationError):
        await aborted
    channel = factory.create_channel(address)
    waiting = channel.operations.Sleep(5000)
    hosting.hosts[0].abort()
    with pytest.raises(TransportError):
        await waiting
    await factory.close()


async def test_message_contracts_of_clients(hosting: Hosting) -> None:
    """A message contract's headers and stream go up, and those of the answer come back."""
    from twisted.internet import reactor

    options: dict[str, Any] = {"transfer_mode": TransferMode.STREAMED}
    address = await hosting.serve("IStreams", **options)
    factory = ChannelFactory(IStreams, binding(**options), reactor)
    channel = factory.create_channel(address)
    data = pattern(100_000)
    request = UploadRequest(FileName="ä.bin", Length=len(data), Data=data)
    reply: Any = await channel.operations.UploadFile(request)  # type: ignore[misc]
    assert (reply.FileName, reply.Received, reply.Checksum) == ("ä.bin", len(data), sum(data))
    await channel.close()
    await factory.close()


# ---- services in threads


class Threads:
    """A service whose plain methods block, each in a thread."""

    def Work(self, job: str | None, steps: int) -> str:
        assert threading.current_thread() is not threading.main_thread()
        for step in range(1, steps + 1):
            OperationContext.current().callback.Progress(step, job)
        time.sleep(0.01)
        return f"{job} done"

    def Start(self, job: str | None, steps: int) -> None:
        pass

    def WorkAndAsk(self, job: str | None) -> str:
        return str(OperationContext.current().callback.Ask(job))


class ThreadedStreams(Streams):
    """Reads and writes streams as files, in threads."""

    def Upload(self, data: Any) -> Any:
        time.sleep(0.01)
        return len(data.read(10) + data.read())

    def Download(self, count: int) -> Any:
        return io.BytesIO(pattern(count))


async def test_services_in_threads(hosting: Hosting) -> None:
    """With threads=True plain methods may block: on callbacks, on streams, or by themselves."""
    from twisted.internet import reactor

    behavior = ServiceBehavior(concurrency_mode=ConcurrencyMode.MULTIPLE, threads=True)
    host = ServiceHost(Threads, reactor, behavior=behavior)
    host.add_endpoint(IDuplex, binding(), hosting.address("duplex"))
    streams = ServiceHost(ThreadedStreams, reactor, behavior=behavior)
    streamed = binding(transfer_mode=TransferMode.STREAMED)
    streams.add_endpoint(IStreams, streamed, hosting.address("streams"))
    hosting.hosts += [host, streams]
    await host.open()
    await streams.open()
    seen: list[tuple[int, str]] = []

    class Progress:
        def Progress(self, percent: int, note: str) -> None:
            seen.append((percent, note))

        def Ask(self, question: str) -> str:
            return f"re: {question}"

    factory = _factory(IDuplex, callback=Progress())
    channel = factory.create_channel(hosting.address("duplex"))
    works = [channel.operations.Work("job", 3) for _ in range(8)]
    assert await gatherResults(works) == ["job done"] * 8
    assert sorted(seen) == sorted([(1, "job"), (2, "job"), (3, "job")] * 8)
    assert await channel.operations.WorkAndAsk("it") == "re: it"
    await channel.close()
    await factory.close()
    factory = ChannelFactory(IStreams, streamed, reactor)
    channel = factory.create_channel(hosting.address("streams"))
    assert await channel.operations.Upload(pattern(300_000)) == 300_000
    assert await (await channel.operations.Download(300_000)).read() == pattern(300_000)
    await channel.close()
    await factory.close()


async def test_callbacks_of_blocking_clients_keep_their_order(hosting: Hosting) -> None:
    """Callbacks run in threads, but one after the other, in the order in which they were made."""
    address = await hosting.serve("IDuplex")
    seen: list[int] = []
    done = threading.Event()

    class Progress:
        def Progress(self, percent: int, note: str) -> None:
            time.sleep(0.002 if percent % 2 else 0)
            seen.append(percent)
            if percent == 100:
                done.set()

        def Ask(self, question: str) -> str:
            return ""

    def program() -> None:
        with NetTcpClient(IDuplex, address, binding(), callback=Progress()) as duplex:
            duplex.Work("job", 50)
            assert done.wait(5)

    await deferToThread(program)
    assert seen == [2 * n for n in range(1, 51)]


async def test_asyncio_calls_can_be_cancelled(hosting: Hosting) -> None:
    """A call that its program cancels is forgotten; the channel goes on."""
    address = await hosting.serve("IBasic")

    async def program() -> None:
        async with aio.NetTcpClient(IBasic, address, binding()) as basic:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(basic.Sleep(300), 0.05)
            assert await basic.Echo("x") == "x"

    await deferToThread(asyncio.run, program())
