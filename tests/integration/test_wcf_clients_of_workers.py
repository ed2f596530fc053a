"""Real WCF clients whose connections are handed over to Python workers."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.outcomes import Outcome
from netshare.transport.channels.factory import FramingServerFactory
from tests.integration.running import RunningService
from tests.integration.test_channels_on_sockets import Acceptor
from tests.peers.drivers import DotNetClient, MonoClient

BINARY_SESSION = "application/soap+msbinsession1"


@pytest.fixture(params=[True, False], ids=["fast-lane", "amp-lane"])
def fast(request: pytest.FixtureRequest) -> bool:
    """Every test runs over both lanes."""
    return bool(request.param)


async def worker(service: RunningService, path: str) -> Acceptor:
    """A net.tcp server behind the shared port that opens channels and takes what comes."""
    acceptor = Acceptor()
    await service.worker(path, FramingServerFactory(acceptor, service.reactor))
    return acceptor


async def visit(service: RunningService, client: DotNetClient, path: str) -> None:
    """A .NET channel opens and closes: preamble, ack, End, End."""
    channel = await client.open("IBasic", service.address(path))
    assert (await channel.close())["state"] == "Closed"


def paths(acceptor: Acceptor) -> list[str]:
    """What was asked of a worker."""
    return [via.split("/", 3)[3] for via, _, _ in acceptor.asked]


async def test_preambles_of_both_clients_arrive(
    service: RunningService, dotnet_client: DotNetClient, mono_client: MonoClient
) -> None:
    """.NET's and Mono's preambles reach the worker by hand-over, and their channels open."""
    acceptor = await worker(service, "one")
    await visit(service, dotnet_client, "one/net")
    channel = await mono_client.open("IBasic", service.address("one/mono"))
    await channel.abort()
    assert paths(acceptor) == ["one/net", "one/mono"]
    assert {encoding for _, _, encoding in acceptor.asked} == {BINARY_SESSION}
    assert service.count(Outcome.HANDED_OVER) == 2
    await service.settle(service.balanced)


async def test_escaped_and_raw_addresses_are_one(
    service: RunningService, dotnet_client: DotNetClient, mono_client: MonoClient
) -> None:
    """.NET escapes its via, Mono sends raw UTF-8: both reach the worker of the address."""
    acceptor = await worker(service, "grüße/世界")
    await visit(service, dotnet_client, "Grüße/世界")
    channel = await mono_client.open("IBasic", service.address("grüße/世界"))
    await channel.abort()
    escaped, raw = paths(acceptor)
    assert "%" in escaped
    assert raw == "grüße/世界"


async def test_one_pooled_socket_across_two_workers(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """Channels to /a, /b, /a: one accepted connection, given back and handed over again."""
    a, b = await worker(service, "a"), await worker(service, "b")
    for path in ("a", "b", "a"):
        await visit(service, dotnet_client, path)
    assert (paths(a), paths(b)) == (["a", "a"], ["b"])
    counts = service.shared.counts
    assert (counts.accepted, counts.returned) == (1, 2)
    assert service.count(Outcome.HANDED_OVER) == 3


async def test_overlapping_addresses(service: RunningService, dotnet_client: DotNetClient) -> None:
    """A pooled socket of /one never brings what belongs to /one/deeper there, nor back."""
    one, deeper = await worker(service, "one"), await worker(service, "one/deeper")
    for path in ("one", "one/deeper", "one/other", "one/deeper/still", "one"):
        await visit(service, dotnet_client, path)
    assert paths(one) == ["one", "one/other", "one"]
    assert paths(deeper) == ["one/deeper", "one/deeper/still"]
    assert service.shared.counts.accepted == 1


async def test_a_deeper_address_while_sockets_lie_in_the_pool(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """The very via that a pooled socket came with goes to who registered it meanwhile."""
    one = await worker(service, "one")
    await visit(service, dotnet_client, "one/deeper")
    deeper = await worker(service, "one/deeper")
    await visit(service, dotnet_client, "one/deeper")
    assert (paths(one), paths(deeper)) == (["one/deeper"], ["one/deeper"])
    assert service.shared.counts.accepted == 1


async def test_many_changes_of_address(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """Two hundred changes of address cost no new connection."""
    acceptors = {path: await worker(service, path) for path in ("a", "b")}
    for turn in range(200):
        await visit(service, dotnet_client, "ab"[turn % 2])
    assert {path: len(acceptor.asked) for path, acceptor in acceptors.items()} == {
        "a": 100,
        "b": 100,
    }
    assert service.shared.counts.accepted == 1


async def test_a_service_restart_does_not_disturb_open_channels(
    service: RunningService, dotnet_client: DotNetClient, tmp_path: Any
) -> None:
    """A channel that was handed over lives on while the service is away."""
    acceptor = await worker(service, "one")
    opened = await dotnet_client.command(
        "raw-open", address=service.address("one"), binding={"encoding": "text"}
    )
    name = opened["channel"]
    control = service._ports.pop(0)
    await control.stopListening()
    await service.shared.stop()
    await dotnet_client.command("raw-send", channel=name, body="<x />")
    await dotnet_client.command("raw-receive", channel=name)
    await dotnet_client.command("raw-close", channel=name)
    assert acceptor.made[0].messages == 1
