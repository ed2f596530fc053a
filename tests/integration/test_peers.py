"""The real peers, talking to one another directly: what other tests take for granted of them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from tests.peers.child import PeerError
from tests.peers.conversing import TEXT, assert_basic
from tests.peers.drivers import DotNetClient, MonoClient, MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer

FAULTS = "http://schemas.microsoft.com/ws/2006/05/framing/faults/"

DOTNET_TEXT = {"encoding": "text"}
DOTNET_STREAMED = {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30}


def address(path: str, port: int | None = None) -> str:
    """A net.tcp address on this machine, on a port of its own."""
    return f"net.tcp://127.0.0.1:{free_port() if port is None else port}/{path}"


def pattern(size: int) -> bytes:
    """The bytes that the services' streams are made of."""
    return bytes(i * 31 & 0xFF for i in range(size))


def described(data: bytes) -> dict[str, object]:
    """A stream result as the clients report it."""
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


Behaviour = Callable[[Protocol], None]


def faulting(name: str) -> Behaviour:
    """Answers a preamble with a fault record and closes."""
    text = (FAULTS + name).encode()

    def answer(protocol: Protocol) -> None:
        assert protocol.transport is not None
        protocol.transport.write(struct.pack("BB", 8, len(text)) + text)
        protocol.transport.loseConnection()

    return answer


def closing(protocol: Protocol) -> None:
    """Answers a preamble with a bare FIN."""
    assert protocol.transport is not None
    protocol.transport.loseConnection()


def silent(protocol: Protocol) -> None:
    """Does not answer a preamble."""


