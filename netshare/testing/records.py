"""
What routes and ports report, written down for a test to look at.
"""

from __future__ import annotations

from zope.interface import implementer

from netshare.framing.records import preamble
from netshare.interfaces import IArrival, IOutcomeRecorder
from netshare.outcomes import Outcome
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text
from netshare.testing.transports import tcpPair


@implementer(IArrival)
class RecordedArrival:
    """
    A connection whose via is known, for testing routes: it notes what is done with it.

    :param via: the address that its client asks for
    :param readData: what its client has sent; the preamble for ``via`` unless said otherwise
    :ivar client: the client's end of the connection, a blocking socket
    :ivar ending: ``"taken"``, ``"refused"``, or None while it is undecided
    """

    def __init__(self, via: str = "net.tcp://localhost/a", readData: bytes | None = None) -> None:
        self.client, server = tcpPair()
        self.via = via
        self.readData = preamble(via) if readData is None else readData
        self.peer = socket_address_text(server.getpeername())
        self.local = socket_address_text(server.getsockname())
        self.named = False
        self.held = HeldSocket(server.detach())
        self.ending: str | None = None
        self.outcome: Outcome | None = None
        self.detail = ""
        #: How many descriptors the taker goes on holding.
        self.keeps = 0
        #: Seconds that it may still wait.
        self.patience: float | None = None

    def take(self, outcome: Outcome, detail: str = "", keeps: int = 0) -> None:
        """Note it, and close the held socket."""
        self._end("taken", outcome, detail)
        self.keeps = keeps

    def refuse(self, outcome: Outcome, detail: str) -> None:
        """Note it, and close the held socket; no fault is sent."""
        self._end("refused", outcome, detail)

    def leave(self) -> None:
        """Close the held socket: another process has it."""
        self.held.close()

    def regain(self, held: HeldSocket) -> None:
        """Hold the socket that is here again."""
        self.held = held

    def close(self) -> None:
        """Close both ends, at the end of a test."""
        self.held.close()
        self.client.close()

    def _end(self, ending: str, outcome: Outcome, detail: str) -> None:
        if self.ending is not None:
            raise AssertionError(f"{self.outcome} already; a second outcome: {outcome}")
        self.ending, self.outcome, self.detail = ending, outcome, detail
        self.held.close()


@implementer(IOutcomeRecorder)
class RecordingOutcomes:
    """
    Keeps every outcome, in order.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.returned = 0
        self.outcomes: list[Outcome] = []

    @property
    def undecided(self) -> int:
        """How many connections have no outcome yet."""
        return self.accepted + self.returned - len(self.outcomes)

    def connectionAccepted(self) -> None:
        self.accepted += 1

    def connectionReturned(self) -> None:
        self.returned += 1

    def connectionDecided(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
