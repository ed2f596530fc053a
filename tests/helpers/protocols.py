"""
Protocols that note what happens to them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


class Kept(Protocol):
    """
    Keeps what happens to it.
    """

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.made = False
        self.lostFor: Failure | None = None

    @property
    def lost(self) -> bool:
        """Whether the connection is over."""
        return self.lostFor is not None

    def connectionMade(self) -> None:
        self.made = True

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lostFor = reason
