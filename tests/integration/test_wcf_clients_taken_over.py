"""Microsoft's client while one service takes over from another: it notices nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from tests.integration.restarting import until
from tests.integration.succeeding import Succession
from tests.integration.test_recycling import rows
from tests.integration.test_wcf_clients_recycled import BINDING, workers, works
from tests.peers.child import Answer
from tests.peers.drivers import DotNetClient


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Succession]:
    with ExitStack() as cleanup:
        yield Succession(tmp_path, cleanup)


async def test_pooled_and_long_channels(place: Succession, dotnet_client: DotNetClient) -> None:
    """
    New channels on pooled connections, channels that stay open and a duplex one with callbacks:
    each call gets its answer, from the same processes, over three take-overs.
    """
    addresses, options = workers(place, "exclusive")
    service = place.run(*options)
    until(place.control.exists)
    until(lambda: [row["state"] for row in rows(place)] == ["ready"] * 2)
    pids = {await dotnet_client.once("IBasic", addresses["IBasic"], "Who", binding=BINDING)}

    def load(connect: bool, channels: int, calls: int) -> Deferred[Answer]:
        return ensureDeferred(
            dotnet_client.command(
                "bench",
                120,
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
        service = await deferToThread(place.succeed, service, *options)
        pids.add(await dotnet_client.once("IBasic", addresses["IBasic"], "Who", binding=BINDING))
        await works(dotnet_client, duplex, turn)
    await duplex.close()
    for one, expected in zip(running, (1600, 2400), strict=True):
        answer = await one
        assert (answer["done"], answer["failed"]) == (expected, 0), answer
    assert len(pids) == 1
