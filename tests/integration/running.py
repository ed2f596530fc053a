"""
A real sharing service in the test's own process, workers for it, and raw clients.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXServerEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from zope.interface import implementer

from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish
from netshare.worker.port import SharedListeningPort
from tests.peers.drivers import free_port


class RunningService:
    """
    A service with a control socket, and a port number of its own that nobody else uses.
    """

    def __init__(self, reactor: Any, directory: Path, **options: Any) -> None:
        self.reactor = reactor
        self.control = directory / "control"
        self.port = free_port()
        #: Whether workers ask for a fast lane.
        self.fast = bool(options.pop("fast", True))
        quotas = options.pop("quotas", Quotas(receiveTimeout=5.0, dispatchTimeout=2.0))
        options.setdefault("openPorts", True)
        options.setdefault("interfaces", ["127.0.0.1"])
        self._make = partial(SharedPort, reactor, quotas, **options)
        self.shared = self._make()
        self._ports: list[Any] = []
        self._clients: list[RawClient] = []

    async def start(self) -> None:
        """Open the control socket."""
        endpoint = UNIXServerEndpoint(self.reactor, str(self.control), wantPID=True)
        self._ports.append(await endpoint.listen(self.shared.desk))

    async def leave(self) -> None:
        """End the service, and nothing else."""
        await self._ports.pop(0).stopListening()
        await self.shared.stop()

    async def comeBack(self) -> None:
        """Be another service, at the same place."""
        self.shared = self._make()
        endpoint = UNIXServerEndpoint(self.reactor, str(self.control), wantPID=True)
        self._ports.insert(0, await endpoint.listen(self.shared.desk))

    async def stop(self) -> None:
        """End workers, clients and the service."""
        for client in self._clients:
            client.abort()
        for port in reversed(self._ports):
            await port.stopListening()
        self._ports.clear()
        await self.shared.stop()

    def address(self, path: str) -> str:
        """An address of this service, as clients write it."""
        return f"net.tcp://127.0.0.1:{self.port}/{path}"

    async def worker(self, path: str, factory: Factory, **options: Any) -> SharedListeningPort:
        """Register a Factory, by way of the real control socket."""
        endpoint_options = {
            name: options.pop(name) for name in ("preamble", "wait") if name in options
        }
        options.setdefault("fast", self.fast)
        wish = Wish(f"net.tcp://+:{self.port}/{path}", **options)
        endpoint = SharedPortServerEndpoint(
            self.reactor, wish, self.control, environ={}, **endpoint_options
        )
        port = await endpoint.listen(factory)
        self._ports.append(port)
        return port

    async def client(self, data: bytes = b"", port: int | None = None) -> RawClient:
        """Connect a raw client and let it send something."""
        client = RawClient()
        await connectProtocol(
            TCP4ClientEndpoint(self.reactor, "127.0.0.1", port or self.port), client
        )
        self._clients.append(client)
        if data:
            client.transport.write(data)
        return client

    async def call(self, path: str) -> RawClient:
        """Connect and send a whole preamble for a path."""
        return await self.client(preamble(self.address(path)))

    async def settle(self, done: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is so."""
        end = self.reactor.seconds() + seconds
        while not done():
            assert self.reactor.seconds() < end, "it did not become so in time"
            await deferLater(self.reactor, 0.01)

    def count(self, outcome: Outcome) -> int:
        """How many connections had this outcome."""
        return self.shared.counts.outcomes[outcome]

    def balanced(self) -> bool:
        """Whether every connection is accounted for, and nothing is held any more."""
        counts, admission = self.shared.counts, self.shared.admission
        return (
            counts.accepted + counts.returned == sum(counts.outcomes.values())
            and admission.pending == 0
            and admission.pendingBytes == 0
            and admission.descriptors == 0
        )


@implementer(IHalfCloseableProtocol)
class RawClient(Protocol):
    """
    Collects what it is sent, and knows how the connection ended.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.finished = False
        self.reason: Any = None
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._check()

    def readConnectionLost(self) -> None:
        self.finished = True
        self._check()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.reason = reason
        self.finished = True
        self._check()

    async def until(self, count: int) -> bytes:
        """Wait for so many bytes, or the end."""
        await self._when(lambda: len(self.received) >= count)
        return self.received

    async def end(self) -> bytes:
        """Wait for the far end to close; everything it sent."""
        await self._when(lambda: self.finished)
        return self.received

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def reset(self) -> None:
        """Close with RST."""
        self.transport.setTcpNoDelay(True)
        self.transport.getHandle().setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.transport.abortConnection()

    def abort(self) -> None:
        if self.transport is not None and self.reason is None:
            self.transport.abortConnection()

    async def _when(self, done: Callable[[], bool]) -> None:
        if not done() and not self.finished:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((lambda: done() or self.finished, waiting))
            await waiting

    def _check(self) -> None:
        for done, waiting in list(self._waiting):
            if done():
                self._waiting.remove((done, waiting))
                waiting.callback(None)


class Acknowledging(Protocol):
    """
    A worker's protocol: keeps every byte, and sends an ack with its name behind it.
    """

    transport: Any
    factory: AcknowledgingFactory

    def connectionMade(self) -> None:
        self.received = b""
        self.factory.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        if not self.received:
            self.transport.write(PREAMBLE_ACK + self.factory.name)
        self.received += data

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.reason = reason


class AcknowledgingFactory(Factory):
    """Makes :class:`Acknowledging` protocols, and remembers them."""

    noisy = False
    protocol = Acknowledging

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.connections: list[Acknowledging] = []
        self.started = 0

    def doStart(self) -> None:
        self.started += 1

    def doStop(self) -> None:
        self.started -= 1
        for connection in self.connections:
            connection.transport.abortConnection()
