"""Microsoft's client while the processes of its services are exchanged: it notices nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from tests.integration.restarting import Place, until
from tests.integration.test_recycling import netshare, rows
from tests.peers.child import Answer
from tests.peers.drivers import Channel, DotNetClient

#: A process of one service, started by the sharing service: its contract, its address.
SERVING = """
import os, sys
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from netshare.transport import NetTcpBinding, SecurityMode, ServiceHost
from tests.peers.services import SERVICES, Basic

contract, address, shared = sys.argv[1:]
Basic.name = str(os.getpid())
declared, service = SERVICES[contract]
host = ServiceHost(service, reactor, shared_addresses=shared == "shared")
host.add_endpoint(
    declared, NetTcpBinding(security=SecurityMode.NONE, port_sharing_enabled=True), address
)
ensureDeferred(host.open())
reactor.run()
"""

BINDING = {"security": "None"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


def workers(place: Place, how: str) -> tuple[dict[str, str], list[str]]:
    """The addresses of two contracts, and the options for a worker of each."""
    program = place.directory / "serving.py"
    program.write_text(SERVING)
    addresses = {
        contract: f"net.tcp://127.0.0.1:{place.port}/{contract}"
        for contract in ("IBasic", "IDuplex")
    }
    options = []
    for contract, address in addresses.items():
        command = f"{sys.executable} {program} {contract} {address} {how}"
        options.append(f"--worker={place.address(contract)}=!{command}")
    return addresses, options


def start(place: Place, how: str) -> dict[str, str]:
    """A service and a worker for each of two contracts: their addresses."""
    addresses, options = workers(place, how)
    place.service(*options)
    until(place.control.exists)
    until(lambda: [row["state"] for row in rows(place)] == ["ready"] * 2)
    return addresses


async def recycled(place: Place, address: str) -> None:
    code, _, trouble = await deferToThread(netshare, place, "recycle", address, "--wait")
    assert code == 0, trouble


@pytest.mark.parametrize("how", ["shared", "exclusive"])
async def test_pooled_and_long_channels(
    place: Place, dotnet_client: DotNetClient, how: str
) -> None:
    """
    New channels on pooled connections, and channels that stay open: each call of each gets its
    answer while both services' processes are exchanged, and new channels reach the new process.
    """
    addresses = start(place, how)
    pids = {await dotnet_client.once("IBasic", addresses["IBasic"], "Who", binding=BINDING)}

    def load(connect: bool, channels: int, calls: int) -> Deferred[Answer]:
        return ensureDeferred(
            dotnet_client.command(
                "bench",
                60,
                background=True,
                contract="IBasic",
                address=addresses["IBasic"],
                binding=BINDING,
                op="Sleep",
                args=[5],
                channels=channels,
                calls=calls,
                connect=connect,
            )
        )

    running = [load(True, 4, 400), load(False, 4, 600)]
    duplex = await dotnet_client.open("IDuplex", addresses["IDuplex"], binding=BINDING)
    await works(dotnet_client, duplex, 1)
    for turn in (2, 3, 4):
        await recycled(place, place.address("IBasic"))
        await recycled(place, place.address("IDuplex"))
        pids.add(await dotnet_client.once("IBasic", addresses["IBasic"], "Who", binding=BINDING))
        await works(dotnet_client, duplex, turn)
    await duplex.close()
    for one, expected in zip(running, (1600, 2400), strict=True):
        answer = await one
        assert (answer["done"], answer["failed"]) == (expected, 0), answer
    assert len(pids) == 4


async def works(client: DotNetClient, channel: Channel, turn: int) -> None:
    """A call with callbacks in between, on a channel that stays."""
    assert await channel.call("Work", f"job {turn}", 2) == f"job {turn} done"
    said = await client.callbacks("Progress", 2 * turn)
    assert said[-2:] == [[50, f"job {turn} step 1"], [100, f"job {turn} step 2"]]
