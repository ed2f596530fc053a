"""
The search for the server of a relayed connection.

The first answer decides: until a server has sent a byte, nothing but the preamble was sent to it,
and another server of the same address can be tried with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol

from netshare.framing.preamble import Preamble
from netshare.framing.records import RecordType
from netshare.interfaces import IArrival
from netshare.outcomes import Outcome
from netshare.service.routing.relay.ends import SocketEnd
from netshare.service.routing.relay.owner import EndOwner
from netshare.service.routing.relay.poller import Poller
from netshare.service.routing.relay.servers import Attempt, RelayedServer, in_order
from netshare.sockets.held import HeldSocket


class RelayStage(Enum):
    """How far a relayed connection has come."""

    PREAMBLE = "the rest of the preamble is to come"
    DIALLING = "servers are tried, one after the other"
    OPEN = "bytes go both ways"
    OVER = "it is closed, or has another owner"


class Relay(Protocol):
    """
    What a connection needs of its relay: its settings, and its books. Each method is told which
    :class:`~netshare.service.routing.relay.connection.RelayedConnection` it is about.
    """

    @property
    def poller(self) -> Poller: ...

    @property
    def where(self) -> str: ...

    @property
    def servers(self) -> Sequence[RelayedServer]: ...

    @property
    def receiveTimeout(self) -> float | None: ...

    @property
    def connectTimeout(self) -> float: ...

    def header(self, arrival: IArrival) -> bytes:
        """What a server is sent in front of the preamble."""

    def wait(self, connection: Any, timeout: float | None) -> None:
        """Call its ``timedOut`` in so many seconds."""

    def waitNoMore(self, connection: Any) -> None:
        """Do not."""

    def opened(self, connection: Any, where: str) -> None:
        """A server has answered: the arrival is taken, two descriptors are held."""

    def closed(self, connection: Any) -> None:
        """One that was opened is over."""

    def left(self, connection: Any) -> None:
        """One that was not opened has found another end."""

    def leadsHere(self, via: str) -> bool:
        """Whether a preamble for this via would come to this relay now."""

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str, local: str) -> None:
        """Route a client's next preamble anew."""


class ServerSearch(EndOwner[SocketEnd]):
    """
    What a relayed connection has until a server has answered.

    :param arrival: undecided until then
    """

    __slots__ = (
        "_attempt",
        "_client",
        "_fallback",
        "_kept",
        "_preamble",
        "_route",
        "_server",
        "_servers",
        "_tried",
        "_troubles",
        "arrival",
        "stage",
    )

    def __init__(self, route: Relay, arrival: IArrival) -> None:
        self.arrival = arrival
        self.stage = RelayStage.PREAMBLE
        self._route = route
        self._client = SocketEnd.of(route.poller, arrival.held, self)
        #: What the client sent and no server has got.
        self._kept: bytes | bytearray = arrival.readData
        self._preamble = b""
        self._servers: list[RelayedServer] = []
        #: The server that is being tried, or that has the connection.
        self._tried: RelayedServer | None = None
        self._attempt: Attempt | None = None
        self._server: SocketEnd | None = None
        #: A server that answered with a fault, while there are others to ask.
        self._fallback: tuple[RelayedServer, SocketEnd, bytes] | None = None
        self._troubles: list[str] = []

    def dialled(self, end: SocketEnd) -> None:
        """A server has accepted; now it has all the time that the client gives it."""
        self._server = end
        self._route.waitNoMore(self)

    def _search(self, preamble: Preamble) -> None:
        data = self._kept
        self._preamble = self._route.header(self.arrival) + bytes(data[: preamble.end])
        self._kept = data[preamble.end :]
        self._servers = in_order(self._route.servers)
        self.stage = RelayStage.DIALLING
        self._client.resume()
        self._try()

    def _next(self, reason: str) -> None:
        self._failed(reason)
        self._try()

    def _failed(self, reason: str) -> None:
        """The server that is being tried is not to be reached."""
        self._route.waitNoMore(self)
        if self._attempt is not None:
            self._attempt.abort()
        self._attempt = self._server = None
        if self._tried is not None:
            self._tried.failed(reason)
            self._troubles.append(f"{self._tried.where}: {reason}")
            self._tried = None

    def _try(self) -> None:
        while self._servers:
            self._tried = server = self._servers.pop(0)
            try:
                attempt = server.dial(self._preamble, self)
            except OSError as error:
                self._failed(error.strerror or str(error))
                continue
            if self._tried is not server or self.stage is not RelayStage.DIALLING:
                return  # it has failed, or answered, at once
            self._attempt = attempt
            if isinstance(attempt, SocketEnd):
                self._server = attempt
            if attempt.connecting:
                self._route.wait(self, self._route.connectTimeout)
            return
        if self._fallback is not None:
            self._tried, end, data = self._fallback
            self._fallback = None
            self._open(end, data)
        else:
            self._refuse(
                Outcome.ENDPOINT_UNAVAILABLE, "cannot be reached: " + "; ".join(self._troubles)
            )

    def _answered(self, end: SocketEnd, data: bytes) -> None:
        if data[0] == RecordType.FAULT and self._servers:
            if self._fallback is not None:
                self._fallback[1].abort()
            assert self._tried is not None
            end.pause()
            self._fallback = (self._tried, end, data)
            self._attempt = self._server = self._tried = None
            self._try()
        else:
            self._open(end, data)

    def _open(self, end: SocketEnd, data: bytes) -> None:
        """The server that was tried last has answered."""
        raise NotImplementedError

    def _take(self, outcome: Outcome, detail: str) -> None:
        self._undecided()
        self.arrival.take(outcome, detail)

    def _refuse(self, outcome: Outcome, detail: str) -> None:
        self._undecided()
        self.arrival.refuse(outcome, detail)

    def _undecided(self) -> None:
        """Leave the client's socket to its arrival, and every server."""
        self.stage = RelayStage.OVER
        self._route.waitNoMore(self)
        if not self._client.closed:
            self._client.detach()
        if self._attempt is not None:
            self._attempt.abort()
        if self._fallback is not None:
            self._fallback[1].abort()
        self._route.left(self)
