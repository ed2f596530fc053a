"""``make run``, and HTTP through a consumed preamble, end to end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from netshare.outcomes import Outcome
from tests.integration.running import RunningService
from tests.peers.drivers import free_port

reactor: Any = _reactor

EXAMPLES = Path(__file__).parents[2] / "examples"


class Run(ProcessProtocol):
    """A program whose output is kept."""

    def __init__(self) -> None:
        self.output = ""
        self.status: Any = None
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data.decode()

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.status = reason.value
        self.ended.callback(None)


async def test_make_run() -> None:
    """What make run starts makes its calls, stays up, and ends with Ctrl-C and exit status 0."""
    program = Run()
    process = reactor.spawnProcess(
        program,
        sys.executable,
        [sys.executable, str(EXAMPLES / "demo.py")],
        env={**os.environ, "PORT": str(free_port())},
    )
    try:
        for _ in range(400):
            if "stays up until Ctrl-C" in program.output or program.status is not None:
                break
            await deferLater(reactor, 0.05)
        assert "-> Add(1, 2) = 3.0" in program.output
        assert "-> service one, process" in program.output
        assert "faults/EndpointNotFound" in program.output
        assert program.status is None
    finally:
        try:
            process.signalProcess("INT")
        except ProcessExitedAlready:
            pass
        await program.ended
    assert program.status.exitCode == 0
    assert "Traceback" not in program.output


class Page(Resource):
    """Answers a POST with its size."""

    isLeaf = True

    def render_POST(self, request: Any) -> bytes:
        return b"%d bytes from %s" % (
            len(request.content.read()),
            request.getClientAddress().host.encode(),
        )


@implementer(IAgentEndpointFactory)
class Through:
    """HTTP connections through the shared port."""

    def __init__(self, port: int) -> None:
        via = rf"net.tcp\://127.0.0.1\:{port}/site"
        self.text = f"nettcp:127.0.0.1:{port}:via={via}"

    def endpointForURI(self, uri: object) -> Any:
        return clientFromString(reactor, self.text)


async def test_http_through_a_shared_port(service: RunningService) -> None:
    """An unmodified Site, listening by endpoint string, serves an unmodified Agent."""
    from io import BytesIO

    listening = rf"netshare:net.tcp\://+\:{service.port}/site:preamble=consume"
    port = await serverFromString(reactor, f"{listening}:control={service.control}").listen(
        Site(Page())
    )
    pool = HTTPConnectionPool(reactor, persistent=False)
    agent = Agent.usingEndpointFactory(reactor, Through(service.port), pool)
    for size in (0, 1, 300_000):
        body = FileBodyProducer(BytesIO(b"x" * size))
        response = await agent.request(b"POST", b"http://site/", bodyProducer=body)
        assert response.code == 200
        received: Deferred[bytes] = Deferred()
        response.deliverBody(_Collecting(received))
        assert await received == b"%d bytes from 127.0.0.1" % size
    assert service.count(Outcome.HANDED_OVER) == 3
    await port.stopListening()
    await pool.closeCachedConnections()
    await service.settle(service.balanced)


class _Collecting:
    """Collects a body."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self.received = b""
        self.done = done
        self.transport: Any = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any) -> None:
        self.done.callback(self.received)
