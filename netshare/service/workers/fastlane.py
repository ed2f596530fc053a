"""
The fast lane: connections travel to a worker many to a message, and only counts come back.

Same rules as on the AMP lane: a cap, a deadline, at most once. What differs is when our copy of
the descriptor is closed: as soon as it is sent, since the message holds the connection from then
on, and since nobody could do anything with our copy: the worker refuses a connection by giving
it back.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from netshare.addresses import BaseAddress
from netshare.control.commands import Busy, Gone, NotMine
from netshare.control.lanes import (
    MAX_BATCH,
    MAX_PAYLOAD,
    BadParcels,
    LaneEnd,
    LaneForm,
    Parcel,
    pack_batch,
    receive,
    send,
    unpack_answer,
    unpack_batch,
)
from netshare.interfaces import IErrand
from netshare.service.front.turn import Turn
from netshare.service.quotas import Quotas
from netshare.service.workers.lanes import Lane
from netshare.sockets.held import HeldSocket

#: How many messages of a worker's are read when its link is gone: an answer, and all that it was
#: given and gives back.
_REST = 1024

#: The system has no memory, or this process too many descriptors on their way to workers that do
#: not read.
_EXHAUSTED = (errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM)

#: Takes a connection that a worker gives back: its socket, what was read, the client.
TakeBack = Callable[[HeldSocket, bytes, str], None]


class FastLane(Lane):
    """
    The service's end of a fast lane.

    :param turn: when what is queued is sent
    :param takeBack: called with every connection that the worker gives back
    :param broken: called when the lane cannot be used any more, with the reason
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        turn: Turn,
        form: LaneForm,
        limit: int,
        quotas: Quotas,
        name: str,
        takeBack: TakeBack,
        broken: Callable[[str], None],
        trusted: bool = False,
    ) -> None:
        super().__init__(reactor, limit, quotas, name, trusted)
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn = turn
        self._form = form
        self._takeBack = takeBack
        self._broken = broken
        #: Errands, and addresses whose sockets are to be given back, in order.
        self._queued: deque[IErrand | BaseAddress] = deque()
        self._unanswered: deque[IErrand] = deque()
        self._flushing = False
        self._full = False
        self._pipe = _Pipe(reactor, ours, self)
        self._pipe.startReading()

    def workersEnd(self) -> int:
        """
        The descriptor to hand to the worker.

        Our copy stays open until the worker is heard of: AMP sends it only some time later.
        """
        return self._theirs.fileno()

    def give(self, errand: IErrand) -> None:
        self.begin(errand)
        self._queued.append(errand)
        if len(self._queued) >= MAX_BATCH:
            self.flush()
        elif not self._flushing:
            self._flushing = True
            self._turn.atEnd(self._flushAtEnd)

    def overdue(self, errand: IErrand) -> None:
        """What is still in the queue never left: another worker can have it."""
        if errand in self._queued:
            self._queued.remove(errand)
            self.outstanding -= 1
            errand.failed(self, Busy(f"it has read nothing for {self._timeout:g} s"))
        else:
            super().overdue(errand)

    def routesChanged(self, address: BaseAddress) -> None:
        if not self._queued or self._queued[-1] is not address:
            self._queued.append(address)
        self.flush()

    def stop(self) -> None:
        """
        The link is gone: what was sent may be in the worker's hands, what was not is still ours.
        """
        super().stop()
        self._pipe.readRest(_REST)
        self._theirs.close()
        self._pipe.close()
        queued, self._queued = self._queued, deque()
        unanswered, self._unanswered = self._unanswered, deque()
        self.outstanding = 0
        for errand in queued:
            if not isinstance(errand, BaseAddress):
                errand.failed(self, NotMine("its link is gone"))
        for errand in unanswered:
            errand.failed(self, ConnectionLost("its link is gone"))

    def flush(self) -> None:
        """
        Send what is queued, as far as the worker has room.
        """
        try:
            while self._queued and self._pipe.connected:
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
            if self.stuck and not self._unanswered:
                self.stuck = False  # it reads, and has nothing to answer for
                self.tellFreed(0)

    def received(self, payload: bytes, descriptors: list[int]) -> None:
        """
        A message of the worker's.

        :raises BadParcels: it makes no sense
        """
        self._theirs.close()
        if descriptors:
            self._givenBack(payload, [HeldSocket(descriptor) for descriptor in descriptors])
            return
        adopted, gone = unpack_answer(payload)
        if adopted + gone > len(self._unanswered):
            raise BadParcels(f"it answered for {adopted + gone} connections it was not given")
        self.stuck = False
        self.outstanding -= adopted + gone
        for _ in range(adopted):
            errand = self._unanswered.popleft()
            self._deadlines.discard(errand)
            errand.adopted(self)
        for _ in range(gone):
            errand = self._unanswered.popleft()
            self._deadlines.discard(errand)
            errand.failed(self, Gone("the worker found it closed"))
        self.tellFreed(adopted + gone)

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
        if isinstance(first, BaseAddress):
            if not send(self._pipe.socket, str(first).encode("utf-8"), ()):
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
        try:
            if not send(self._pipe.socket, payload, [one.held.fileno() for one in arrivals]):
                return False
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._refuse(batch, f"the system cannot carry it: {error.strerror}")
            return True
        self._unanswered.extend(batch)
        for one in arrivals:
            self._queued.popleft()
            one.held.close(self._trusted)
        return True

    def _refuse(self, batch: list[IErrand], reason: str) -> None:
        """What is first in the queue cannot leave, and not for any fault of the worker's."""
        for _ in batch:
            self._queued.popleft()
        self.outstanding -= len(batch)
        for errand in batch:
            self._deadlines.discard(errand)
            errand.failed(self, Busy(reason))

    def _nextBatch(self) -> list[IErrand]:
        longest = 1 if self._form is LaneForm.RECORDS else MAX_BATCH
        batch: list[IErrand] = []
        room = MAX_PAYLOAD - 1024
        for errand in self._queued:
            if isinstance(errand, BaseAddress) or len(batch) == longest:
                break
            room -= len(errand.arrival.readData) + 300
            if batch and room < 0:
                break
            batch.append(errand)
        return batch

    def _givenBack(self, payload: bytes, held: list[HeldSocket]) -> None:
        try:
            if self._form is LaneForm.RECORDS:
                parcels = [Parcel(payload)]
                if len(held) != 1:
                    raise BadParcels("a record carries one connection")
            else:
                parcels = unpack_batch(payload, len(held))
        except BadParcels:
            for one in held:
                one.close()
            raise
        for one, parcel in zip(held, parcels, strict=True):
            try:
                self._takeBack(one, parcel.readData, parcel.peer)
            except Exception:
                self.log.failure("a connection that {worker} gave back is lost", worker=self.name)
                one.close()


