"""
Microsoft's client, which measures with its own clock.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.transport.bulk import Bulk
from benchmarks.harness.transport.loads import (
    CHANNELS,
    DATA,
    LARGEST,
    MEGABYTE,
    OPENING,
    OPERANDS,
    OPERATIONS,
    Size,
)
from benchmarks.harness.transport.samples import CpuWatch, Sample
from benchmarks.harness.transport.stage import Stage
from tests.peers.child import PeerError, PeerSilent
from tests.peers.drivers import DotNetClient

#: Seconds for what one figure asks for.
PATIENCE = 60.0
_NO_POOL = {"pool": {"maxOutboundConnectionsPerEndpoint": 0}}


class DotNet:
    """
    Calls as a figure asks for it.

    :param client: the program, running
    """

    def __init__(self, client: DotNetClient, bulk: Bulk, stage: Stage, size: Size) -> None:
        self._client = client
        self._bulk = bulk
        self._stage = stage
        self._size = size

    async def measure(self, figure: str, place: str) -> Sample:
        """
        :returns: a sample
        :raises BenchmarkError: nobody was served
        """
        if figure == "whole":
            return await self._whole(place)
        size = self._size
        if (load := DATA.get(figure)) is not None:
            # Mono takes 50 ms for a call on a channel, whatever is in it.
            calls = load.calls(size.data) // (4 if place == "mono" else 1)
            return await self._bench(figure, place, calls, {"channels": load.channels})
        calls, more = {
            "one": (size.one, {}),
            "many": (size.many, {"channels": CHANNELS}),
            "growth": (size.many, {"channels": CHANNELS}),
            "pooled": (size.opening, {"channels": OPENING, "connect": True}),
            "unpooled": (
                size.opening,
                {"channels": OPENING, "connect": True, "binding": _NO_POOL},
            ),
            "replies": (size.bulk, {}),
            "requests": (size.bulk, {}),
        }[figure]
        return await self._bench(figure, place, calls, more)

    async def warm_up(self, place: str) -> None:
        """Let .NET compile what will be called often, which it does in several steps."""
        await self._bench("one", place, 1500, {})
        await self._bench("many", place, 30, {"channels": CHANNELS})
        await self._bench("pooled", place, 30, {"channels": OPENING, "connect": True})
        for figure in ("replies", "requests"):
            await self._bench(figure, place, 30, {})

    async def warm_up_data(self, place: str) -> None:
        """The same for calls with real data; Mono compiles but once, and takes 50 ms for a call."""
        for figure, load in DATA.items():
            calls = 100 if load.length else 300
            await self._bench(figure, place, 10 if place == "mono" else calls, {})

    async def _bench(self, figure: str, place: str, calls: int, more: dict[str, Any]) -> Sample:
        asked = self._asked(figure, place)
        binding = {"maxReceivedMessageSize": LARGEST, **more.get("binding", {})}
        watch = CpuWatch(self._stage.servers[place], self._client.pid)
        answer = await self._client.command(
            "bench", PATIENCE, calls=calls, **asked, **{**more, "binding": binding}
        )
        done = answer["done"]
        if not done:
            raise BenchmarkError(f".NET calling {asked['op']}: {answer['first_error']}")
        # One more call on each channel comes first, which it does not count.
        made = done + (0 if more.get("connect") else more.get("channels", 1))
        return {
            "rate": answer["per_second"],
            "p50": answer["p50_ms"],
            "p99": answer["p99_ms"],
            "done": done,
            "failed": answer["failed"],
            **watch.microseconds(made),
        }

    async def _whole(self, place: str) -> Sample:
        """One reply of a megabyte, which may take very long."""
        asked = self._asked("whole", place)
        patience = self._size.patience
        binding = {"maxReceivedMessageSize": LARGEST, "sendTimeout": patience}
        channel = await self._client.open(asked["contract"], asked["address"], binding=binding)
        try:
            answer = await channel.exchange(asked["op"], *asked["args"], timeout=patience + 5)
            await channel.close()
        except (PeerError, PeerSilent):
            await channel.abort()
            return {"p50": patience * 1e3, "done": 0, "failed": 1}
        return {"p50": answer["ms"], "done": 1, "failed": 0}

    def _asked(self, figure: str, place: str) -> dict[str, Any]:
        op = OPERATIONS[figure]
        small = op == "Add"
        if figure in DATA:
            return {
                "contract": "IOrders",
                "address": self._stage.address(place, figure),
                "op": op,
                "args": [{"Length": DATA[figure].length}],
            }
        return {
            "contract": "IBasic" if small else self._bulk.contract,
            "address": self._stage.address(place, figure),
            "op": op,
            "args": list(OPERANDS) if small else self._bulk.arguments(op, MEGABYTE),
        }
