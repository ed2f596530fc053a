"""
Clients that ask for another address on a socket they have: behind relays, and behind a blind front.

Server X has an old copy of the second address, so that a wrong answer shows.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater

from netshare.framing.faults import Fault
from netshare.framing.records import END, PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from netshare.transport.contracts.binding import TextEncoding, TransferMode
from tests.integration.hosting import Hosting
from tests.integration.running import AcknowledgingFactory, RunningService
from tests.peers.drivers import DotNetClient, MonoClient, WcfClient, free_port

reactor: Any = _reactor

Machine = Callable[..., Awaitable[RunningService]]

STREAMED = {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 24}
TEXT = {"encoding": "text"}


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def machine(service: RunningService, tmp_path: Path) -> AsyncIterator[Machine]:
    """
    Starts a server that is a netshare of its own, behind the front's public port.

    ``await machine("X", "a", "b")`` serves these paths; Who says ``X-a`` and ``X-b``.
    """
    machines: list[RunningService] = []
    hostings: list[Hosting] = []

    async def start(
        name: str, *paths: str, binding: dict[str, Any] | None = None, closeReturned: bool = False
    ) -> RunningService:
        directory = tmp_path / name
        directory.mkdir()
        one = RunningService(reactor, directory, openPorts=False, fast=service.fast)
        one.port = service.port  # the public one: it is part of the addresses
        await one.start()
        machines.append(one)
        private = free_port()
        one.private = private  # type: ignore[attr-defined]
        endpoint = TCP4ServerEndpoint(reactor, private, interface="127.0.0.1")
        await one.shared.listen(endpoint, closeReturned)
        hosting = Hosting(reactor, one, True)
        hostings.append(hosting)
        for path in paths:
            await hosting.serve("IBasic", path, name=f"{name}-{path}", **(binding or {}))
        return one

    yield start
    for hosting in hostings:
        await hosting.stop()
    for one in machines:
        await one.stop()


def relay(service: RunningService, path: str, server: RunningService) -> None:
    """Publish a path of a server."""
    service.shared.relay(
        f"net.tcp://+:{service.port}/{path}",
        f"tcp:127.0.0.1:{server.private}",  # type: ignore[attr-defined]
    )
    service.shared.ports.acquire(service.port)


async def who(client: WcfClient, address: str, binding: Any) -> str:
    """Open a channel, ask who serves it, close it."""
    channel = await client.open("IBasic", address, binding=binding)
    try:
        answer: str = await channel.call("Who")
    finally:
        await channel.close()
    await deferLater(reactor, 0.02)
    return answer


async def ask_in_turn(service: RunningService, client: WcfClient, binding: Any) -> list[str]:
    """What the addresses a, b, a, b, b answer."""
    return [await who(client, service.address(path), binding) for path in "ababb"]


@pytest.mark.parametrize(
    ("on_x", "binding", "python"),
    [
        (("a",), {}, {}),
        (("a", "b"), {}, {}),
        (("a", "b"), STREAMED, {"transfer_mode": TransferMode.STREAMED}),
        (("a", "b"), TEXT, {"encoding": TextEncoding()}),
    ],
    ids=["X has only a", "an old copy of b", "streamed", "text"],
)
async def test_dotnet_behind_relays(
    service: RunningService,
    machine: Machine,
    dotnet_client: DotNetClient,
    on_x: tuple[str, ...],
    binding: dict[str, Any],
    python: dict[str, Any],
) -> None:
    """Microsoft's client gets each answer from the server that the front publishes."""
    relay(service, "a", await machine("X", *on_x, binding=python))
    relay(service, "b", await machine("Y", "b", binding=python))
    answers = await ask_in_turn(service, dotnet_client, binding)
    assert answers == ["X-a", "Y-b", "X-a", "Y-b", "Y-b"]
    # It kept its socket all the time, and each change of the address was routed and counted.
    assert service.shared.counts.returned >= 3
    assert service.count(Outcome.RELAYED) >= 4


async def test_mono_behind_relays(
    service: RunningService, machine: Machine, mono_client: MonoClient
) -> None:
    """So does Mono's."""
    relay(service, "a", await machine("X", "a", "b"))
    relay(service, "b", await machine("Y", "b"))
    answers = await ask_in_turn(service, mono_client, "none")
    assert answers == ["X-a", "Y-b", "X-a", "Y-b", "Y-b"]


async def session(service: RunningService, client: Any, path: str, expected: bytes) -> bytes:
    """Ask for a path on a raw client's socket, and end the session; what came for it."""
    before = len(client.received)
    client.send(preamble(service.address(path)))
    received: bytes = await client.until(before + len(expected))
    client.send(END)
    await deferLater(reactor, 0.05)
    return received[before:]