class _Pipe(LaneEnd):
    """
    The service's end, in the reactor.
    """

    def __init__(self, reactor: Any, connection: socket.socket, lane: FastLane) -> None:
        super().__init__(reactor, connection)
        self._lane = lane

    def doRead(self) -> None:
        """Read a message of the worker's: there is hardly ever a second one."""
        if not self.connected:
            return
        try:
            message = receive(self.socket)
            if message is None:
                return
            if _is_end(message):
                self._lane.lost("it closed its lane")
                return
            self._lane.received(*message)
        except (OSError, BadParcels) as error:
            self._lane.lost(f"its lane broke: {error}")

    def doWrite(self) -> None:
        """There is room again."""
        self._lane.flush()

    def connectionLost(self, reason: Failure) -> None:
        self._lane.lost(f"its lane failed: {reason.getErrorMessage()}")

    def readRest(self, most: int) -> None:
        """
        Read what the worker has sent before its end came.

        :param most: so many messages, from a worker that has not ended at all
        """
        try:
            for _ in range(most):
                message = receive(self.socket) if self.connected else None
                if message is None or _is_end(message):
                    return
                self._lane.received(*message)
        except (OSError, BadParcels):
            pass  # that was the end


def _is_end(message: tuple[bytes, list[int]]) -> bool:
    return not message[0] and not message[1]
