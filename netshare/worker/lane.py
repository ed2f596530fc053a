"""
The worker's end of the fast lane: connections come many to a message, counts go back.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from netshare.control.commands import Busy, Gone, NotMine
from netshare.control.lanes import (
    BUSY,
    MAX_BATCH,
    BadParcels,
    LaneEnd,
    Parcel,
    is_end,
    pack_answer,
    pack_batch,
    receive,
    send,
    split_addressed,
    unpack_batch,
)
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.descriptors import nearly_the_last, room_for
from netshare.sockets.held import HeldSocket
from netshare.sockets.unixnames import EXHAUSTED
from netshare.worker.intake import Intake, Intakes

#: How many messages are read in one turn of the reactor.
_TURN = 16

#: How many connections are answered for at the latest, however many more wait in the lane: the
#: service sends the next ones while we are still busy with these.
_ANSWER_AFTER = 32

#: Seconds after which a process that had nearly no descriptors left looks for them again, and after
#: which is tried again what the system did not carry.
ROOM_PAUSE = 0.1


class FastLaneReader(LaneEnd):
    """
    Adopts what comes, and answers for it.

    What this worker does not take (its port is being closed, say) goes back, to be routed anew;
    what it has no room for just now goes back with a word on that.

    :param lane: the worker's end, which this object now owns
    :param broken: called when the lane cannot be used any more though it was not closed: the link
        has to end, too, so that the service learns of it
    """

    log = Logger()
    reactor: IReactor

    def __init__(
        self, reactor: IReactor, lane: socket.socket, intakes: Intakes, broken: Callable[[], None]
    ) -> None:
        super().__init__(reactor, lane)
        self._intakes = intakes
        self._broken = broken
        self._adopted = 0
        self._gone = 0
        #: What the service had no room for yet: payloads, each with its connections.
        self._outgoing: deque[tuple[bytes, list[HeldSocket]]] = deque()
        #: Connections of the message at hand that we are too busy for, one after the other.
        self._refused: list[tuple[Parcel, HeldSocket]] = []
        #: The service reads no answers any more: its link is gone.
        self._orphaned = False
        self._drained: list[Deferred[None]] = []
        #: For an address whose registration the service has not answered yet: the answer comes
        #: another way, and may be read a moment later.
        self._early: tuple[bytes, list[HeldSocket]] | None = None
        self._pause: IDelayedCall | None = None
        #: Goes on writing when the system may carry descriptors again.
        self._writingLater: IDelayedCall | None = None
        self.startReading()

    def doRead(self) -> None:
        for _ in range(_TURN):
            if not self._readOne():
                break
        self.doWrite()

    def doWrite(self) -> None:
        """
        Answer for what was adopted, and give back what was not.
        """
        if not self.connected or self._orphaned:
            return
        try:
            while self._outgoing:
                payload, held = self._outgoing[0]
                if not send(self.socket, payload, [one.fileno() for one in held]):
                    self.startWriting()
                    return
                del self._outgoing[0]
                for one in held:
                    one.close()
            if self._adopted or self._gone:
                if not send(self.socket, pack_answer(self._adopted, self._gone), ()):
                    self.startWriting()
                    return
                self._adopted = self._gone = 0
            self.stopWriting()
        except OSError as error:
            if error.errno in EXHAUSTED:  # nothing can be given back now, and that is not its fault
                self.stopWriting()
                self._wait()
                return
            self._orphan()  # the service has ended; what it sent before is still to be read
        self._tellDrained()

    def finish(self) -> None:
        """
        The link is gone: adopt what is still in the lane, and close it. Only this worker can serve
        those connections now.
        """
        self._orphan()
        self.goOn()
        while self._readOne():
            pass
        if self._pause is None:  # else there is no room for more yet: the end comes later
            self.close()

    def goOn(self) -> None:
        """The service has answered a registration, or does not answer any more."""
        if self._early is not None:
            (payload, held), self._early = self._early, None
            self._adopt(payload, held)
            if self._early is None and self.connected:
                self.doWrite()
                if self._pause is None:
                    self.startReading()

    def _wait(self) -> None:
        """Write again in a while."""
        if self._writingLater is None:
            self._writingLater = self.reactor.callLater(ROOM_PAUSE, self._writeAgain)

    def _writeAgain(self) -> None:
        self._writingLater = None
        self.doWrite()

    def _orphan(self) -> None:
        """No answer is read any more; what was to go back goes over the next link."""
        if self.connected and not self._orphaned:
            self._orphaned = True
            self.stopWriting()
            outgoing, self._outgoing = self._outgoing, deque()
            for payload, held in outgoing:
                if held:
                    parcels = unpack_batch(payload, len(held))
                    for one, parcel in zip(held, parcels, strict=True):
                        self._returnLate(one, parcel)
            self._tellDrained()

    def _returnLate(self, one: HeldSocket, parcel: Parcel) -> None:
        """Give back what came over this lane, over the link that there will be."""
        self._intakes.giveBack(one, parcel.readData, parcel.peer).addErrback(lambda _: None)

    def drain(self) -> Deferred[None]:
        """
        Give back what is still in the lane; the service sends nothing more.

        :returns: fires when the service has all answers, or the lane is closed
        """
        while self._readOne():
            pass
        if not self.connected:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        self.doWrite()
        if self._orphaned:
            self._tellDrained()
        return drained

    def close(self) -> None:
        """
        Close this end; what was to be given back and could not be is lost.
        """
        super().close()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._writingLater is not None:
            self._writingLater.cancel()
            self._writingLater = None
        early = [] if self._early is None else [self._early]
        for _, held in (*self._outgoing, *early):
            for one in held:
                one.close()
        self._outgoing.clear()
        self._early = None
        self._tellDrained()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has given this descriptor up; so it does with the link."""
        self.close()
        self._broken()

    def _tellDrained(self) -> None:
        drained, self._drained = self._drained, []
        for one in drained:
            one.callback(None)

    def _readOne(self) -> bool:
        """
        Read a message.

        :returns: whether there may be another one
        """
        if not self.connected or self._pause is not None or self._early is not None:
            return False
        try:
            try:
                message = receive(self.socket)
            except ConnectionResetError:
                # The service has ended without reading our last answer. The kernel says so once,
                # before it gives what the service has sent.
                message = receive(self.socket)
        except (OSError, BadParcels) as error:
            self._break(f"the fast lane broke: {error}")
            return False
        if message is None:
            return False
        payload, descriptors = message
        if is_end(message):
            self.close()
            if not self._orphaned:
                self._broken()
            return False
        if not descriptors:
            self._intakes.routesChanged(payload.decode("utf-8", "replace"))
            return True
        crowded = nearly_the_last(max(descriptors), MAX_BATCH)
        self._adopt(payload, [HeldSocket(descriptor) for descriptor in descriptors])
        if self._adopted >= _ANSWER_AFTER:
            self.doWrite()
        if crowded and self.connected and not room_for(MAX_BATCH):
            self.log.warn(
                "this process has nearly no descriptors left (see ulimit -n): it takes no more "
                "connections until there are some"
            )
            self.stopReading()
            self._pause = self.reactor.callLater(ROOM_PAUSE, self._lookForRoom)
        return True

    def _lookForRoom(self) -> None:
        if room_for(MAX_BATCH):
            self._pause = None
            self.startReading()
        else:
            self._pause = self.reactor.callLater(ROOM_PAUSE, self._lookForRoom)

    def _break(self, reason: str) -> None:
        self.log.error("{reason}; this worker registers again", reason=reason)
        self.close()
        if not self._orphaned:
            self._broken()

    def _adopt(self, payload: bytes, held: list[HeldSocket]) -> None:
        try:
            address, batch = split_addressed(payload)
            parcels = unpack_batch(batch, len(held))
        except BadParcels as error:
            for one in held:
                one.close()
            self._break(f"the fast lane carries nonsense: {error}")
            return
        intake = self._intakes.find(address)
        if intake is None and self._intakes.asking and not self._orphaned:
            self._early = payload, held
            self.stopReading()
            return
        for one, parcel in zip(held, parcels, strict=True):
            self._adoptOne(intake, one, parcel)
        self._giveBackRefused()

    def _adoptOne(self, intake: Intake | None, one: HeldSocket, parcel: Parcel) -> None:
        try:
            if intake is None:
                raise NotMine("its address is not registered by this process")
            intake.receive(one, None, parcel.readData, parcel.peer)
        except Gone:
            self._giveBackRefused()
            self._gone += 1
            return
        except Busy:
            if not one.closed:
                self._refuse(one, parcel)
                return
        except NotMine:
            if self._orphaned:
                self._returnLate(one, parcel)
            elif self.connected and not one.closed:
                self._outgoing.append((pack_batch([parcel.readData], [parcel.peer]), [one]))
            else:
                one.close()
        except Exception:
            self.log.failure("a connection could not be adopted")
            one.close()
        self._giveBackRefused()
        self._adopted += 1

    def _refuse(self, one: HeldSocket, parcel: Parcel) -> None:
        """We are too busy for it: the service keeps it until we, or others, are not."""
        if self._orphaned:
            self._returnLate(one, parcel)
        elif not self.connected:
            one.close()
        else:
            if self._adopted or self._gone:  # they came before it, and the order counts
                self._outgoing.append((pack_answer(self._adopted, self._gone), []))
                self._adopted = self._gone = 0
            self._refused.append((parcel, one))

    def _giveBackRefused(self) -> None:
        """
        Say that we are too busy for the last ones, now that something else follows.
        """
        if self._refused:
            refused, self._refused = self._refused, []
            batch = pack_batch(
                [parcel.readData for parcel, _ in refused], [parcel.peer for parcel, _ in refused]
            )
            self._outgoing.append((BUSY, []))
            self._outgoing.append((batch, [one for _, one in refused]))
