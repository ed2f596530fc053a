"""Faults, ends and idle sessions, as real clients of WCF see them."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.proxy import channel_of
from netshare.transport.calls.typedheaders import header_value
from netshare.transport.contracts.behavior import ServiceBehavior
from netshare.transport.contracts.binding import TextEncoding, TransferMode
from netshare.transport.xml import ReaderQuotas
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.peers import services
from tests.peers.child import PeerError
from tests.peers.drivers import DotNetClient, MonoClient

TIGHT = ReaderQuotas(max_string_content_length=2000, max_array_length=2000)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def hosting(service: RunningService) -> AsyncIterator[Hosting]:
    """Serves contracts on a port of their own."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, False)
    yield hosting
    await hosting.stop()


def wait(seconds: float) -> Any:
    """A Deferred that fires later."""
    from twisted.internet import reactor

    return deferLater(reactor, seconds, lambda: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["binary", "text"])
async def test_a_body_that_cannot_be_read(
    hosting: Hosting, dotnet_client: DotNetClient, encoding: str
) -> None:
    """.NET gets DeserializationFailed, and its channel stays as it was."""
    options: dict[str, Any] = {"reader_quotas": TIGHT}
    of_client: dict[str, Any] = {}
    if encoding == "text":
        options["encoding"], of_client["encoding"] = TextEncoding(), "text"
    address = await hosting.serve("IBasic", **options)
    channel = await dotnet_client.open("IBasic", address, binding=of_client)
    for _ in range(2):
        with pytest.raises(PeerError) as caught:
            await channel.call("Echo", "x" * 3000)
        assert caught.value.error["subcode"] == "DeserializationFailed"
        assert await channel.call("Add", 40, 2) == 42


