"""
Behind the listening port: read the preamble until the via is known, then let go.

The service writes nothing before it decides, so that the one that gets the connection gets it
untouched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from netshare.framing.preamble import (
    KNOWN_VIAS,
    NEED_MORE,
    Malformed,
    Preamble,
    Reading,
    read_preamble,
)
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.reactors import IConnection
from netshare.service.front.arrival import Arrival, Ending
from netshare.service.front.crowd import Crowd
from netshare.service.front.newcomers import Newcomers
from netshare.service.front.undecided import Begun, PreambleProtocol, judge
from netshare.service.proxyprotocol import (
    NoProxyHeader,
    ProxyHeader,
    ProxyReading,
    read_proxy_header,
)
from netshare.service.records import Handed, UndecidedRecord, WaitingRecord
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import address_text, host_of
from netshare.sockets.privatenames import makes_tcp_servers
from netshare.sockets.reading import ReadingTransport
from netshare.timing import Deadlines, Timer

#: Takes a connection whose via is known.
Router = Callable[[Arrival], None]

#: How many bytes the first read of a connection asks for: a whole preamble and a message.
_FIRST_READ = 65536

#: Seconds between two lines about connections that had to make room.
_TELL_EVERY = 1.0


class SharedPortFactory(Factory):
    """
    Listen with this on any endpoint whose connections are plain TCP: ``tcp:``, ``systemd:``,
    ``haproxy:tcp:``.

    :param router: takes each connection whose via is known
    """

    noisy = False
    log = Logger()

    def __init__(self, router: Router, ending: Ending) -> None:
        self.router = router
        self.ending = ending
        self.deadlines = Deadlines(ending.reactor, PreambleProtocol.timedOut)
        self.undecided: Crowd[PreambleProtocol] = Crowd()
        self.newcomers = Newcomers(ending.reactor, self._welcome)
        #: How many had to make room since that was logged.
        self._crowdedOut = 0
        self._telling = Timer(ending.reactor, self._tellCrowded)
        #: The ports on which a connection that comes back is closed.
        self.closing: set[int] = set()
        self.stopping = False

    @property
    def holds(self) -> int:
        """How many connections are undecided."""
        return len(self.undecided) + len(self.newcomers)

    def buildProtocol(self, addr: IAddress | None) -> PreambleProtocol:
        return PreambleProtocol(self, address_text(addr), str(getattr(addr, "host", addr)))

    def makeRoom(self) -> None:
        """
        Let one of those that are undecided go, if there are as many as there may be.
        """
        while self.ending.admission.crowded:
            heaviest = self.undecided.heaviest()
            if heaviest is None:
                return
            heaviest.crowdedOut()
            if not self._crowdedOut:
                self._telling.start(_TELL_EVERY)
            self._crowdedOut += 1

    def _tellCrowded(self) -> None:
        count, self._crowdedOut = self._crowdedOut, 0
        self.log.warn(
            "{count} undecided connections had to make room for others: there were "
            "{pending}, which is as many as there may be",
            count=count,
            pending=self.ending.admission.pending,
        )

    def arrival(
        self, held: HeldSocket, via: str, readData: bytes, peer: str, local: str
    ) -> Arrival:
        """
        A connection whose client's address may be known from another source than its socket.
        """
        arrival = Arrival(self.ending, held, via, readData, peer, local)
        arrival.named = held.peer() != peer
        return arrival

    def route(self, arrival: Arrival) -> None:
        """
        Let the router have a connection; it is not lost when a route, or a resource of the
        embedding program, fails.
        """
        try:
            self.router(arrival)
        except Exception:
            self.log.failure("routing {arrival} failed", arrival=arrival)
            arrival.abandon("its route failed; the log says how")

    def accepted(self, held: HeldSocket, peer: str, local: str, headed: bool = False) -> None:
        """
        Take a connection that was just accepted, and decide on it at once if its preamble is
        there already.

        :param held: non-blocking; it is ours from now on
        :param peer: the client's address, as text
        :param local: the address that the client connected to
        :param headed: a PROXY protocol header comes first, and says who the client is
        """
        ending = self.ending
        ending.recorder.connectionAccepted()
        try:
            data = os.read(held.fileno(), _FIRST_READ)
        except BlockingIOError:
            ending.admission.hold()
            self.newcomers.add(held, Begun(b"", peer, local, headed))
            ending.turn.afterwards(self.newcomers.dealWithSome)
            return
        except OSError:
            data = b""  # reset before it said anything
        named = False
        if headed and data:
            header = read_proxy_header(data)
            if not isinstance(header, ProxyHeader):
                self._noHeader(header, held, data, peer, local)
                return
            data = data[header.end :]
            if header.peer:
                peer, local, named = header.peer, header.local, True
            if not data:
                self._readOn(held, Begun(b"", peer, local))
                return
        reading = KNOWN_VIAS[data]
        if not isinstance(reading, Preamble):
            self._notYet(reading, held, data, peer, local)
            return
        ending.admission.hold()
        arrival = Arrival(ending, held, reading.via, data, peer, local)
        arrival.named = named
        self.route(arrival)

    def _noHeader(
        self, header: ProxyReading, held: HeldSocket, data: bytes, peer: str, local: str
    ) -> None:
        """
        The first bytes of a connection are no whole PROXY header.
        """
        if isinstance(header, NoProxyHeader):
            self.ending.admission.hold()
            arrival = Arrival(self.ending, held, "", data, peer, local)
            arrival.refuse(Outcome.NO_PROXY_HEADER, header.reason)
        else:
            self._readOn(held, Begun(data, peer, local, True))

    def _notYet(
        self, reading: Reading, held: HeldSocket, data: bytes, peer: str, local: str
    ) -> None:
        """
        The first bytes of a connection do not say where it goes.
        """
        if isinstance(reading, Malformed):
            self.ending.admission.hold()
            Arrival(self.ending, held, "", data, peer, local).refuse(*judge(reading, data))
        elif not data:
            self.ending.record(Outcome.EMPTY, "", peer, local, "closed without a byte")
            held.close()
        else:
            self._readOn(held, Begun(data, peer, local))

    def _welcome(self, held: HeldSocket, begun: Begun) -> None:
        """One that said nothing when it was accepted."""
        self.ending.admission.release()
        self._readOn(held, begun)

    def _readOn(self, held: HeldSocket, begun: Begun) -> None:
        """
        Wait for the rest of a preamble.
        """
        reactor = self.ending.reactor
        if makes_tcp_servers(reactor):
            # Any that can wait for descriptors: a transport that can only read costs much less.
            ReadingTransport(reactor, held, _protocol(self, begun)).begin()
            return
        try:
            adopt(reactor, held, _BegunFactory(self, begun))
        except ClientGone as error:
            self.ending.record(Outcome.CLIENT_GONE, "", begun.peer, begun.local, str(error))

    def receiveReturned(self, held: HeldSocket, readData: bytes, peer: str, local: str) -> None:
        """
        Route a connection that a worker, or a relay, gave back, as if it had just been accepted.

        On a port whose clients a front chose for us by their first preamble it is closed instead:
        the client asks for its new address on a new connection, which the front routes.

        :param readData: what was read of the next preamble, perhaps not the whole via
        """
        self.ending.recorder.connectionReturned()
        if self.closing and int(local.rpartition(":")[2]) in self.closing:
            held.close()
            self.ending.record(
                Outcome.SENT_BACK, "", peer, local, "its next preamble is for the front to route"
            )
            return
        reading = read_preamble(readData)
        if reading is NEED_MORE:
            self._readOn(held, Begun(readData, peer, local))
            return
        self.ending.admission.hold()
        if isinstance(reading, Preamble):
            self.route(self.arrival(held, reading.via, readData, peer, local))
        else:
            arrival = self.arrival(held, "", readData, peer, local)
            arrival.refuse(*judge(reading, readData))

    def handed_over(self) -> Iterator[Handed]:
        """
        What is undecided, for another process.
        """
        self.newcomers.dealWithAll()
        left = self.deadlines.remaining()
        for protocol in self.undecided:
            handed = protocol.handed_over(left.get(protocol))
            if handed is not None:
                yield handed

    def letGo(self) -> None:
        """
        Another process has what was handed over.
        """
        for protocol in list(self.undecided):
            protocol.leave()

    def resume(self, held: HeldSocket, record: UndecidedRecord) -> None:
        """
        Read on where another process was; it has counted the connection.
        """
        self._readOn(
            held, Begun(record.readData, record.peer, record.local, record.headed, record.left)
        )

    def resumeWaiting(self, held: HeldSocket, record: WaitingRecord) -> None:
        """
        Route a connection that waited in another process, which has counted it.
        """
        self.ending.admission.hold()
        arrival = self.arrival(held, record.via, record.readData, record.peer, record.local)
        arrival.patience = record.left
        self.route(arrival)

    def refuseReturned(
        self, held: HeldSocket, outcome: Outcome, detail: str, peer: str, local: str
    ) -> None:
        """
        Refuse a connection that a worker gave back, without reading its preamble.
        """
        self.ending.recorder.connectionReturned()
        self.ending.admission.hold()
        Arrival(self.ending, held, "", b"", peer, local).refuse(outcome, detail)

    def stop(self) -> None:
        """
        Drop what is still undecided; called when the ports are closed.
        """
        self.stopping = True
        self.newcomers.dealWithAll()
        for protocol in list(self.undecided):
            transport: IConnection = protocol.transport
            transport.abortConnection()
        self.deadlines.clear()
        self._telling.stop()


def _protocol(front: SharedPortFactory, begun: Begun) -> PreambleProtocol:
    return PreambleProtocol(front, begun.peer, host_of(begun.peer), begun)


class _BegunFactory(Factory):
    """
    Makes the protocol of one connection that is here already.
    """

    noisy = False

    def __init__(self, front: SharedPortFactory, begun: Begun) -> None:
        self._front = front
        self._begun = begun

    def buildProtocol(self, addr: IAddress | None) -> PreambleProtocol:
        return _protocol(self._front, self._begun)
