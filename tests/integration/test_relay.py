"""Unmodified servers behind the shared port: real WCF clients and services on either side."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import TCP4ServerEndpoint, clientFromString
from twisted.internet.task import deferLater

from netshare.framing.faults import Fault
from netshare.framing.records import SSL_TLS_UPGRADE, preamble
from netshare.outcomes import Outcome
from netshare.service.proxyprotocol import proxy_header
from tests.integration.running import AcknowledgingFactory, RunningService
from tests.peers.drivers import DotNetClient, MonoClient, MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer

reactor: Any = _reactor

TEXT = "Grüße, 世界 & <more>"


def relay(service: RunningService, path: str, port: int, **options: Any) -> None:
    """Bring connections for a path to a server on a private port."""
    to = f"tcp:127.0.0.1:{port}"
    address = f"net.tcp://+:{service.port}/{path}"
    service.shared.relay(address, clientFromString(reactor, to), to, **options)
    service.shared.ports.acquire(service.port)


async def mono_behind(
    service: RunningService, mono_server: StartMonoServer, binding: str = "none", **paths: str
) -> None:
    """One Mono process with a service for each path, all behind the shared port."""
    endpoints = []
    for path, contract in paths.items():
        private = free_port()
        public = service.address(path)
        endpoints.append(MonoEndpoint(contract, public, f"net.tcp://127.0.0.1:{private}/{path}"))
        relay(service, path, private)
    await mono_server(*endpoints, name="-".join(paths), binding=binding)


async def test_both_clients_call_two_mono_services(
    service: RunningService,
    mono_server: StartMonoServer,
    dotnet_client: DotNetClient,
    mono_client: MonoClient,
) -> None:
    """Buffered binary: .NET's and Mono's client call two unmodified services on one port."""
    await mono_behind(service, mono_server, one="IBasic")
    await mono_behind(service, mono_server, two="IBasic")
    for client in (dotnet_client, mono_client):
        for path in ("one", "two"):
            channel = await client.open("IBasic", service.address(path))
            assert await channel.call("Who") == path
            assert await channel.call("Add", 40, 2) == 42
            assert await channel.call("Echo", TEXT) == TEXT
            await channel.close()
            await deferLater(reactor, 0.1)
    # .NET asks for /two on the socket it has in its pool, which a relay has tied to the server
    # of /one: that one does not answer, or resets, and .NET connects anew.
    assert service.count(Outcome.RELAYED) >= 4


async def test_text_through_a_relay(
    service: RunningService,
    mono_server: StartMonoServer,
    dotnet_client: DotNetClient,
    mono_client: MonoClient,
) -> None:
    """SOAP 1.2 as text, from both clients."""
    await mono_behind(service, mono_server, "text", text="IBasic")
    where = service.address("text")
    calls = [(dotnet_client, {"encoding": "text"}), (mono_client, "text")]
    for client, binding in calls:
        channel = await client.open("IBasic", where, binding=binding)  # type: ignore[attr-defined]
        assert await channel.call("Echo", TEXT) == TEXT
        await channel.close()


async def test_streams_through_a_relay(
    service: RunningService,
    mono_server: StartMonoServer,
    dotnet_client: DotNetClient,
    mono_client: MonoClient,
) -> None:
    """Streamed transfers both ways, from both clients."""
    await mono_behind(service, mono_server, "streamed", streams="IStreams")
    where = service.address("streams")
    pattern = bytes((i * 31) & 255 for i in range(20_000))
    calls = [(dotnet_client, {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30})]
    calls.append((mono_client, "streamed"))  # type: ignore[arg-type]
    for client, binding in calls:
        up = await client.once("IStreams", where, "Upload", {"size": 300_000}, binding=binding)
        assert up == 300_000
        await deferLater(reactor, 0.1)
        down = await client.once("IStreams", where, "Download", 20_000, binding=binding)
        assert down["length"] == 20_000
        assert down["sha256"].lower() == hashlib.sha256(pattern).hexdigest()
        await deferLater(reactor, 0.1)


async def test_callbacks_through_a_relay(
    service: RunningService,
    mono_server: StartMonoServer,
    dotnet_client: DotNetClient,
    mono_client: MonoClient,
) -> None:
    """A duplex contract: the service calls back while the call is under way."""
    await mono_behind(service, mono_server, duplex="IDuplex")
    for client in (dotnet_client, mono_client):
        channel = await client.open("IDuplex", service.address("duplex"))
        assert await channel.call("Work", "job", 3) == "job done"
        assert len(await client.callbacks("Progress", 3)) == 3
        await client.reply("Ask", "well")
        assert await channel.call("WorkAndAsk", "it") == "it: well"
        await channel.abort()


async def test_the_server_is_dialled_for_a_complete_preamble_only(
    service: RunningService,
) -> None:
    """A client that stops inside its preamble never reaches the server."""
    server, private = AcknowledgingFactory("server"), free_port()
    port = await TCP4ServerEndpoint(reactor, private, interface="127.0.0.1").listen(server)
    relay(service, "one", private)
    whole = preamble(service.address("one"))
    client = await service.client(whole[:-1])
    await deferLater(reactor, 0.1)
    assert server.connections == []
    client.send(whole[-1:])
    assert await client.until(7) == b"\x0bserver"
    assert server.connections[0].received == whole
    upgrading = await service.client(preamble(service.address("one"), upgrade=SSL_TLS_UPGRADE))
    assert await upgrading.until(7) == b"\x0bserver"
    client.abort()
    upgrading.abort()
    await port.stopListening()
    await service.settle(service.balanced)


async def test_an_incomplete_preamble_for_a_relay_times_out(service: RunningService) -> None:
    """receiveTimeout holds for the rest of the preamble too."""
    relay(service, "one", free_port())
    client = await service.client(preamble(service.address("one"))[:-1])
    assert await client.end() == b""
    await service.settle(lambda: service.count(Outcome.RECEIVE_TIMEOUT) == 1)
    await service.settle(service.balanced)


async def test_a_server_that_is_down(service: RunningService) -> None:
    """A relay that cannot be reached is an address that is unavailable."""
    relay(service, "one", free_port())
    client = await service.call("one")
    assert await client.end() == Fault.ENDPOINT_UNAVAILABLE.record
    await service.settle(service.balanced)


async def test_half_close_and_back_pressure(service: RunningService) -> None:
    """Megabytes to a client that reads late arrive whole, and a half-close travels through."""
    server, private = AcknowledgingFactory("server"), free_port()
    port = await TCP4ServerEndpoint(reactor, private, interface="127.0.0.1").listen(server)
    relay(service, "one", private)
    client = await service.call("one")
    await client.until(7)
    client.transport.pauseProducing()
    payload = b"0123456789abcdef" * 500_000
    server.connections[0].transport.write(payload)
    await deferLater(reactor, 0.1)
    assert service.shared.admission.descriptors == 2
    client.transport.resumeProducing()
    assert len(await client.until(7 + len(payload))) == 7 + len(payload)
    client.transport.loseWriteConnection()
    await service.settle(lambda: hasattr(server.connections[0], "reason"))
    await client.end()
    await port.stopListening()
    await service.settle(service.balanced)


async def test_proxy_protocol_out(service: RunningService) -> None:
    """With proxy the server is told who the client is, before the first byte of the preamble."""
    server, private = AcknowledgingFactory("server"), free_port()
    port = await TCP4ServerEndpoint(reactor, private, interface="127.0.0.1").listen(server)
    relay(service, "one", private, proxy=True)
    client = await service.call("one")
    await client.until(7)
    peer = client.transport.getHost()
    header = proxy_header(f"127.0.0.1:{peer.port}", f"127.0.0.1:{service.port}")
    assert server.connections[0].received == header + preamble(service.address("one"))
    client.abort()
    await port.stopListening()
    await service.settle(service.balanced)
