"""
What comes to a connection: whether its transport is read.
"""

from __future__ import annotations

from enum import Enum

from netshare.transport.channels.transport import StreamTransport

__all__ = ["Hold", "Inflow", "Reading"]

#: How many bytes are kept for the next session before this one is over.
MAX_AHEAD = 65536


class Hold(Enum):
    """Why nothing may happen for the moment, and nothing is read."""

    RECEIVER = "the user of the channel wants nothing"
    DECISION = "the acceptor has not decided about a preamble"
    FLUSH = "our End has not left"


class Reading(Enum):
    """What the transport was told."""

    ON = "reading"
    PAUSED = "paused"
    ENDED = "the far end has closed its half, or the connection is lost"


class Inflow:
    """
    Pauses and resumes a transport.
    """

    def __init__(self) -> None:
        #: Why nothing is read; empty: it is.
        self.holds: set[Hold] = set()
        self.state = Reading.ON
        self._transport: StreamTransport  # set by attach()

    def attach(self, transport: StreamTransport) -> None:
        """Be what paces a transport."""
        self._transport = transport

    def end(self) -> None:
        """Nothing more will come."""
        self.state = Reading.ENDED

    def throttle(self, kept: int | None) -> None:
        """
        Read, or do not.

        :param kept: how many bytes a session has that nothing has asked for; None: there is no
            session, and everything is read, if only to be thrown away
        """
        if self.state is Reading.ENDED:
            return
        wanted = Reading.ON
        if kept is not None and (self.holds or kept > MAX_AHEAD):
            wanted = Reading.PAUSED
        if wanted is not self.state:
            self.state = wanted
            if wanted is Reading.PAUSED:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()
