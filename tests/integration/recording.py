"""
A recorder between a client and a server on loopback: it passes on what comes, and keeps it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.protocols.portforward import (
    ProxyClient,
    ProxyClientFactory,
    ProxyFactory,
    ProxyServer,
)

from netshare.transport.tools import Piece, Side


class _ToServer(ProxyClient):
    peer: Any

    def dataReceived(self, data: bytes) -> None:
        self.peer.pieces.append(Piece(Side.SERVER, data))
        super().dataReceived(data)


class _ToServerFactory(ProxyClientFactory):
    protocol = _ToServer
    noisy = False


class _FromClient(ProxyServer):
    clientProtocolFactory = _ToServerFactory
    factory: Any

    def connectionMade(self) -> None:
        self.pieces: list[Piece] = []
        self.factory.connections.append(self.pieces)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(Piece(Side.CLIENT, data))
        super().dataReceived(data)


class _FromClientFactory(ProxyFactory):
    protocol = _FromClient
    noisy = False


class Recorder:
    """
    Passes connections on to a port of 127.0.0.1.

    :param reactor: where it runs
    :param port: the server's
    """

    def __init__(self, reactor: Any, port: int) -> None:
        #: What was written in each connection.
        self.connections: list[list[Piece]] = []
        factory: Any = _FromClientFactory("127.0.0.1", port)
        factory.connections = self.connections
        self._reactor = reactor
        self._port = reactor.listenTCP(0, factory, interface="127.0.0.1")

    def endpoint(self, *_: object) -> TCP4ClientEndpoint:
        """:returns: the way through this, wherever one wanted to connect."""
        return TCP4ClientEndpoint(self._reactor, "127.0.0.1", self._port.getHost().port)

    async def close(self) -> None:
        """Take no more connections."""
        await self._port.stopListening()
