"""
Clients in Python: this project's three, and pynettcp where it is installed.

Each has a method for each figure that it is measured by; they run in this process, so that their
own processor time is this process's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.threads import deferToThread

from benchmarks.harness.transport.loads import (
    BINDING,
    CHANNELS,
    MEGABYTE,
    OPENING,
    OPERANDS,
    OPERATIONS,
    Size,
)
from benchmarks.harness.transport.samples import Sample, Stopwatch
from benchmarks.harness.transport.stage import Stage
from netshare.transport.clients import aio
from netshare.transport.clients.blocking import NetTcpClient
from netshare.transport.clients.channelfactory import ChannelFactory
from tests.peers.contracts import IBasic
from tests.peers.services import pattern

DATA = pattern(MEGABYTE)
ARGUMENTS: dict[str, tuple[Any, ...]] = {"Add": OPERANDS, "Bytes": (MEGABYTE,), "Count": (DATA,)}
#: Calls that are made before those that count.
WARMING = 20


class PythonClient:
    """
    Calls as a figure asks for it.

    :param reactor: this process's
    """

    #: What it is measured by.
    figures: tuple[str, ...] = ("one", "replies", "requests")

    def __init__(self, reactor: Any, stage: Stage, size: Size) -> None:
        self.reactor = reactor
        self.stage = stage
        self.size = size

    async def measure(self, figure: str, place: str) -> Sample:
        """:returns: a sample"""
        raise NotImplementedError

    def count(self, figure: str) -> int:
        """:returns: how many calls to make, on each channel"""
        return {"one": self.size.one, "many": self.size.many, "pooled": self.size.opening}.get(
            figure, self.size.bulk
        )

    def watch(self, place: str) -> Stopwatch:
        """:returns: a watch that has just been started"""
        return Stopwatch(self.stage.servers[place])


async def _repeat(call: Callable[[], Awaitable[Any]], count: int, watch: Stopwatch) -> None:
    for _ in range(count):
        began = time.perf_counter()
        await call()
        watch.spans.append(time.perf_counter() - began)


class TwistedClient(PythonClient):
    """Deferreds, in the benchmark's own reactor."""

    figures = ("one", "many", "pooled", "replies", "requests")

    async def measure(self, figure: str, place: str) -> Sample:
        factory = ChannelFactory(IBasic, BINDING, self.reactor)
        address = self.stage.address(place, figure)
        try:
            if figure == "pooled":
                return await self._opening(factory, address, place)
            return await self._calls(factory, address, figure, place)
        finally:
            await factory.close()

    async def _calls(self, factory: Any, address: str, figure: str, place: str) -> Sample:
        op = OPERATIONS[figure]
        number = CHANNELS if figure == "many" else 1
        channels = [factory.create_channel(address) for _ in range(number)]

        def caller(channel: Any) -> Callable[[], Awaitable[Any]]:
            return lambda: getattr(channel.operations, op)(*ARGUMENTS[op])

        calls = [caller(channel) for channel in channels]
        count = self.count(figure)
        for call in calls:
            for _ in range(max(1, min(count, WARMING) // number)):
                await call()
        watch = self.watch(place)
        await gatherResults([ensureDeferred(_repeat(call, count, watch)) for call in calls])
        sample = watch.sample()
        await gatherResults([channel.close() for channel in channels])
        return sample

    async def _opening(self, factory: Any, address: str, place: str) -> Sample:
        async def call() -> None:
            channel = factory.create_channel(address)
            await channel.operations.Add(*OPERANDS)
            await channel.close()

        await call()
        watch = self.watch(place)
        count = self.count("pooled")
        await gatherResults([ensureDeferred(_repeat(call, count, watch)) for _ in range(OPENING)])
        return watch.sample()


class AsyncioClient(PythonClient):
    """Coroutines, in a loop of their own in a thread."""

    figures = ("one", "many", "replies", "requests")

    async def measure(self, figure: str, place: str) -> Sample:
        made: Sample = await deferToThread(lambda: asyncio.run(self._measure(figure, place)))
        return made

    async def _measure(self, figure: str, place: str) -> Sample:
        op = OPERATIONS[figure]
        address = self.stage.address(place, figure)
        number = CHANNELS if figure == "many" else 1
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(aio.NetTcpClient(IBasic, address, BINDING))
                for _ in range(number)
            ]
            calls = [
                lambda client=client: getattr(client, op)(*ARGUMENTS[op]) for client in clients
            ]
            count = self.count(figure)
            for call in calls:
                for _ in range(max(1, min(count, WARMING) // number)):
                    await call()
            watch = self.watch(place)
            await asyncio.gather(*(_repeat(call, count, watch) for call in calls))
            return watch.sample()


class _InThread(PythonClient):
    """Calls that block."""

    async def measure(self, figure: str, place: str) -> Sample:
        made: Sample = await deferToThread(self._measure, figure, place)
        return made

    def _measure(self, figure: str, place: str) -> Sample:
        raise NotImplementedError

    def _repeated(self, figure: str, place: str, call: Callable[[], object]) -> Sample:
        count = self.count(figure)
        for _ in range(min(count, WARMING)):
            call()
        watch = self.watch(place)
        for _ in range(count):
            began = time.perf_counter()
            call()
            watch.spans.append(time.perf_counter() - began)
        return watch.sample()


class BlockingClient(_InThread):
    """For plain programs."""

    def _measure(self, figure: str, place: str) -> Sample:
        op = OPERATIONS[figure]
        with NetTcpClient(IBasic, self.stage.address(place, figure), BINDING) as client:
            method = getattr(client, op)
            return self._repeated(figure, place, lambda: method(*ARGUMENTS[op]))


class OtherClient(_InThread):
    """pynettcp, with its own description of the operations."""

    figures = ("one", "replies")

    def _measure(self, figure: str, place: str) -> Sample:
        import pynettcp
        from pynettcp.contract import ElementSpec, Field, TypeRegistry, read_element, write_element

        types = TypeRegistry()
        name, result, arguments = {
            "one": ("Add", "xs:int", dict(zip("ab", OPERANDS, strict=True))),
            "replies": ("Bytes", "xs:base64Binary", {"count": MEGABYTE}),
        }[figure]
        fields = tuple(Field(one, "xs:int") for one in arguments)
        spec = ElementSpec(name, "urn:peers:basic", fields)
        reply = ElementSpec(f"{name}Response", "", (Field(f"{name}Result", result),))

        def call() -> object:
            answer = channel.call(
                action=f"urn:peers:basic/IBasic/{name}",
                body=lambda writer: write_element(writer, spec, arguments, types),  # type: ignore[arg-type]
            )
            return read_element(answer.body_events, reply, types)[f"{name}Result"]

        with pynettcp.Channel(self.stage.address(place, figure)) as channel:
            return self._repeated(figure, place, call)
