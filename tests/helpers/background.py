"""Clients of other programs than Twisted's, with a reactor in memory instead of one in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from netshare.testing import MemoryNetwork
from netshare.transport import (
    FaultError,
    NetTcpBinding,
    SecurityMode,
    ServiceHost,
    Stream,
    TransferMode,
    operation,
    service_contract,
)
from netshare.transport.clients.background import BackgroundReactor

ADDRESS = "net.tcp://127.0.0.1:9000/test"
BINDING = NetTcpBinding(security=SecurityMode.NONE)
STREAMED = NetTcpBinding(security=SecurityMode.NONE, transfer_mode=TransferMode.STREAMED)


@service_contract(namespace="urn:test")
class ICalculator:
    """What the clients call."""

    @operation
    def Add(self, a: int, b: int) -> int: ...

    @operation
    def Fail(self) -> None: ...

    @operation
    def Wait(self) -> int: ...


@service_contract(namespace="urn:test")
class IFiles:
    """Streams in both directions."""

    @operation
    def Download(self, size: int) -> Stream: ...

    @operation
    def Upload(self, data: Stream) -> int: ...


class Calculator(ICalculator):
    """Adds; what waits is never answered."""

    waiting: list[Deferred[int]] = []

    def Add(self, a: int, b: int) -> int:
        return a + b

    def Fail(self) -> None:
        raise FaultError(reason="it failed")

    def Wait(self) -> Any:
        self.waiting.append(Deferred())
        return self.waiting[-1]


class Files(IFiles):
    """Counts what it is sent, and sends as much as it is asked for."""

    def Download(self, size: int) -> Any:
        return b"x" * size

    async def Upload(self, data: Any) -> int:
        return len(await data.read())


class Background:
    """
    In place of the :class:`BackgroundReactor` of this process: its calls let the network settle
    until they have a result.
    """

    def __init__(self) -> None:
        self.reactor = self.network = MemoryNetwork()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function and wait for what its Deferred becomes."""
        results: list[Any] = []
        maybeDeferred(function, *args).addBoth(results.append)
        for _ in range(200):
            if results:
                break
            self.network.settle()
            self.network.advance(0.05)
        assert results, "no result"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]


def said_by_client(made: Background) -> bytes:
    """:returns: what the client of the first connection has sent"""
    return b"".join(data for side, data in made.network.wires[0].spoken if side == 0)


@contextmanager
def background(patch: pytest.MonkeyPatch) -> Iterator[Background]:
    """
    A network in memory for all clients, with a service of :class:`ICalculator`.
    """
    made = Background()
    patch.setattr(BackgroundReactor, "shared", lambda: made)
    calculator = ServiceHost(Calculator, made.network)
    calculator.add_endpoint(ICalculator, BINDING, ADDRESS)
    files = ServiceHost(Files, made.network)
    files.add_endpoint(IFiles, STREAMED, "net.tcp://127.0.0.1:9001/files")
    for host in (calculator, files):
        made.call(host.open)
    yield made
    for host in (calculator, files):
        host.abort()
        made.call(host.close)
    Calculator.waiting.clear()
