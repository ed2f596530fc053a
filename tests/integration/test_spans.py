"""Spans across threads and event loops: each belongs to what was current where a call was made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.threads import deferToThread

from netshare.transport.clients import aio
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.blocking import NetTcpClient
from netshare.transport.contracts.behavior import ServiceBehavior
from netshare.transport.opentelemetry import Tracing
from tests.integration.hosting import Hosting, binding
from tests.integration.running import RunningService
from tests.peers.contracts import IBasic

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="pip install -e '.[test]'")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The thread that all clients share, with the descriptors that it has for good."""
    BackgroundReactor.shared()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def hosting(service: RunningService) -> AsyncIterator[Hosting]:
    """Serves contracts in Python."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, True)
    yield hosting
    await hosting.stop()


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("face", ["blocking", "asyncio"])
@pytest_twisted.ensureDeferred  # type: ignore[untyped-decorator]
async def test_one_trace(hosting: Hosting, face: str, threads: bool) -> None:
    """From a thread or an event loop through the shared port into a method it is one trace."""
    provider, exporter = sdk.TracerProvider(), in_memory.InMemorySpanExporter()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    tracer, tracing = provider.get_tracer("test"), Tracing(provider, carry_context=True)
    behavior = ServiceBehavior(threads=threads)
    address = await hosting.serve("IBasic", behavior=behavior, tracing=tracing)

    def blocking() -> None:
        with (
            NetTcpClient(IBasic, address, binding(), tracing=tracing) as basic,
            tracer.start_as_current_span("outer"),
        ):
            assert basic.Add(1, 2) == 3

    def of_asyncio() -> None:
        async def one(client: Any, number: int) -> None:
            with tracer.start_as_current_span(f"outer {number}"):
                assert await client.Add(number, 1) == number + 1

        async def both() -> None:
            async with aio.NetTcpClient(IBasic, address, binding(), tracing=tracing) as basic:
                await asyncio.gather(one(basic, 1), one(basic, 2))

        asyncio.run(both())

    await deferToThread(blocking if face == "blocking" else of_asyncio)
    spans = {one.context.span_id: one for one in exporter.get_finished_spans()}
    served = [one for one in spans.values() if one.kind.name == "SERVER"]
    assert len(served) == (1 if face == "blocking" else 2)
    outer = set()
    for one in served:
        made = spans[one.parent.span_id]
        assert (one.name, made.name, made.kind.name) == ("IBasic/Add", "IBasic/Add", "CLIENT")
        outer.add(spans[made.parent.span_id].name)
    assert outer == ({"outer"} if face == "blocking" else {"outer 1", "outer 2"})
