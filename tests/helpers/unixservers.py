"""UNIX connections as Twisted makes them, on a reactor in memory."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.unix import Server
from twisted.python.failure import Failure

from netshare.testing import AdoptingReactor


class UNIXReactor(AdoptingReactor):
    """Adopts UNIX connections, too."""

    def adoptStreamConnection(self, fileDescriptor: int, family: int, factory: Any) -> Any:
        if family != socket.AF_UNIX:
            return super().adoptStreamConnection(fileDescriptor, family, factory)
        connection = socket.fromfd(fileDescriptor, family, socket.SOCK_STREAM)
        connection.setblocking(False)
        protocol = factory.buildProtocol(None)
        made: Any = Server
        transport = made(connection, protocol, "", None, 1, self)
        protocol.makeConnection(transport)
        return transport

    def _deal(self, selectable: Any, why: Exception | None) -> None:
        if why is not None:
            self.removeReader(selectable)
            self.removeWriter(selectable)
            selectable.connectionLost(Failure(why))

    def turn(self) -> None:
        """What a reactor does."""
        self.advance(0)
        for reader in list(self.getReaders()):
            self._deal(reader, reader.doRead())
        for writer in list(self.getWriters()):
            self._deal(writer, writer.doWrite())
        self.advance(0)