class Acceptor(Factory):
    """Accepts, reads to the preamble's end record and then behaves as it was told."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.open: dict[Protocol, Deferred[None]] = {}

    def buildProtocol(self, addr: object) -> Protocol:
        return Accepted(self)


class Accepted(Protocol):
    def __init__(self, owner: Acceptor) -> None:
        self._owner = owner
        self._data = b""

    def connectionMade(self) -> None:
        self._owner.open[self] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if self._data.endswith(b"\x0c"):
            self._owner.behaviour(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._owner.open.pop(self).callback(None)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def accept() -> AsyncIterator[Callable[[Behaviour], str]]:
    """Makes acceptors on 127.0.0.1: from a behaviour to the address to call."""
    from twisted.internet import reactor

    loop: Any = reactor
    listening: list[tuple[Acceptor, Any]] = []

    def start(behaviour: Behaviour) -> str:
        factory = Acceptor(behaviour)
        port = loop.listenTCP(0, factory, interface="127.0.0.1")
        listening.append((factory, port))
        return address("anything", port.getHost().port)

    yield start
    for factory, port in listening:
        await port.stopListening()
        lost = list(factory.open.values())
        for protocol in list(factory.open):
            transport: Any = protocol.transport
            transport.abortConnection()
        await gatherResults(lost)


# ---- Microsoft's client --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server_binding", "binding"),
    [
        ("none", None),
        ("text", DOTNET_TEXT),
        ("text11", {"encoding": "text", "soap": "1.1"}),
    ],
)
async def test_dotnet_client_calls_a_mono_service(
    dotnet_client: DotNetClient,
    mono_server: StartMonoServer,
    server_binding: str,
    binding: dict[str, str] | None,
) -> None:
    """The .NET client calls IBasic of a Mono server over every encoding they share."""
    where = address("basic")
    await mono_server(MonoEndpoint("IBasic", where), name="one", binding=server_binding)
    channel = await dotnet_client.open("IBasic", where, binding=binding)
    await assert_basic(channel, "one", where)


async def test_dotnet_client_is_called_back_by_a_mono_service(
    dotnet_client: DotNetClient, mono_server: StartMonoServer
) -> None:
    """Callbacks of a Mono service reach the .NET client, during a call and after a one-way one."""
    where = address("duplex")
    await mono_server(MonoEndpoint("IDuplex", where))
    channel = await dotnet_client.open("IDuplex", where)
    assert await channel.call("Work", "job", 2) == "job done"
    assert await dotnet_client.callbacks("Progress", 2) == [[50, "job step 1"], [100, "job step 2"]]
    await channel.call("Start", "more", 1)
    assert (await dotnet_client.callbacks("Progress", 3))[2] == [100, "more step 1"]
    await dotnet_client.reply("Ask", "fine")
    assert await channel.call("WorkAndAsk", "it") == "it: fine"
    await channel.close()


async def test_dotnet_client_streams_to_and_from_a_mono_service(
    dotnet_client: DotNetClient, mono_server: StartMonoServer
) -> None:
    """A streamed upload and download between .NET and Mono carry every byte."""
    where = address("streams")
    server = await mono_server(MonoEndpoint("IStreams", where), binding="streamed")
    call = ("IStreams", where)
    assert (
        await dotnet_client.once(*call, "Upload", {"size": 300_000}, binding=DOTNET_STREAMED)
        == 300_000
    )
    await server.settle()
    assert await dotnet_client.once(*call, "Download", 20_000, binding=DOTNET_STREAMED) == (
        described(pattern(20_000))
    )


def patience(behaviour: Behaviour) -> int:
    """Seconds for a client: few where it waits in vain, else what a busy machine may take."""
    return 1 if behaviour is silent else 30


@pytest.mark.parametrize(
    ("behaviour", "error_type", "message"),
    [
        (
            faulting("EndpointNotFound"),
            "System.ServiceModel.EndpointNotFoundException",
            "There was no endpoint listening at",
        ),
        (faulting("ServerTooBusy"), "System.ServiceModel.ServerTooBusyException", "too busy"),
        (closing, "System.ServiceModel.ProtocolException", "session-establishment request"),
        (silent, "System.TimeoutException", "00:00:01"),
    ],
    ids=["EndpointNotFound", "ServerTooBusy", "FIN", "silence"],
)
async def test_dotnet_client_reports_refusals(
    dotnet_client: DotNetClient,
    accept: Callable[[Behaviour], str],
    behaviour: Behaviour,
    error_type: str,
    message: str,
) -> None:
    """A refused preamble comes out of the .NET client's open as WCF's exception for it."""
    with pytest.raises(PeerError) as caught:
        await dotnet_client.open(
            "IBasic", accept(behaviour), binding={"openTimeout": patience(behaviour)}
        )
    assert caught.value.type == error_type
    assert message in caught.value.message


# ---- the client on Mono --------------------------------------------------------------------------


@pytest.mark.parametrize("binding", ["none", "text", "text16", "text11"])
async def test_mono_client_calls_a_mono_service(
    mono_client: MonoClient, mono_server: StartMonoServer, binding: str
) -> None:
    """The Mono client calls IBasic of a Mono server over every encoding."""
    where = address("basic")
    await mono_server(MonoEndpoint("IBasic", where), name="two", binding=binding)
    channel = await mono_client.open("IBasic", where, binding=binding)
    await assert_basic(channel, "two", where)


async def test_mono_client_is_called_back_by_a_mono_service(
    mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """The Mono client reports callbacks, answers them, and does not wait a minute to close."""
    where = address("duplex")
    await mono_server(MonoEndpoint("IDuplex", where))
    channel = await mono_client.open("IDuplex", where)
    assert await channel.call("Work", "job", 2) == "job done"
    assert await mono_client.callbacks("Progress", 2) == [[50, "job step 1"], [100, "job step 2"]]
    assert await channel.call("WorkAndAsk", "it") == "it: re: how about it?"
    await mono_client.reply("Ask", "fine")
    assert await channel.call("WorkAndAsk", "it") == "it: fine"
    closed = await channel.close(timeout=5)
    assert (closed["state"], closed["aborted"]) == ("Closed", True)


async def test_mono_client_streams_to_and_from_a_mono_service(
    mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """All four stream operations work between Mono and Mono."""
    where = address("streams")
    server = await mono_server(MonoEndpoint("IStreams", where), binding="streamed")
    calls: list[tuple[str, Any, Any]] = [
        ("Echo", TEXT, TEXT),
        ("Upload", {"size": 300_000}, 300_000),
        ("Download", 100_000, described(pattern(100_000))),
        ("Reverse", {"size": 50_000}, described(pattern(50_000)[::-1])),
    ]
    for op, argument, expected in calls:
        answer = await mono_client.once("IStreams", where, op, argument, binding="streamed")
        assert answer == expected, op
        await server.settle()


@pytest.mark.parametrize("binding", ["none", "streamed", "text"])
@pytest.mark.parametrize(
    ("behaviour", "error_type", "message"),
    [
        (
            faulting("EndpointNotFound"),
            "System.ServiceModel.FaultException",
            FAULTS + "EndpointNotFound",
        ),
        (
            closing,
            "System.ServiceModel.ProtocolException",
            "Preamble Ack Record is expected, got FFFFFFFF",
        ),
        (silent, "Peers.DeadlinePassed", "once had not ended after 1 s"),
    ],
    ids=["EndpointNotFound", "FIN", "silence"],
)
async def test_mono_client_reports_refusals(
    mono_client: MonoClient,
    accept: Callable[[Behaviour], str],
    behaviour: Behaviour,
    error_type: str,
    message: str,
    binding: str,
) -> None:
    """The Mono client reports a refused preamble as Mono does, silence by a deadline of its own."""
    with pytest.raises(PeerError) as caught:
        await mono_client.once(
            "IBasic", accept(behaviour), "Who", binding=binding, timeout=patience(behaviour)
        )
    assert (caught.value.type, caught.value.message) == (error_type, message)


async def test_mono_client_reports_service_faults(
    mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """A declared fault of a Mono service reaches the Mono client with its detail."""
    where = address("basic")
    await mono_server(MonoEndpoint("IBasic", where))
    channel = await mono_client.open("IBasic", where)
    with pytest.raises(PeerError, match="declared: enough") as caught:
        await channel.call("Fail", "enough", 7)
    assert (caught.value.type, caught.value.code) == ("FaultException<Problem>", "Sender")
    assert caught.value.error["detail"] == {"Reason": "enough", "Code": 7}


# ---- a service that is not where its address says ------------------------------------------------


async def test_mono_service_listens_elsewhere_than_its_address(
    dotnet_client: DotNetClient, mono_client: MonoClient, mono_server: StartMonoServer
) -> None:
    """A Mono service with a listen URI serves its public address on its private port."""
    public, private = address("app"), address("app")
    server = await mono_server(MonoEndpoint("IBasic", public, private), name="behind")
    for client in (dotnet_client, mono_client):
        assert await client.once("IBasic", public, "Who", via=private) == "behind"
        await server.settle()
