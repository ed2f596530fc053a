"""
The worker's end of the fast lane: connections come many to a message, counts go back.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from netshare.control.commands import Busy, Gone, NotMine
from netshare.control.lanes import (
    BadParcels,
    LaneEnd,
    Parcel,
    pack_answer,
    pack_batch,
    receive,
    send,
    unpack_batch,
)
from netshare.sockets.held import HeldSocket
from netshare.worker.intake import Intake

#: How many messages are read in one turn of the reactor.
_TURN = 16

#: How many connections are answered for at the latest, however many more wait in the lane: the
#: service sends the next ones while we are still busy with these.
_ANSWER_AFTER = 32


class FastLaneReader(LaneEnd):
    """
    Adopts what comes, and answers for it.

    What this worker does not take (its port is being closed, say) goes back, to be routed anew.

    :param lane: the worker's end, which this object now owns
    """

    log = Logger()

    def __init__(self, reactor: Any, lane: socket.socket, intake: Intake) -> None:
        super().__init__(reactor, lane)
        self._intake = intake
        self._adopted = 0
        self._gone = 0
        #: Connections on their way back, for which the service had no room yet.
        self._returning: list[tuple[Parcel, HeldSocket]] = []
        self._drained: Deferred[None] | None = None
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
        if not self.connected:
            return
        try:
            while self._returning:
                parcel, held = self._returning[0]
                payload = pack_batch([parcel.readData], [parcel.peer])
                if not send(self.socket, payload, [held.fileno()]):
                    self.startWriting()
                    return
                held.close()
                del self._returning[0]
            if self._adopted or self._gone:
                if not send(self.socket, pack_answer(self._adopted, self._gone), ()):
                    self.startWriting()
                    return
                self._adopted = self._gone = 0
            self.stopWriting()
        except OSError:
            # The service is gone. What it has sent before is still in the lane, and ours.
            self._forgetAnswers()
        self._tellDrained()

    def finish(self) -> None:
        """
        The link is gone: adopt what is still in the lane, and close it. Nobody but this worker can
        serve those connections now.
        """
        while self._readOne():
            pass
        self.close()

    def drain(self) -> Deferred[None]:
        """
        Give back what is still in the lane; the service sends nothing more.

        :returns: fires when the service has it all, or the lane is closed
        """
        while self._readOne():
            pass
        if not self.connected:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained = drained
        self.doWrite()
        return drained

    def close(self) -> None:
        """
        The link is gone, and the lane with it.
        """
        super().close()
        self._forgetAnswers()
        self._tellDrained()

    def _forgetAnswers(self) -> None:
        for _, held in self._returning:
            held.close()
        self._returning.clear()
        self._adopted = self._gone = 0
        if self.connected:
            self.stopWriting()

    def _tellDrained(self) -> None:
        if self._drained is not None:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def _readOne(self) -> bool:
        """
        Read a message.

        :returns: whether there may be another one
        """
        if not self.connected:
            return False
        try:
            try:
                message = receive(self.socket)
            except ConnectionResetError:
                # The service has ended without reading our last answer. The kernel says so once,
                # before it gives what the service has sent.
                message = receive(self.socket)
        except (OSError, BadParcels) as error:
            self.log.warn("the fast lane broke: {error}", error=error)
            self.close()
            return False
        if message is None:
            return False
        payload, descriptors = message
        if not payload and not descriptors:
            self.close()
        elif descriptors:
            self._adopt(payload, [HeldSocket(descriptor) for descriptor in descriptors])
            if self._adopted >= _ANSWER_AFTER:
                self.doWrite()
        else:
            self._intake.routesChanged()
        return True

    def _adopt(self, payload: bytes, held: list[HeldSocket]) -> None:
        try:
            parcels = unpack_batch(payload, len(held))
        except BadParcels as error:
            self.log.error("the fast lane carries nonsense: {error}", error=error)
            for one in held:
                one.close()
            self.close()
            return
        for one, parcel in zip(held, parcels, strict=True):
            try:
                self._intake.receive(one, None, parcel.readData, parcel.peer)
            except Gone:
                self._gone += 1
                continue
            except (Busy, NotMine):
                if self.connected and not one.closed:
                    self._returning.append((parcel, one))
                else:
                    one.close()
            except Exception:
                self.log.failure("a connection could not be adopted")
                one.close()
            self._adopted += 1
