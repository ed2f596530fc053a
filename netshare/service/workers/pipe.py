"""
The service's end of a fast lane, in the reactor.
"""

from __future__ import annotations

import socket
from typing import Protocol

from twisted.python.failure import Failure

from netshare.control.lanes import BadParcels, LaneEnd, is_end, receive
from netshare.reactors import IReactor


class Lane(Protocol):
    """What the pipe tells of what it reads."""

    def received(self, payload: bytes, descriptors: list[int]) -> None:
        """
        A message of the worker's.

        :raises BadParcels: it makes no sense
        """

    def lost(self, reason: str) -> None:
        """The lane is broken."""

    def flush(self) -> None:
        """Send what is queued."""


class Pipe(LaneEnd):
    """
    Reads and writes for a lane when there is something to read, or room.
    """

    def __init__(self, reactor: IReactor, connection: socket.socket, lane: Lane) -> None:
        super().__init__(reactor, connection)
        self._lane = lane

    def doRead(self) -> None:
        """Read a message of the worker's: there is hardly ever a second one."""
        if not self.connected:
            return
        try:
            message = receive(self.socket)
            if message is None:
                return
            if is_end(message):
                self._lane.lost("it closed its lane")
                return
            self._lane.received(*message)
        except (OSError, BadParcels) as error:
            self._lane.lost(f"its lane broke: {error}")

    def doWrite(self) -> None:
        """There is room again."""
        self._lane.flush()

    def connectionLost(self, reason: Failure) -> None:
        self._lane.lost(f"its lane failed: {reason.getErrorMessage()}")

    def readRest(self, most: int) -> None:
        """
        Read what the worker has sent before its end came.

        :param most: so many messages, from a worker that has not ended at all
        """
        try:
            for _ in range(most):
                message = receive(self.socket) if self.connected else None
                if message is None or is_end(message):
                    return
                self._lane.received(*message)
        except (OSError, BadParcels):
            pass  # that was the end
