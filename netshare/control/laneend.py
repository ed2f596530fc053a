"""
What both ends of a fast lane have in common: a socket in the reactor.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure


class LaneEnd(FileDescriptor):
    """
    One end of a fast lane.

    :param connection: the socket, which this object now owns
    """

    log = Logger()

    def __init__(self, reactor: Any, connection: socket.socket) -> None:
        super().__init__(reactor)
        connection.setblocking(False)
        self.socket = connection
        self.connected = 1

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "netshare lane"

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor has given this descriptor up: something failed, or the reactor stops. An end
        that stayed open then would take messages that nobody reads.
        """
        self.close()

    def close(self) -> None:
        """
        Close this end, once.
        """
        if self.connected:
            self.connected = 0
            self.disconnecting = True
            self.stopReading()
            self.stopWriting()
            self.socket.close()
