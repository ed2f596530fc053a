"""
What the owner of an end of a relayed connection is told.
"""

from __future__ import annotations

from typing import Any, Protocol


class EndOwner(Protocol):
    """
    Who is told what happens at an end. Never called again once the end is closed.
    """

    __slots__ = ()

    def dialled(self, end: Any) -> None:
        """A connection that was dialled began is there."""

    def received(self, end: Any, data: bytes) -> None:
        """Bytes have come."""

    def moved_on(self, end: Any, count: int) -> None:
        """So many bytes have come, and were passed on unread."""

    def readEnded(self, end: Any) -> None:
        """No more bytes will come; they may still be sent."""

    def filled(self, end: Any) -> None:
        """What is written is kept from now on, since the system takes no more."""

    def drained(self, end: Any) -> None:
        """All of it is sent."""

    def lost(self, end: Any, reason: str) -> None:
        """The connection is gone, or was never made (None); the end is closed."""
