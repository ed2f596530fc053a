"""
What security costs: our Twisted client at services with TLS and with NTLM, beside a bare Twisted
TLS server.

Every session has a handshake of its own, so that "open, Add, close" is how many handshakes there
are in a second.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from benchmarks.harness.build import HERE
from benchmarks.harness.processes import Process, free_port
from benchmarks.harness.transport import tlsfloor
from benchmarks.harness.transport.loads import LARGEST, MEGABYTE, OPENING, Size
from benchmarks.harness.transport.measure import Caller
from benchmarks.harness.transport.python import WARMING, TwistedClient, _repeat
from benchmarks.harness.transport.samples import Sample, Stopwatch
from netshare.transport import (
    CertificateValidation,
    ChannelFactory,
    ClientCredentials,
    NetTcpBinding,
    TcpClientCredentialType,
    WindowsClientCredential,
)
from tests.helpers.certificates import Authority
from tests.peers.contracts import IBasic

_DIRECTORY = Path(__file__).parent
FIGURES = ("one", "pooled", "replies")
USER, PASSWORD = "DOM\\alice", "correct horse"
TLS = NetTcpBinding(
    client_credential_type=TcpClientCredentialType.NONE, max_received_message_size=LARGEST
)
NTLM = NetTcpBinding(max_received_message_size=LARGEST)


class SecurityStage:
    """
    Those who answer; ended by :meth:`stop`.

    :param directory: for certificates and logs
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._ports = {place: free_port() for place in ("tls", "ntlm", "tls-floor")}
        #: By name of the place: who works there.
        self.servers: dict[str, list[Process]] = {}
        #: Whether NTLM is there: it needs pyspnego.
        self.ntlm = importlib.util.find_spec("spnego") is not None
        self._authority = Authority(directory)

    @property
    def roots(self) -> Path:
        """The certificate by which services are trusted."""
        return self._authority.roots

    def start(self) -> None:
        """
        :raises BenchmarkError: one of them does not start
        """
        certificate = str(self._authority.issue("service", "127.0.0.1", "localhost").pem.path)
        users = self._directory / "ntlm-users"
        domain, _, user = USER.partition("\\")
        users.write_text(f"{domain}:{user}:{PASSWORD}\n")
        # Without this SPNEGO would ask for Kerberos first, here as in the worker.
        os.environ.setdefault("KRB5_CONFIG", os.devnull)
        addresses = [self.address(place, "one") for place in ("tls", "ntlm")][: 1 + self.ntlm]
        worker = self._python("securedworker", certificate, *addresses, NTLM_USER_FILE=str(users))
        floor = self._python("tlsfloor", certificate, str(self._ports["tls-floor"]))
        self.servers = {"tls": [worker], "ntlm": [worker], "tls-floor": [floor]}

    def address(self, place: str, figure: str) -> str:
        """:returns: where to call"""
        return f"net.tcp://127.0.0.1:{self._ports[place]}/basic"

    def port(self, place: str) -> int:
        """:returns: where it listens"""
        return self._ports[place]

    def stop(self) -> None:
        """End all of them."""
        self._stack.close()

    def _python(self, module: str, *arguments: str, **environment: str) -> Process:
        command: list[str | Path] = [sys.executable, _DIRECTORY / f"{module}.py", *arguments]
        paths = {"PYTHONPATH": str(HERE.parent)}
        process = Process(module, command, self._directory, paths | environment)
        self._stack.callback(process.stop)
        process.wait_for("listening")
        return process


class SecuredClient(TwistedClient):
    """Our Twisted client, with the credentials that a place wants."""

    figures = FIGURES
    stage: Any

    async def measure(self, figure: str, place: str) -> Sample:
        tls = ClientCredentials(service_certificate=CertificateValidation(roots=self.stage.roots))
        windows = ClientCredentials(windows=WindowsClientCredential(user=USER, password=PASSWORD))
        binding, credentials = (TLS, tls) if place == "tls" else (NTLM, windows)
        factory = ChannelFactory(IBasic, binding, self.reactor, credentials=credentials)
        address = self.stage.address(place, figure)
        try:
            if figure == "pooled":
                return await self._opening(factory, address, place)
            return await self._calls(factory, address, figure, place)
        finally:
            await factory.close()


class _Asking(Protocol):
    """One connection to the bare server."""

    transport: Any

    def __init__(self) -> None:
        self._missing = 0
        self._answered: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def ask(self, request: bytes, size: int) -> Deferred[None]:
        """Send a request; fires when its answer is there."""
        self._missing, self._answered = size, Deferred()
        self.transport.write(request)
        return self._answered

    def dataReceived(self, data: bytes) -> None:
        self._missing -= len(data)
        if not self._missing:
            self._answered.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(None)


class FloorClient:
    """
    A bare Twisted TLS client at the bare server.

    :param reactor: this process's
    """

    def __init__(self, reactor: Any, stage: SecurityStage, size: Size) -> None:
        self._stage, self._size = stage, size
        root = Certificate.loadPEM(stage.roots.read_bytes())
        options = optionsForClientTLS("localhost", trustRootFromCertificates([root]))
        port = stage.port("tls-floor")
        self._endpoint = SSL4ClientEndpoint(reactor, "127.0.0.1", port, options)

    async def measure(self, figure: str, place: str) -> Sample:
        """:returns: a sample"""
        if figure == "pooled":
            return await self._opening(place)
        small = figure == "one"
        asked = (tlsfloor.SMALL, tlsfloor.REQUEST) if small else (tlsfloor.LARGE, MEGABYTE)
        count = self._size.one if small else self._size.bulk
        connection = await self._connect()
        for _ in range(min(count, WARMING)):
            await connection.ask(*asked)
        watch = Stopwatch(self._stage.servers[place])
        await _repeat(lambda: connection.ask(*asked), count, watch)
        sample = watch.sample()
        await self._close(connection)
        return sample

    async def _opening(self, place: str) -> Sample:
        async def call() -> None:
            connection = await self._connect()
            await connection.ask(tlsfloor.SMALL, tlsfloor.REQUEST)
            await self._close(connection)

        await call()
        watch = Stopwatch(self._stage.servers[place])
        many: list[Callable[[], Awaitable[Any]]] = [call] * OPENING
        count = self._size.opening
        await gatherResults([ensureDeferred(_repeat(one, count, watch)) for one in many])
        return watch.sample()

    async def _connect(self) -> _Asking:
        made: _Asking = await connectProtocol(self._endpoint, _Asking())
        return made

    @staticmethod
    async def _close(connection: _Asking) -> None:
        connection.transport.loseConnection()
        await connection.ended


def callers(reactor: Any, stage: SecurityStage, size: Size) -> tuple[list[Caller], list[str]]:
    """
    :returns: our client at each place and the floor's, and a sentence for what is not here
    """
    ours: Any = SecuredClient(reactor, stage, size)  # type: ignore[arg-type]
    floor = FloorClient(reactor, stage, size)
    made = [Caller("tls", "netshare's Twisted client, TLS", ours, "tls", FIGURES)]
    notes = []
    if stage.ntlm:
        made.append(Caller("ntlm", "netshare's Twisted client, NTLM", ours, "ntlm", FIGURES))
    else:
        notes.append("NTLM is left out: pyspnego is not installed")
    made.append(Caller("tls-floor", "the floor of TLS: bare Twisted", floor, "tls-floor", FIGURES))
    return made, notes
