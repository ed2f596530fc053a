"""netshare.transport.clients.aio: everything that a program sees happens in its own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from netshare.transport import CommunicationState, FaultError
from netshare.transport.channels.errors import EndpointNotFoundError
from netshare.transport.clients.aio import NetTcpClient
from tests.helpers.background import (
    ADDRESS,
    BINDING,
    STREAMED,
    Background,
    Calculator,
    ICalculator,
    IFiles,
    background,
    said_by_client,
)

FILES = "net.tcp://127.0.0.1:9001/files"
#: The End record ([MC-NMF] 2.2.3.8).
END = b"\x07"

#: Runs a program in an event loop, and the network beside it.
Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """A service, and a network in memory to it."""
    with background(monkeypatch) as made:
        yield made


@pytest.fixture
def run(world: Background) -> Run:
    """The network settles between the turns of the program's loop."""

    async def beside(program: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(program())
        for _ in range(2000):
            if task.done():
                break
            world.network.settle()
            world.network.advance(0.01)
            await asyncio.sleep(0)
        assert task.done(), "the program waits for ever"
        await task

    return lambda program: asyncio.run(beside(program))


def test_calls(world: Background, run: Run) -> None:
    """Operations are awaited, also many at once; the block's end closes the session."""

    async def program() -> None:
        client = NetTcpClient(ICalculator, ADDRESS, BINDING)
        async with client as calculator:
            assert await calculator.Add(1, 2) == 3
            sums = await asyncio.gather(*(calculator.Add(n, n) for n in range(10)))
            assert sums == [2 * n for n in range(10)]
            with pytest.raises(FaultError, match="it failed"):
                await calculator.Fail()
        assert client.state is CommunicationState.CLOSED

    run(program)
    assert said_by_client(world).endswith(END)


def test_a_block_that_fails(world: Background, run: Run) -> None:
    """A block that ends with an exception aborts the session."""

    async def program() -> None:
        async with NetTcpClient(ICalculator, ADDRESS, BINDING) as calculator:
            await calculator.Add(1, 1 // 0)

    with pytest.raises(ZeroDivisionError):
        run(program)
    assert not said_by_client(world).endswith(END)


def test_a_service_that_is_not_there(run: Run) -> None:
    """A block whose channel cannot be opened does not begin."""

    async def program() -> None:
        client = NetTcpClient(ICalculator, "net.tcp://127.0.0.1:9000/nothing", BINDING)
        with pytest.raises(EndpointNotFoundError):
            async with client:
                raise AssertionError("the block began")
        assert client.state is CommunicationState.FAULTED

    run(program)


def test_a_call_that_is_cancelled(run: Run) -> None:
    """Cancelling the task that awaits a call ends the waiting; the session goes on."""

    async def program() -> None:
        async with NetTcpClient(ICalculator, ADDRESS, BINDING) as calculator:
            task = asyncio.ensure_future(calculator.Wait())
            while not Calculator.waiting:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            Calculator.waiting[0].callback(1)
            assert await calculator.Add(1, 2) == 3

    run(program)


def test_streams_that_arrive(run: Run) -> None:
    """A stream is iterated over, read in pieces, or given up."""

    async def program() -> None:
        async with NetTcpClient(IFiles, FILES, STREAMED) as files:
            pieces = [piece async for piece in await files.Download(50_000)]
            assert b"".join(pieces) == b"x" * 50_000
            stream = await files.Download(10)
            assert [await stream.read(4), await stream.read(), await stream.read()] == [
                b"xxxx",
                b"xxxxxx",
                b"",
            ]
            stream = await files.Download(50_000)
            await stream.aclose()

    run(program)


def test_streams_that_go_out(run: Run) -> None:
    """Bytes, and what an asynchronous generator of the program's makes in its own loop."""

    async def program() -> None:
        loop = asyncio.get_running_loop()

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(10):
                await asyncio.sleep(0)
                assert asyncio.get_running_loop() is loop
                yield b"x" * 1000

        async with NetTcpClient(IFiles, FILES, STREAMED) as files:
            assert await files.Upload(b"x" * 20_000) == 20_000
            assert await files.Upload(pieces()) == 10_000

    run(program)


def test_a_stream_that_fails(run: Run) -> None:
    """What the program's own generator raises is raised by the call."""

    async def program() -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"
            raise KeyError("mine")

        client = NetTcpClient(IFiles, FILES, STREAMED)
        with pytest.raises(KeyError, match="mine"):
            await client.operations.Upload(pieces())
        await client.abort()

    run(program)


def test_it_needs_a_loop(world: Background) -> None:
    """A client belongs to the loop in which it is made, and cannot be made without one."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        NetTcpClient(ICalculator, ADDRESS, BINDING)


def test_a_loop_that_is_closed(world: Background) -> None:
    """What comes when the program's loop has gone is dropped, and does not hurt the reactor."""

    async def program() -> Any:
        client = NetTcpClient(ICalculator, ADDRESS, BINDING)
        task = asyncio.ensure_future(client.operations.Wait())
        await asyncio.sleep(0)
        task.cancel()
        return client

    asyncio.run(program())
    for _ in range(100):
        world.network.settle()
        world.network.advance(0.05)