async def test_a_catch_all_of_the_first_server(service: RunningService, machine: Machine) -> None:
    """What stands at / on X does not get what the front publishes on Y."""
    x, y = await machine("X"), await machine("Y")
    await x.worker("", AcknowledgingFactory("all of X"))
    await y.worker("b", AcknowledgingFactory("b of Y"))
    relay(service, "a", x)
    relay(service, "b", y)
    client = await service.client()
    answers = [
        await session(service, client, path, PREAMBLE_ACK + name)
        for path, name in (("a", b"all of X"), ("b", b"b of Y"), ("a", b"all of X"))
    ]
    assert answers == [b"\x0ball of X", b"\x0bb of Y", b"\x0ball of X"]


async def test_a_path_that_is_not_published(service: RunningService, machine: Machine) -> None:
    """X has /internal, the front does not: it is not found, at once or on a socket for /a."""
    x = await machine("X")
    inside = AcknowledgingFactory("internal")
    await x.worker("a", AcknowledgingFactory("a"))
    await x.worker("internal", inside)
    relay(service, "a", x)
    fault = Fault.ENDPOINT_NOT_FOUND.record
    assert await (await service.call("internal")).end() == fault
    client = await service.client()
    assert await session(service, client, "a", b"\x0ba") == b"\x0ba"
    assert await session(service, client, "internal", fault) == fault
    assert inside.connections == []
    assert service.count(Outcome.ENDPOINT_NOT_FOUND) == 2


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def haproxy(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Starts HAProxy with servers for paths, chosen by the first preamble's bytes."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed")
    running: list[subprocess.Popen[bytes]] = []

    async def start(port: int, **servers: int) -> None:
        lines = [
            "global\n maxconn 200",
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s",
            f"frontend shared\n bind 127.0.0.1:{port}\n tcp-request inspect-delay 5s",
            " tcp-request content accept if { req.payload(7,0) -m found }",
        ]
        for path in servers:
            lines.append(f" use_backend {path} if {{ req.payload(7,0) -m sub :{port}/{path} }}")
        for path, private in servers.items():
            lines.append(f"backend {path}\n server one 127.0.0.1:{private}")
        configuration = tmp_path / "haproxy.cfg"
        configuration.write_text("\n".join(lines) + "\n")
        running.append(subprocess.Popen([program, "-db", "-q", "-f", str(configuration)]))
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await deferLater(reactor, 0.02)
        raise AssertionError("haproxy does not listen")

    yield start
    for process in running:
        process.terminate()
        process.wait(5)


@pytest.mark.parametrize("rule", [True, False], ids=["closed", "routed"])
async def test_dotnet_behind_a_blind_front(
    service: RunningService,
    machine: Machine,
    haproxy: Callable[..., Awaitable[None]],
    dotnet_client: DotNetClient,
    rule: bool,
) -> None:
    """
    Behind HAProxy, X answers for b on a pooled socket, unless its listener closes what comes back:
    then the client asks again, and HAProxy brings it to Y.
    """
    x = await machine("X", "a", "b", closeReturned=rule)
    y = await machine("Y", "b", closeReturned=rule)
    await haproxy(service.port, a=x.private, b=y.private)  # type: ignore[attr-defined]
    answers = await ask_in_turn(service, dotnet_client, {})
    if rule:
        assert answers == ["X-a", "Y-b", "X-a", "Y-b", "Y-b"]
        assert x.count(Outcome.SENT_BACK) + y.count(Outcome.SENT_BACK) == 3
    else:
        assert answers == ["X-a", "X-b", "X-a", "X-b", "X-b"]


async def test_relays_on_a_machine_behind_a_blind_front(
    service: RunningService, machine: Machine
) -> None:
    """What a relay gives back is closed on such a listener, too."""
    x, behind = await machine("X", closeReturned=True), AcknowledgingFactory("a")
    private = free_port()
    port = await TCP4ServerEndpoint(reactor, private, interface="127.0.0.1").listen(behind)
    x.shared.relay(f"net.tcp://+:{service.port}/a", f"tcp:127.0.0.1:{private}")
    client = await service.client(port=x.private)  # type: ignore[attr-defined]
    assert await session(service, client, "a", b"\x0ba") == b"\x0ba"
    client.send(preamble(service.address("internal")))
    assert await client.end() == b"\x0ba"
    assert x.count(Outcome.SENT_BACK) == 1
    await x.settle(x.balanced)
    await port.stopListening()
