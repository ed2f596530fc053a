"""Workers that can take no more: clients wait for them, or are told, and they recover."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import deferLater

from netshare.endpoints.preamble import ConsumingFactory
from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK
from netshare.outcomes import Outcome
from tests.integration.running import RunningService

reactor: Any = _reactor


class FewAtOnce(Factory):
    """Takes only so many connections at a time; each ends when its client closes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open = 0
        self.highest = 0

    def buildProtocol(self, addr: object) -> Protocol | None:
        if self.open >= self.most:
            return None
        self.open += 1
        self.highest = max(self.highest, self.open)
        factory = self

        class Counted(Protocol):
            def connectionLost(self, reason: object = None) -> None:
                factory.open -= 1

        return Counted()


async def test_clients_wait_for_a_busy_worker(service: RunningService) -> None:
    """All are served, a few at a time; none is refused or bounced."""
    factory = FewAtOnce(2)
    await service.worker("one", ConsumingFactory(factory, reactor))
    clients = [await service.call("one") for _ in range(12)]
    for client in clients:
        assert await client.until(1) == PREAMBLE_ACK
        client.transport.loseConnection()
    await service.settle(lambda: service.count(Outcome.HANDED_OVER) == 12)
    assert factory.highest == 2
    assert service.shared.counts.returned == 0
    await service.settle(service.balanced)


async def test_another_worker_helps_out(service: RunningService) -> None:
    """What one worker is too busy for another one of the address takes."""
    full, free = FewAtOnce(1), FewAtOnce(100)
    await service.worker("one", ConsumingFactory(full, reactor), shared=True)
    await service.worker("one", ConsumingFactory(free, reactor), shared=True)
    clients = [await service.call("one") for _ in range(10)]
    for client in clients:
        assert await client.until(1) == PREAMBLE_ACK
    assert (full.highest, free.open) == (1, 9)
    for client in clients:
        client.transport.loseConnection()
    await service.settle(service.balanced)


WORKER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
serverFromString(reactor, sys.argv[1]).listen(Factory.forProtocol(Protocol)).addBoth(
    lambda port: print(port, flush=True))
reactor.run()
"""


class Said(ProcessProtocol):
    """A process that says when it is ready."""

    def __init__(self) -> None:
        self.ready: Deferred[bytes] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.errors = b""

    def outReceived(self, data: bytes) -> None:
        if not self.ready.called:
            self.ready.callback(data)

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)


class WorkerProcess:
    """A worker of its own process, with few descriptors."""

    def __init__(self, service: RunningService) -> None:
        address = f"net.tcp\\://+\\:{service.port}/few"
        where = f"netshare:{address}:control={service.control}:preamble=consume"
        self.said = Said()
        self._transport = reactor.spawnProcess(
            self.said, sys.executable, [sys.executable, "-c", WORKER, where]
        )

    def signal(self, name: str) -> None:
        self._transport.signalProcess(getattr(signal, f"SIG{name}"))

    async def end(self) -> None:
        self.signal("KILL")
        await self.said.ended


@pytest_twisted.async_yield_fixture
async def worker(service: RunningService) -> AsyncIterator[WorkerProcess]:
    """A worker that has registered."""
    process = WorkerProcess(service)
    assert b"SharedListeningPort" in await process.said.ready
    yield process
    if not process.said.ended.called:
        await process.end()
    await service.settle(service.balanced)


async def test_a_worker_that_runs_out_of_descriptors(
    service: RunningService, worker: WorkerProcess
) -> None:
    """It stops taking connections before it does, and goes on when there are some again."""
    clients = [await service.call("few") for _ in range(200)]
    await service.settle(lambda: service.count(Outcome.HANDED_OVER) >= 20)
    await deferLater(reactor, 0.5)
    for client in clients:
        client.transport.abortConnection()
    for _ in range(10):
        client = await service.call("few")
        assert await client.until(1) == PREAMBLE_ACK
        client.transport.loseConnection()
    assert service.count(Outcome.WORKER_LOST) == 0
    assert b"Traceback" not in worker.said.errors


async def test_a_worker_that_is_stopped(service: RunningService, worker: WorkerProcess) -> None:
    """Its clients are told when their time is over, and it serves again when it goes on."""
    worker.signal("STOP")
    clients = [await service.call("few") for _ in range(20)]
    for client in clients:
        assert await client.end() == Fault.SERVER_TOO_BUSY.record
    assert service.count(Outcome.SERVER_TOO_BUSY) == 20
    worker.signal("CONT")
    await deferLater(reactor, 0.5)
    client = await service.call("few")
    assert await client.until(1) == PREAMBLE_ACK
    client.transport.loseConnection()


async def test_a_worker_that_is_killed_while_it_is_stopped(
    service: RunningService, worker: WorkerProcess
) -> None:
    """Those that it had not read are told that there is no worker."""
    worker.signal("STOP")
    clients = [await service.call("few") for _ in range(20)]
    await service.settle(lambda: service.shared.counts.accepted == 20)
    await worker.end()
    for client in clients:
        assert await client.end() == Fault.ENDPOINT_UNAVAILABLE.record
    assert service.count(Outcome.WORKER_LOST) == 0
