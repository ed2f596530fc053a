"""
A link whose questions are dealt with in turns, and no faster than their answers are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.protocols import amp

from netshare.control.boxes import BadBox
from netshare.control.protocol import ControlProtocol
from netshare.service.desk.budget import (
    BOX_TIMEOUT,
    MOST_ANSWERING,
    QUESTIONS_IN_ONE_GO,
    UNREAD_TIMEOUT,
    Allowance,
)
from netshare.service.desk.flow import Flow


class QuestionedLink(ControlProtocol):
    """
    What the service's end of a link has for that.

    While the other end does not read, or waits for many answers, what it has asked stays where it
    is: in its own socket, but for what was read already.
    """

    desk: Any  # a RegistrationDesk, which makes these
    registry: Any
    _allowance: Allowance
    _flow: Flow

    def __init__(self) -> None:
        super().__init__()
        #: What has been read and not dealt with yet.
        self._boxes: Iterator[amp.AmpBox] | None = None
        self._later: list[bytes] = []
        self._goOn: IDelayedCall | None = None
        self._boxHasBegun = False
        self._isCut = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self._flow = Flow(self.transport, self.congested)
        self.transport.registerProducer(self._flow, True)

    def cut(self, reason: str) -> None:
        """
        Close the link at once, log why, and count it.
        """
        if self._isCut:
            return
        self._isCut = True
        self.log.warn("the link of {worker} is cut: {reason}", worker=str(self), reason=reason)
        self.registry.ports.admission.linksCut += 1
        self._drop_undealt()
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._isCut:
            return
        self._later.append(data)
        if self._goOn is None:
            self._readOn()

    def congested(self, congested: bool) -> None:
        """The other end does not read, or reads again."""
        self._allowance.congested(congested)
        if congested:
            self.desk.unread.add(self, UNREAD_TIMEOUT)
        else:
            self.desk.unread.discard(self)
            self._goOnLater()

    def oneAnswered(self) -> None:
        if self.answering == MOST_ANSWERING - 1:  # there were too many
            self._goOnLater()

    def forget(self) -> None:
        """Leave the service's books."""
        self._allowance.leave()
        self.desk.unfinished.discard(self)
        self.desk.unread.discard(self)
        self._drop_undealt()

    def account(self) -> None:
        """See that what lies on the link is not too much, nor there for too long."""
        if self not in self.registry.links:
            return  # it is gone
        unfinished = self.reader.unfinished
        self._allowance.holds(len(self.unclaimed), unfinished)
        if not unfinished:
            self._boxHasBegun = False
            self.desk.unfinished.discard(self)
        elif not self._boxHasBegun:
            self._boxHasBegun = True
            self.desk.unfinished.add(self, BOX_TIMEOUT)

    def undealt(self) -> bytes:
        """
        What was read and not dealt with. It stays here, to be dealt with if nothing comes of this.
        """
        boxes: Iterable[amp.AmpBox] = self._boxes or ()
        unread = []
        with suppress(BadBox):  # found again by the one that reads on
            unread += [box.serialize() for box in boxes]
        self._boxes = None
        unread.append(self.reader.takeRest())
        self._later = [whole] if (whole := b"".join(unread + self._later)) else []
        return whole

    def _drop_undealt(self) -> None:
        if self._goOn is not None:
            self._goOn.cancel()
            self._goOn = None
        self._later.clear()
        self._boxes = None

    @property
    def _hasMore(self) -> bool:
        return self._boxes is not None or bool(self._later)

    @property
    def _waits(self) -> bool:
        """Whether answers have to be read, or given, before the next question is dealt with."""
        return self._flow.congested or self.answering >= MOST_ANSWERING

    def _readOn(self) -> None:
        """Deal with some boxes; the rest comes in the reactor's next turn, or when it may."""
        self._goOn = None
        # Each answer makes room for a connection: these leave together as well.
        with self.desk.turn:
            for _ in range(QUESTIONS_IN_ONE_GO):
                if self._waits or not self._hasMore:
                    break
                if self._boxes is None:
                    self._boxes = self.reader.feed(self._later.pop(0))
                self.readBoxes(self._someBoxes())
        if self._hasMore:
            self._flow.wait("busy")
            self._goOnLater()
        else:
            self._flow.go("busy")
        self.account()

    def _goOnLater(self) -> None:
        if self._goOn is None and self._hasMore and not self._waits:
            self._goOn = self.registry.reactor.callLater(0, self._readOn)

    def _someBoxes(self) -> Iterator[amp.AmpBox]:
        """Boxes up to the next question: answers cost nothing."""
        boxes = self._boxes
        assert boxes is not None
        for box in boxes:
            self._boxHasBegun = False  # a complete one: the time of the next one begins
            yield box
            if amp.COMMAND in box:
                return
        self._boxes = None
