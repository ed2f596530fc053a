"""
What the owner of an end of a relayed connection is told.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

End = TypeVar("End", contravariant=True)


class EndOwner(Protocol[End]):
    """
    Who is told what happens at an end. Never called again once the end is closed.
    """

    __slots__ = ()

    def dialled(self, end: End) -> None:
        """A connection that was dialled began is there."""

    def received(self, end: End, data: bytes) -> None:
        """Bytes have come."""

    def moved_on(self, end: End, count: int) -> None:
        """So many bytes have come, and were passed on unread."""

    def readEnded(self, end: End) -> None:
        """No more bytes will come; they may still be sent."""

    def filled(self, end: End) -> None:
        """What is written is kept from now on, since the system takes no more."""

    def drained(self, end: End) -> None:
        """All of it is sent."""

    def lost(self, end: End | None, reason: str) -> None:
        """The connection is gone, or was never made (None); the end is closed."""