async def test_a_streamed_body_that_cannot_be_read(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """.NET gets the fault where messages are streamed, too."""
    address = await hosting.serve(
        "IBasic", transfer_mode=TransferMode.STREAMED, reader_quotas=TIGHT
    )
    channel = await dotnet_client.open("IBasic", address, binding={"transferMode": "Streamed"})
    with pytest.raises(PeerError) as caught:
        await channel.call("Echo", "x" * 3000)
    assert caught.value.error["subcode"] == "DeserializationFailed"
    assert await channel.call("Add", 40, 2) == 42


async def test_exception_details(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """.NET gets a FaultException<ExceptionDetail>."""
    behavior = ServiceBehavior(include_exception_detail_in_faults=True)
    address = await hosting.serve("IBasic", behavior=behavior)
    channel = await dotnet_client.open("IBasic", address)
    with pytest.raises(PeerError) as caught:
        await channel.call("FailInternal", "a secret")
    error = caught.value.error
    assert "ExceptionDetail" in error["type"], error
    assert error["reason"] == "a secret"
    assert error["detail"]["Message"] == "a secret"
    assert error["detail"]["Type"].startswith("builtins.")


class Subscribed(services.Duplex):
    """Keeps its clients, and what it is told of their end."""

    kept: list[Any] = []
    told: list[Any] = []

    async def Start(self, job: str, steps: int) -> None:
        client = OperationContext.current().callback
        self.kept.append(client)
        channel_of(client).on_closed(self.told.append)


async def test_a_subscriber_of_dotnet(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A silent subscriber is kept by what it is told, and its leaving is noticed."""
    await keep_a_subscriber(hosting, dotnet_client)


async def test_a_subscriber_of_mono(hosting: Hosting, mono_client: MonoClient) -> None:
    """The same, with Mono's client."""
    await keep_a_subscriber(hosting, mono_client)


async def keep_a_subscriber(hosting: Hosting, client: DotNetClient | MonoClient) -> None:
    """Subscribe, be silent for longer than receive_timeout, and leave."""
    Subscribed.kept, Subscribed.told = [], []
    contract, _ = services.SERVICES["IDuplex"]
    services.SERVICES["ISubscribed"] = contract, Subscribed
    try:
        address = await hosting.serve("ISubscribed", receive_timeout=1.0)
    finally:
        del services.SERVICES["ISubscribed"]
    channel = await client.open("IDuplex", address)
    await channel.call("Start", "job", 1)
    while not Subscribed.kept:
        await wait(0.05)
    for percent in range(4):
        await wait(0.7)
        await Subscribed.kept[0].Progress(percent, "still here")
    assert Subscribed.told == []
    await channel.close()
    for _ in range(40):
        if Subscribed.told:
            break
        await wait(0.05)
    assert Subscribed.told == [None]
    await Subscribed.kept[0].Progress(100, "gone")


async def test_mono_without_addressing(hosting: Hosting, mono_client: MonoClient) -> None:
    """A client whose messages have no WS-Addressing is refused with what to look at."""
    address = await hosting.serve("IBasic", encoding=TextEncoding.soap11())
    channel = await mono_client.open("IBasic", address, binding="text11-noaddr")
    with pytest.raises(PeerError) as caught:
        await channel.call("Add", 40, 2)
    assert "no Action header" in str(caught.value.error)


async def test_typed_headers_of_dotnet(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A header that .NET's MessageHeader.CreateHeader made is read as its type."""
    seen: list[Any] = []

    class Reading(services.Basic):
        def Add(self, a: int, b: int) -> int:
            found = OperationContext.current().header("H", "urn:h")
            assert found is not None
            seen.append(header_value(found, str))
            return a + b

    contract, _ = services.SERVICES["IBasic"]
    services.SERVICES["IReading"] = contract, Reading
    try:
        address = await hosting.serve("IReading")
    finally:
        del services.SERVICES["IReading"]
    channel = await dotnet_client.open("IBasic", address)
    header = {"name": "H", "ns": "urn:h", "value": "a < b"}
    assert await channel.call("Add", 40, 2, headers=[header]) == 42
    assert seen == ["a < b"]


async def test_an_honest_call_among_half_open_connections(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """Forty-five connections that say half a preamble do not keep a client waiting for long."""
    address = await hosting.serve("IBasic")
    half_open = [socket.create_connection(("127.0.0.1", hosting.port)) for _ in range(45)]
    try:
        for one in half_open:
            one.sendall(b"\x00\x01\x00\x01")
        begun = time.monotonic()
        channel = await dotnet_client.open("IBasic", address)
        assert await channel.call("Add", 40, 2) == 42
        assert time.monotonic() - begun < 10
    finally:
        for one in half_open:
            one.close()


async def test_faults_for_mono(hosting: Hosting, mono_client: MonoClient) -> None:
    """Mono's client gets both faults as well, and its channel stays open after the first."""
    behavior = ServiceBehavior(include_exception_detail_in_faults=True)
    address = await hosting.serve("IBasic", behavior=behavior, reader_quotas=TIGHT)
    channel = await mono_client.open("IBasic", address)
    with pytest.raises(PeerError) as caught:
        await channel.call("Echo", "x" * 3000)
    assert "cannot be read" in str(caught.value.error), caught.value.error
    assert await channel.call("Add", 40, 2) == 42
    with pytest.raises(PeerError) as caught:
        await channel.call("FailInternal", "a secret")
    assert "a secret" in str(caught.value.error), caught.value.error


@pytest.mark.parametrize("kind", ["text", "streamed"])
async def test_a_body_that_mono_cannot_have_read(
    hosting: Hosting, mono_client: MonoClient, kind: str
) -> None:
    """DeserializationFailed reaches Mono's client in text and where messages are streamed, too."""
    streamed = {"transfer_mode": TransferMode.STREAMED}
    options: dict[str, Any] = streamed if kind == "streamed" else {"encoding": TextEncoding()}
    address = await hosting.serve("IBasic", reader_quotas=TIGHT, **options)
    channel = await mono_client.open("IBasic", address, binding=kind)
    with pytest.raises(PeerError) as caught:
        await channel.call("Echo", "x" * 3000)
    assert caught.value.error["subcode"] == "DeserializationFailed"
    assert await channel.call("Add", 40, 2) == 42


async def test_a_subscriber_of_mono_that_is_killed(
    hosting: Hosting, mono_client: MonoClient
) -> None:
    """The end of a client that sends no End record is told; in clear it counts as one."""
    Subscribed.kept, Subscribed.told = [], []
    contract, _ = services.SERVICES["IDuplex"]
    services.SERVICES["ISubscribed"] = contract, Subscribed
    try:
        address = await hosting.serve("ISubscribed")
    finally:
        del services.SERVICES["ISubscribed"]
    channel = await mono_client.open("IDuplex", address)
    await channel.call("Start", "job", 1)
    while not Subscribed.kept:
        await wait(0.05)
    await mono_client.kill()
    for _ in range(100):
        if Subscribed.told:
            break
        await wait(0.05)
    assert Subscribed.told == [None]
