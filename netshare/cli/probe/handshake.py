"""
The seam between a probe's connection and what it finds out behind an accepted upgrade.
"""

from __future__ import annotations

from typing import Any, Protocol


class Handshake(Protocol):
    """
    One upgrade, carried as far as it goes without credentials; no I/O.
    """

    #: The upgrade's mechanism, where it has several; for the log of attempts.
    mechanism: str

    @property
    def done(self) -> bool:
        """Whether enough is known; then nothing more is sent or read."""

    def start(self) -> bytes:
        """:returns: what to send first"""

    def feed(self, data: bytes) -> bytes:
        """
        :param data: bytes of the server's, in any pieces
        :returns: what to send now; may be empty
        """

    def ended(self, why: str) -> None:
        """
        The conversation is over before it is done.

        :param why: one clause
        """

    def lines(self) -> list[str]:
        """:returns: what was found, for people"""

    def as_json(self) -> dict[str, Any]:
        """:returns: what was found, for programs"""
