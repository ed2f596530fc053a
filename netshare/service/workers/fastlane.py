"""
The fast lane: connections travel to a worker many to a message, and only counts come back.

Same rules as on the AMP lane: a cap, a deadline, at most once. What differs is when our copy of
the descriptor is closed: as soon as it is sent, since the message holds the connection from then
on. The worker refuses a connection by giving it back.

The service keeps the worker's end of the lane open, too. What a worker has not read when it dies,
or when it has been stopped for too long, is read there and is ours again: the kernel gives each
message to one reader only, so that the worker cannot have it any more. Its clients can be told, or
served by another worker.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from twisted.internet.error import ConnectionLost

from netshare.addresses import MAX_ADDRESS_SIZE, BaseAddress
from netshare.control.commands import Busy, Gone, NotMine
from netshare.control.lanes import (
    BUSY,
    MAX_BATCH,
    MAX_PAYLOAD,
    BadParcels,
    LaneForm,
    Parcel,
    address_head,
    pack_batch,
    read_parcels,
    send,
    unpack_answer,
)
from netshare.interfaces import IErrand
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.front.turn import Turn
from netshare.service.quotas import Quotas
from netshare.service.workers.inflight import InFlight
from netshare.service.workers.passing import PassableLane
from netshare.service.workers.pipe import Pipe
from netshare.service.workers.unread import Unread, errand_of
from netshare.sockets.held import HeldSocket
from netshare.sockets.unixnames import EXHAUSTED

#: How many messages of a worker's are read when its link is gone: an answer, and all that it was
#: given and gives back.
_REST = 1024

#: Seconds after which a worker that has stopped reading is looked at again.
WATCH = 0.1

#: Takes a connection that a worker gives back: its socket, what was read, the client.
TakeBack = Callable[[HeldSocket, bytes, str], None]


class FastLane(PassableLane):
    """
    The service's end of a fast lane.

    :param turn: when what is queued is sent
    :param takeBack: called with every connection that the worker gives back
    :param broken: called when the lane cannot be used any more, with the reason
    :param ends: of a lane that another process has made: ours, and the worker's
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        turn: Turn,
        form: LaneForm,
        limit: int,
        quotas: Quotas,
        name: str,
        takeBack: TakeBack,
        broken: Callable[[str], None],
        trusted: bool = False,
        inFlight: InFlight | None = None,
        uid: int = 0,
        ends: tuple[socket.socket, socket.socket] | None = None,
    ) -> None:
        super().__init__(reactor, limit, quotas, name, trusted, inFlight, uid)
        ours, theirs = ends or socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._unread = Unread(theirs, form)
        self._turn = turn
        self._form = form
        self._takeBack = takeBack
        self._broken = broken
        #: Errands, and addresses (as they are sent) whose sockets are to be given back, in order.
        self._queued: deque[IErrand | bytes] = deque()
        self._unanswered: deque[IErrand] = deque()
        #: The next message with descriptors has what the worker is too busy for.
        self._refusing = False
        self._watch: Any = None
        self._flushing = False
        self._full = False
        #: Addresses to tell of when the worker has read what is queued.
        self._changed: dict[bytes, None] = {}
        self._pipe = Pipe(reactor, ours, self)
        self._pipe.startReading()

    def workersEnd(self) -> int:
        """The descriptor to hand to the worker."""
        return self._unread.fileno()

    def give(self, errand: IErrand) -> None:
        self.begin(errand)
        self._queued.append(errand)
        if len(self._queued) >= MAX_BATCH:
            self.flush()
        elif not self._flushing:
            self._flushing = True
            self._turn.atEnd(self._flushAtEnd)

    def overdue(self, errand: IErrand) -> None:
        """
        The worker has let a deadline pass. What it has not read yet is taken back, for another
        worker or to be told; what it has read may be in its hands.
        """
        back, addresses = self._reclaim()
        queued = [one for one in self._queued if not isinstance(one, bytes)]
        addresses += [one for one in self._queued if isinstance(one, bytes)]
        # Read again what was for it to read; and it is a sign of life when it does.
        self._queued = deque(addresses or [str(errand.address).encode("utf-8")])
        for one in (*(one for one, _ in back), *queued):
            self._deadlines.discard(one)
        busy = Busy(f"it has read nothing for {self._timeout:g} s")
        for one, held in back:
            one.arrival.regain(held)
            one.failed(self, busy)
        for one in queued:
            one.failed(self, busy)
        self.end(len(back) + len(queued))
        if not errand.over:
            super().overdue(errand)
        self.flush()
        self.watch()

    def watch(self) -> None:
        if self._watch is None:
            self._watch = self._reactor.callLater(WATCH, self._look)

    def routesChanged(self, address: BaseAddress) -> None:
        message = str(address).encode("utf-8")
        if self._full:
            self._changed[message] = None  # once is enough, however often they change
        elif not self._queued or self._queued[-1] != message:
            self._queued.append(message)
        self.flush()

    def stop(self) -> None:
        """
        The link is gone: what the worker has read may be in its hands, the rest is ours.
        """
        if self._wasLetGo:
            return
        super().stop()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._pipe.readRest(_REST)
        back, _ = self._reclaim()
        self._unread.close()
        self._pipe.close()
        queued, self._queued = self._queued, deque()
        unanswered, self._unanswered = self._unanswered, deque()
        gone = NotMine("its link is gone")
        for one, held in back:
            one.arrival.regain(held)
            one.failed(self, gone)
        for errand in queued:
            if not isinstance(errand, bytes):
                errand.failed(self, gone)
        for one in unanswered:
            one.failed(self, ConnectionLost("its link is gone"))
        self.end(self.outstanding)

    def flush(self) -> None:
        """
        Send what is queued, as far as the worker has room.
        """
        try:
            while (self._queued or self._changed) and self._pipe.connected:
                if not self._queued:
                    self._queued.extend(self._changed)
                    self._changed.clear()
                if not self._sendNext():
                    self._full = True
                    self._pipe.startWriting()
                    return
        except OSError as error:
            self.lost(f"its lane broke: {error}")
            return
        if self._full:
            self._full = False
            self._pipe.stopWriting()

    def received(self, payload: bytes, descriptors: list[int]) -> None:
        """
        A message of the worker's.

        :raises BadParcels: it makes no sense
        """
        if descriptors:
            held = [HeldSocket(descriptor) for descriptor in descriptors]
            if self._refusing:
                self._refusing = False
                self._refused(payload, held)
            else:
                self._givenBack(payload, held)
            return
        if payload == BUSY:
            self._refusing = True
            return
        adopted, gone = unpack_answer(payload)
        if adopted + gone > len(self._unanswered):
            raise BadParcels(f"it answered for {adopted + gone} connections it was not given")
        self.stuck = False
        if adopted and self._window < self._limit:
            self.adoptedSome()
        if adopted and self._rests:
            self._rests.answered(islice(self._unanswered, adopted), adopted=True)
        answered, discard = self._unanswered.popleft, self._deadlines.discard
        for _ in range(adopted):
            errand = answered()
            discard(errand)
            errand.adopted(self)
        for _ in range(gone):
            errand = answered()
            discard(errand)
            errand.failed(self, Gone("the worker found it closed"))
        self.end(adopted + gone, adopted + gone)

    def lost(self, reason: str) -> None:
        """The lane is broken: so is the worker. :meth:`stop` follows."""
        if self._pipe.connected:
            self._pipe.close()
            self._broken(reason)

    def _flushAtEnd(self) -> None:
        self._flushing = False
        try:
            self.flush()
            # A worker that was woken on this processor has answered already.
            self._pipe.doRead()
        except Exception as error:
            self.log.failure("the lane of {worker} failed", worker=self.name)
            self.lost(f"its lane failed: {error}")

    def _sendNext(self) -> bool:
        first = self._queued[0]
        if isinstance(first, bytes):
            if not send(self._pipe.socket, first, ()):
                return False
            self._queued.popleft()
            return True
        batch = self._nextBatch()
        arrivals = [errand.arrival for errand in batch]
        if self._form is LaneForm.RECORDS:
            payload = arrivals[0].readData
        else:
            payload = pack_batch(
                [one.readData for one in arrivals],
                [one.peer if one.named else "" for one in arrivals],
            )
            if self._form is LaneForm.ADDRESSED:
                payload = address_head(str(first.address)) + payload
        try:
            if not send(self._pipe.socket, payload, [one.held.fileno() for one in arrivals]):
                return False
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._refuse(batch, f"the system cannot carry it: {error.strerror}")
            return True
        self._unanswered.extend(batch)
        take, trusted = self._queued.popleft, self._trusted
        for one in arrivals:
            take()
            one.held.close(trusted)
        return True

    def _refuse(self, batch: list[IErrand], reason: str) -> None:
        """What is first in the queue cannot leave, and not for any fault of the worker's."""
        for _ in batch:
            self._queued.popleft()
        self.rest()
        for errand in batch:
            self._deadlines.discard(errand)
            errand.failed(self, Busy(reason))
        self.end(len(batch))

    def _nextBatch(self) -> list[IErrand]:
        longest = 1 if self._form is LaneForm.RECORDS else MAX_BATCH
        batch: list[IErrand] = []
        room = MAX_PAYLOAD - 1024 - MAX_ADDRESS_SIZE
        addressed = self._form is LaneForm.ADDRESSED
        for errand in islice(self._queued, longest):
            if isinstance(errand, bytes):
                break
            if addressed and batch and errand.address != batch[0].address:
                break
            room -= len(errand.arrival.readData) + 300
            if room < 0 and batch:
                break
            batch.append(errand)
        return batch

    def _refused(self, payload: bytes, held: list[HeldSocket]) -> None:
        """The worker is too busy for these, the oldest that it has not answered for."""
        parcels = read_parcels(self._form, payload, held)
        if len(held) > len(self._unanswered):
            for one in held:
                one.close()
            raise BadParcels(f"it refused {len(held)} connections, more than it was given")
        self.stuck = False
        errands = [self._unanswered.popleft() for _ in held]
        for errand in errands:
            self._rests.busy(errand.address)
        self._rests.answered(errands, adopted=False)
        for errand, one, parcel in zip(errands, held, parcels, strict=True):
            self._deadlines.discard(errand)
            if errand.over:
                self._takeBackOne(one, parcel)  # too late: it has its outcome, and begins anew
            else:
                errand.arrival.regain(one)
                errand.failed(self, Busy("it takes no more connections now"))
        self.end(len(errands))

    def _givenBack(self, payload: bytes, held: list[HeldSocket]) -> None:
        for one, parcel in zip(held, read_parcels(self._form, payload, held), strict=True):
            self._takeBackOne(one, parcel)

    def _takeBackOne(self, one: HeldSocket, parcel: Parcel) -> None:
        try:
            self._takeBack(one, parcel.readData, parcel.peer)
        except Exception:
            self.log.failure("a connection that {worker} gave back is lost", worker=self.name)
            one.close()

    def _reclaim(self) -> tuple[list[tuple[IErrand, HeldSocket]], list[bytes]]:
        """
        Take what the worker has not read out of the lane.

        :returns: the errands that are ours again, with their sockets; and the addresses
        """
        back: list[tuple[IErrand, HeldSocket]] = []
        connections, addresses = self._unread.take()
        for held, parcel in connections:
            errand = errand_of(self._unanswered, held, parcel)
            if errand is None or errand.over:
                self._takeBackOne(held, parcel)
            else:
                self._unanswered.remove(errand)
                back.append((errand, held))
        return back, addresses

    def _look(self) -> None:
        """See whether a worker that has stopped reading reads again."""
        self._watch = None
        if not self.stuck:
            return
        if not self._queued and not self._unanswered and self._unread.nothing():
            self.stuck = False
            self.tellFreed()
        else:
            self._watch = self._reactor.callLater(WATCH, self._look)
