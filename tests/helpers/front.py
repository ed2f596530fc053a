"""
A front door with real TCP sockets, under a reactor that moves only when it is told to.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.front.arrival import Arrival, Ending
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission, Quotas
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text
from netshare.testing import AdoptingReactor, RecordingOutcomes, tcpPair

VIA = "net.tcp://localhost/a"
PREAMBLE = preamble(VIA)


class Front:
    """A front door, and whoever knocks at it."""

    def __init__(self, quotas: Quotas, batches: bool) -> None:
        self.batches = batches
        self.reactor = AdoptingReactor()
        self.outcomes = RecordingOutcomes()
        self.admission = Admission(quotas, 10_000)
        self.ending = Ending(self.reactor, self.admission, self.outcomes)
        self.arrivals: list[Arrival] = []
        self.router: Callable[[Arrival], None] = self.arrivals.append
        self.factory = SharedPortFactory(lambda arrival: self.router(arrival), self.ending)
        self.clients: list[socket.socket] = []

    def connect(
        self, data: bytes = b"", factory: Any = None, family: Any = socket.AF_INET
    ) -> socket.socket:
        client, server = tcpPair(family)
        self.clients.append(client)
        if self.batches and factory is None:  # as a port of netshare's own does
            client.sendall(data)
            if data:
                select.select([server], [], [], 5)
            server.setblocking(False)
            ends = [socket_address_text(n) for n in (server.getpeername(), server.getsockname())]
            self.factory.accepted(HeldSocket(server.detach()), *ends)
            self.reactor.settle()
        else:  # as a port of Twisted's does
            self.reactor.connect(factory or self.factory, server)
            self.reactor.settle()
            self.send(client, data)
        return client

    def send(self, client: socket.socket, data: bytes) -> None:
        client.sendall(data)
        self.reactor.settle()

    def hangUp(self, client: socket.socket) -> None:
        client.close()
        self.reactor.settle()

    def check(self) -> None:
        """The books are right at any time, and say zero when nothing is left."""
        undecided = len(self.factory.undecided)
        open_arrivals = sum(not arrival._decided for arrival in self.arrivals)
        assert self.outcomes.undecided == undecided + open_arrivals
        assert self.admission.pending == undecided
        if not undecided and not open_arrivals and not self.ending._refusing:
            assert self.admission.pendingBytes == 0
            assert self.admission.descriptors == 0
            assert not self.admission.paused
            assert self.reactor.getDelayedCalls() == []

    def check_crowd(self) -> None:
        """That some had to make room is logged once, a moment later."""
        assert self.factory._crowdedOut
        self.reactor.advance(1.1)
        assert not self.factory._crowdedOut
        assert self.reactor.getDelayedCalls() == [] or self.factory.undecided

    def finish(self) -> None:
        for client in self.clients:
            client.close()
        self.reactor.settle()
        for arrival in self.arrivals:
            if not arrival._decided:
                arrival.take(Outcome.HANDED_OVER)
        self.reactor.settle()
        self.check()
        assert not self.factory.undecided
        self.reactor.close()


def everything(client: socket.socket) -> bytes:
    """What arrives at a client until the service closes its half; fails after five seconds."""
    data = b""
    while piece := client.recv(4096):
        data += piece
    return data


def is_reset(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
