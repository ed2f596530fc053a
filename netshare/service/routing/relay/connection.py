"""
One client's connection through a relay: from its preamble to its end, or to a preamble that is
for another server.

When the preamble is whole a server is searched that answers (:mod:`.search`). Then bytes go both
ways. Those of the client are followed (:mod:`netshare.framing.follow`), since behind an End record
the client may ask for another address on the same socket.
"""

from __future__ import annotations

from netshare.framing.follow import NO_END, ClientFollower, Unfollowable
from netshare.framing.preamble import KNOWN_PREAMBLES, NEED_MORE, Preamble
from netshare.interfaces import IArrival
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.service.front.undecided import judge
from netshare.service.routing.relay.ends import READ_SIZE, SocketEnd
from netshare.service.routing.relay.search import Relay, RelayStage, ServerSearch

#: How many bytes of a client are kept while no server has answered.
MOST_EARLY = 65536


class RelayedConnection(ServerSearch):
    """
    A connection through a relay.

    :param arrival: undecided until a server has answered
    :ivar moved: grows whenever bytes come from either side
    """

    log = Logger()

    __slots__ = ("_follower", "moved")

    def __init__(self, route: Relay, arrival: IArrival) -> None:
        super().__init__(route, arrival)
        self.moved = 0
        self._follower: ClientFollower | None = None

    def start(self) -> None:
        """
        Go on with what the client has sent so far.
        """
        reading = KNOWN_PREAMBLES[bytes(self._kept)]
        if isinstance(reading, Preamble):
            self._follower = ClientFollower(reading)
            self._search(reading)
        elif reading is NEED_MORE:
            self._route.wait(self, self._route.receiveTimeout)
            self._client.resume()
        else:
            self._refuse(*judge(reading, self._kept))

    def stop(self) -> None:
        """The service stops."""
        if self.stage is RelayStage.OPEN:
            self._cut()
        elif self.stage is not RelayStage.OVER:
            self._take(Outcome.SHUTDOWN, "the service stopped")

    def idle(self) -> None:
        """Nothing has come from either side for longer than is allowed."""
        self.log.info(
            "{peer} to {where}: idle for too long, cut",
            peer=self.arrival.peer,
            where=self._route.where,
        )
        self._cut()

    def timedOut(self) -> None:
        """The preamble did not come, or a server did not accept, within its time."""
        if self.stage is RelayStage.PREAMBLE:
            self._take(Outcome.RECEIVE_TIMEOUT, "the preamble was not complete within the time")
        elif self.stage is RelayStage.DIALLING:
            self._next("it does not accept within the time")

    # What the ends tell.

    def received(self, end: SocketEnd, data: bytes) -> None:
        """Bytes from either side."""
        self.moved += 1
        if self.stage is RelayStage.OPEN:
            if end is self._client:
                self._fromClient(data)
            else:
                self._client.write(data)
            if len(data) == READ_SIZE and self.stage is RelayStage.OPEN:
                self._passOn(end)
        elif end is self._client:
            self._kept = bytes(self._kept) + data
            if self.stage is RelayStage.PREAMBLE:
                self._route.waitNoMore(self)
                self._client.pause()
                self.start()
            elif len(self._kept) > MOST_EARLY:
                self._client.pause()
        else:
            self._answered(end, data)

    def moved_on(self, end: SocketEnd, count: int) -> None:
        """Bytes from either side, which went to the other one unread."""
        self.moved += 1
        if end is self._client and self._follower is not None:
            self._follower.passed(count)

    def readEnded(self, end: SocketEnd) -> None:
        """One side has closed its half."""
        if self.stage is RelayStage.OPEN:
            self._halfClosed(end)
        elif end is self._client:
            if self.stage is RelayStage.PREAMBLE:
                self._take(Outcome.INCOMPLETE, "closed behind the via, inside the preamble")
            else:
                self._take(Outcome.CLIENT_GONE, "it closed before a server had answered")
        else:
            self._next("it closed without an answer")

    def filled(self, end: SocketEnd) -> None:
        """One side does not read: read no more from the other."""
        other = self._other(end)
        if other is not None:
            other.pause()

    def drained(self, end: SocketEnd) -> None:
        """It does again."""
        if self.stage is RelayStage.OPEN:
            if self._isOver():
                self._close()
                return
            other = self._other(end)
            if other is not None:
                other.resume()

    def lost(self, end: SocketEnd | None, reason: str) -> None:
        """One side is gone, or a server was not to be reached."""
        if self.stage is RelayStage.OPEN:
            self._cut()
        elif end is not None and end is self._client:
            self._take(Outcome.CLIENT_GONE, reason)
        elif self.stage is RelayStage.DIALLING:
            self._next(reason)

    def _open(self, end: SocketEnd, data: bytes) -> None:
        assert self._tried is not None
        self._tried.reached()
        self._tried.active += 1
        if self._fallback is not None:
            self._fallback[1].abort()
            self._fallback = None
        self._server = end
        self.stage = RelayStage.OPEN
        self._client.keep()
        self._route.opened(self, self._tried.where)
        self._client.write(data)
        if self.stage is not RelayStage.OPEN:
            return
        end.resume()
        self._client.resume()
        if self._kept:
            kept, self._kept = self._kept, b""
            self._fromClient(kept)

    # Afterwards.

    def _fromClient(self, data: bytes | bytearray) -> None:
        follower, server = self._follower, self._server
        assert follower is not None
        assert server is not None
        if self._kept:
            data, self._kept = bytes(self._kept) + data, b""
        try:
            while data:
                count = follower.follow(data)
                if count == len(data):
                    server.write(data)
                    return
                if count:
                    server.write(data[:count])
                    data = data[count:]
                if not follower.ended:
                    self._kept = data
                    return
                preamble = self._mine(data)
                if preamble is None:
                    self._giveBack(data)
                    return
                server.write(data[: preamble.end])
                data = data[preamble.end :]
                self._follower = follower = ClientFollower(preamble)
        except Unfollowable as error:
            self.log.warn(
                "{peer} to {where}: cut, since it cannot be followed: {error}",
                peer=self.arrival.peer,
                where=self._route.where,
                error=error,
            )
            self._cut()

    def _passOn(self, end: SocketEnd) -> None:
        """
        Many bytes come: what of them need not be looked at need not be read.
        """
        server, follower = self._server, self._follower
        if server is None or follower is None:
            return
        if end is server:
            end.pass_on(self._client, NO_END)
        elif not self._kept:
            end.pass_on(server, follower.unseen)

    def _mine(self, data: bytes | bytearray) -> Preamble | None:
        """
        The next preamble, if it may go to the same server: it is whole, names the very via that
        the socket came with, and that still leads here.
        """
        reading = KNOWN_PREAMBLES[bytes(data)]
        via = self.arrival.via
        if not isinstance(reading, Preamble) or reading.via != via:
            return None
        server = self._server
        if server is None or server.closed or server.readDone or server.writeDone:
            return None
        return reading if self._route.leadsHere(via) else None

    def _giveBack(self, data: bytes | bytearray) -> None:
        """
        Behind the session comes a preamble that is to be routed anew.
        """
        client, server = self._client, self._server
        if self.stage is not RelayStage.OPEN or server is None:
            return  # it was lost when the last of the session was passed on
        if client.closed or client.hasUnsent or client.writeDone:
            self.log.warn(
                "{peer} to {where}: cut, since it asks for something else before it has read the "
                "answer",
                peer=self.arrival.peer,
                where=self._route.where,
            )
            self._cut()
            return
        # It has ended the session, or what it still has to say is of no interest to the client.
        server.abort() if server.hasUnsent else server.close()
        held = client.detach()
        self._over()
        self._route.giveBack(held, bytes(data), self.arrival.peer, self.arrival.local)

    def _halfClosed(self, end: SocketEnd) -> None:
        other = self._other(end)
        if other is not None and end is self._client and self._kept:
            kept, self._kept = self._kept, b""
            other.write(kept)
        if self.stage is not RelayStage.OPEN:
            return  # it was lost
        if self._isOver():
            self._close()
        elif other is not None:
            other.loseWrite()

    def _isOver(self) -> bool:
        """Whether both sides have closed their halves, and have all that the other has sent."""
        client, server = self._client, self._server
        return server is None or (
            client.readDone and server.readDone and not (client.hasUnsent or server.hasUnsent)
        )

    def _other(self, end: SocketEnd) -> SocketEnd | None:
        return self._server if end is self._client else self._client

    # The end.

    def _close(self) -> None:
        self._client.close()
        if self._server is not None:
            self._server.close()
        self._over()

    def _cut(self) -> None:
        if self.stage is RelayStage.OVER:
            return
        self._client.abort()
        if self._server is not None:
            self._server.abort()
        self._over()

    def _over(self) -> None:
        self.stage = RelayStage.OVER
        if self._tried is not None:
            self._tried.active -= 1
            self._tried = None
        self._route.closed(self)
