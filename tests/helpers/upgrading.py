"""
A front for programs that know TLS but not net.tcp, such as ``openssl s_client``: for each
connection it sends a preamble to a service, asks for the upgrade, and then passes bytes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from netshare.framing.records import SSL_TLS_UPGRADE, UPGRADE_RESPONSE, preamble


class UpgradeFront(Factory):
    """
    Connects each of its clients to a service that upgrades to TLS.

    :param reactor: connects and listens
    :param address: the service's
    :param service_port: where it listens on 127.0.0.1
    """

    noisy = False

    def __init__(self, reactor: Any, address: str, service_port: int) -> None:
        self.reactor = reactor
        self.request = preamble(address, upgrade=SSL_TLS_UPGRADE)
        self.service_port = service_port
        self._open: set[_Half] = set()
        self._port = reactor.listenTCP(0, self, interface="127.0.0.1")

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._port.getHost().port
        return number

    def buildProtocol(self, addr: object) -> Protocol:
        return _Client(self)

    async def stop(self) -> None:
        """Listen no longer, and cut what is open."""
        await self._port.stopListening()
        for half in list(self._open):
            half.transport.abortConnection()


class _Half(Protocol):
    """One of the two connections that belong together."""

    transport: Any

    def __init__(self, front: UpgradeFront) -> None:
        self.front = front
        self.other: _Half | None = None

    def connectionMade(self) -> None:
        self.front._open.add(self)

    def dataReceived(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.front._open.discard(self)
        if self.other is not None:
            self.other.transport.loseConnection()


class _Client(_Half):
    """The program's connection: nothing of it is read before the upgrade was granted."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.pauseProducing()
        factory = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: _Service(self)  # type: ignore[method-assign]
        self.front.reactor.connectTCP("127.0.0.1", self.front.service_port, factory)


class _Service(_Half):
    """The connection to the service."""

    def __init__(self, client: _Client) -> None:
        super().__init__(client.front)
        self._client = client

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.write(self.front.request)

    def dataReceived(self, data: bytes) -> None:
        if self.other is None:
            assert data.startswith(UPGRADE_RESPONSE), data
            self.other, self._client.other = self._client, self
            self._client.transport.resumeProducing()
            data = data[len(UPGRADE_RESPONSE) :]
        super().dataReceived(data)
