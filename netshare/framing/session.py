"""
One framing session, from its preamble to both End records, without I/O: the server's side and
the client's.

Bytes go in by ``feed``, what they mean comes out of ``next_event``, one event at a time, until
it answers None. After an event that asks for a decision (:class:`~.events.UpgradeAsked`,
:class:`~.events.PreambleEnded`, :class:`~.events.UpgradeAccepted`) nothing more comes out until
the decision is made; what must be written is returned by the method that makes it. Input never
makes these classes raise: what is wrong with it is the event :class:`~.events.Broken`.

A socket can carry one session after the other. Each is an object of its own; what the last one
has not used (``take_rest``) belongs to the next.

The eleven phases, as one picture: events are in brackets, calls of the session's owner end in
``()``::

    server   VIA --[ViaRead]--> PREAMBLE --[PreambleRead]--> ACK_ASKED --acknowledge()--> OPEN
                                   |                             ^
                           [UpgradeAsked]                        | PreambleEnd
                                   v                             |
                             UPGRADE_ASKED --accept_upgrade()--> UPGRADE_OR_END
                                   ^                             |
                                   '------- [UpgradeAsked] ------'

    client   UPGRADE_ANSWER --[UpgradeAccepted]--> UPGRADING
                                                       | end_preamble()
                                                       v
                                                      ACK --[Acknowledged]--> OPEN
             (it begins with UPGRADE_ANSWER if it asks for an upgrade, else with ACK)

    both     OPEN --[Ended] or [Closed]--> HALF      our own side may go on until end()
             any  --[Broken] or [FaultReceived]--> OVER
             VIA, PREAMBLE --surrender()--> OVER     another server gets the bytes
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from netshare.framing.chunked import ChunkReader
from netshare.framing.events import (
    CLOSED,
    Acknowledged,
    Broken,
    Closed,
    Ended,
    Event,
    FaultReceived,
    PreambleEnded,
    PreambleRead,
    Problem,
    UpgradeAccepted,
    UpgradeAsked,
    ViaRead,
)
from netshare.framing.preamble import (
    KNOWN_PREAMBLES,
    NEED_MORE,
    Malformed,
    Preamble,
    Reading,
    Stage,
    foreign_protocol,
    read_preamble,
    read_upgrade_or_end,
)
from netshare.framing.records import (
    BINARY_SESSION,
    END,
    PREAMBLE_ACK,
    PREAMBLE_END,
    UPGRADE_RESPONSE,
    Mode,
    RecordType,
    preamble,
)
from netshare.framing.sized import SizedReader
from netshare.framing.source import Source, cut_off, next_fault, unexpected

#: MaxReceivedMessageSize as WCF has it, in bytes.
MAX_RECEIVED_MESSAGE_SIZE = 65536


class _Phase(Enum):
    VIA = "waiting for a via"
    PREAMBLE = "waiting for the rest of the preamble"
    UPGRADE_OR_END = "waiting for another upgrade request or PreambleEnd"
    UPGRADE_ASKED = "an upgrade is to be decided"
    ACK_ASKED = "the ack is to be decided"
    UPGRADE_ANSWER = "waiting for the upgrade response"
    UPGRADING = "the upgrade is under way"
    ACK = "waiting for the ack"
    OPEN = "messages"
    HALF = "the far end has ended"
    OVER = "over"


class _Session:
    """What both sides have in common."""

    def __init__(self, phase: _Phase) -> None:
        self._source = Source()
        self._phase = phase
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Bytes have come."""
        self._source.feed(data)

    def feed_eof(self) -> None:
        """The far end will send no more."""
        self._source.eof = True

    def take_rest(self) -> bytes:
        """
        Take out what was fed and is not used: behind both End records, bytes of the next session;
        in an upgrade, bytes that belong under the upgraded stream.
        """
        return self._source.take()

    @property
    def buffered(self) -> int:
        """How many bytes were fed and are not used."""
        return len(self._source)

    @property
    def opened(self) -> bool:
        """Whether the preamble was acknowledged."""
        return self._phase in (_Phase.OPEN, _Phase.HALF)

    @property
    def finished(self) -> bool:
        """Whether both sides have sent End."""
        return self._ended and self._phase is _Phase.HALF

    @property
    def at_eof(self) -> bool:
        """Whether the far end has closed."""
        return self._source.eof

    def end(self) -> bytes:
        """
        End our direction.

        :returns: the End record
        :raises RuntimeError: the session is not open, or we ended it before
        """
        self._expect_phase(_Phase.OPEN, _Phase.HALF)
        if self._ended:
            raise RuntimeError("this side has ended the session already")
        self._ended = True
        return END

    def _messages(self, read: Callable[[Source], Event | None]) -> Event | None:
        event = read(self._source)
        if isinstance(event, (Ended, Closed)):  # we may still answer, and end
            self._phase = _Phase.HALF
        elif isinstance(event, (Broken, FaultReceived)):
            self._phase = _Phase.OVER
        return event

    def _broken(self, broken: Broken) -> Broken:
        self._phase = _Phase.OVER
        return broken

    def _expect_phase(self, *phases: _Phase) -> None:
        if self._phase not in phases:
            raise RuntimeError(f"not now: {self._phase.value}")


class ServerSession(_Session):
    """
    The accepting side: [MC-NMF] 3.2.

    Events, in this order: ViaRead, PreambleRead, any number of UpgradeAsked, PreambleEnded, then
    messages and Ended; Broken or Closed at any time.
    """

    def __init__(self) -> None:
        super().__init__(_Phase.VIA)
        self._mode = Mode.DUPLEX
        self._reader: SizedReader | ChunkReader | None = None
        self._next: UpgradeAsked | PreambleEnded | None = None
        #: The preamble, if it was there as a whole when it was read first.
        self._whole: Reading = NEED_MORE

    @property
    def idle(self) -> bool:
        """Whether not a single byte of the preamble has come."""
        return self._phase is _Phase.VIA and not len(self._source)

    def next_event(self) -> Event | None:
        """
        :returns: what has happened next, or None: more bytes or a decision are needed
        """
        if self._phase is _Phase.OPEN:
            assert self._reader is not None
            return self._messages(self._reader.next_event)
        if self._next is not None:
            asked, self._next = self._next, None
            return asked
        if self._phase is _Phase.VIA:
            return self._via()
        if self._phase is _Phase.PREAMBLE:
            return self._rest()
        if self._phase is _Phase.UPGRADE_OR_END:
            return self._upgrade_or_end()
        return None

    def acknowledge(self, limit: int = MAX_RECEIVED_MESSAGE_SIZE) -> bytes:
        """
        Answer :class:`~.events.PreambleEnded` with yes.

        :param limit: the largest message to take from this client, in bytes
        :returns: the PreambleAck record
        :raises RuntimeError: no ack is waited for
        """
        self._expect_phase(_Phase.ACK_ASKED)
        self._phase = _Phase.OPEN
        if self._mode is Mode.DUPLEX:
            self._reader = SizedReader(limit, faults=False)
        else:
            self._reader = ChunkReader(limit, reply=False)
        return PREAMBLE_ACK

    def accept_upgrade(self) -> bytes:
        """
        Answer :class:`~.events.UpgradeAsked` with yes. What is fed from now on comes out of the
        upgraded stream; bytes that came already are to be taken by :meth:`take_rest` and put
        under it.

        :returns: the UpgradeResponse record
        :raises RuntimeError: no upgrade was asked for
        """
        self._expect_phase(_Phase.UPGRADE_ASKED)
        self._phase = _Phase.UPGRADE_OR_END
        return UPGRADE_RESPONSE

    def surrender(self) -> bytes:
        """
        After :class:`~.events.ViaRead`: give the whole session up, to another server.

        :returns: every byte from the preamble's first on
        :raises RuntimeError: parts of it are used already
        """
        self._expect_phase(_Phase.VIA, _Phase.PREAMBLE)
        self._phase = _Phase.OVER
        return self._source.take()

    def _via(self) -> Event | None:
        data = self._source.data
        if not data and not self._source.eof:
            return None
        # Nearly always it is there as a whole; if not, or if the rest is bad, the via comes first.
        reading = self._whole = KNOWN_PREAMBLES[data]
        if not isinstance(reading, Preamble):
            reading = read_preamble(data, Stage.VIA)
        if reading is NEED_MORE:
            if not self._source.eof:
                return None
            if data:
                return self._broken(cut_off("inside the preamble"))
            self._phase = _Phase.OVER
            return CLOSED
        if isinstance(reading, Malformed):
            return self._malformed(reading)
        if reading.mode not in (Mode.DUPLEX, Mode.SINGLETON):
            # WCF's TCP listener knows the other two, and drops the connection without a fault.
            return self._broken(
                Broken(Problem.PROTOCOL, f"mode {reading.mode.name} is not for TCP")
            )
        self._mode = reading.mode
        self._phase = _Phase.PREAMBLE
        return ViaRead(reading.via, reading.mode)

    def _rest(self) -> Event | None:
        reading = self._whole
        if not isinstance(reading, Preamble):
            reading = read_preamble(self._source.data, Stage.ANSWER)
        if reading is NEED_MORE:
            return self._broken(cut_off("inside the preamble")) if self._source.eof else None
        if isinstance(reading, Malformed):
            return self._malformed(reading)
        self._source.at = reading.end
        self._ask(reading.upgrade)
        assert reading.content_type is not None
        return PreambleRead(reading.via, reading.mode, reading.content_type)

    def _upgrade_or_end(self) -> Event | None:
        reading = read_upgrade_or_end(self._source.data, self._source.at)
        if reading is NEED_MORE:
            return self._broken(cut_off("inside the preamble")) if self._source.eof else None
        if isinstance(reading, Malformed):
            return self._malformed(reading)
        upgrade, self._source.at = reading
        self._ask(upgrade)
        asked, self._next = self._next, None
        return asked

    def _ask(self, upgrade: str | None) -> None:
        if upgrade is None:
            self._phase = _Phase.ACK_ASKED
            self._next = PreambleEnded()
        else:
            self._phase = _Phase.UPGRADE_ASKED
            self._next = UpgradeAsked(upgrade)

    def _malformed(self, what: Malformed) -> Broken:
        reason = what.reason
        if what.offset == 0:
            foreign = foreign_protocol(self._source.data)
            if foreign is not None:
                reason += f"; it looks like {foreign}"
        return self._broken(Broken(Problem.PROTOCOL, reason, what.fault))


class ClientSession(_Session):
    """
    The initiating side: [MC-NMF] 3.3.

    Events, in this order: UpgradeAccepted if one was asked for, Acknowledged, then messages and
    Ended; FaultReceived, Broken or Closed at any time.

    :param via: the address, escaped as ``Uri.AbsoluteUri`` is; at most 2048 bytes
    :param mode: DUPLEX or SINGLETON
    :param content_type: of the messages
    :param upgrade: the name of the upgrade to ask for
    :param limit: the largest message to take from this server, in bytes
    :raises ValueError: the via is too long
    """

    def __init__(
        self,
        via: str,
        mode: Mode = Mode.DUPLEX,
        content_type: str = BINARY_SESSION,
        upgrade: str | None = None,
        limit: int = MAX_RECEIVED_MESSAGE_SIZE,
    ) -> None:
        super().__init__(_Phase.ACK if upgrade is None else _Phase.UPGRADE_ANSWER)
        #: What to write first.
        self.opening = preamble(via, mode, content_type, upgrade)
        self._reader: SizedReader | ChunkReader
        if mode is Mode.DUPLEX:
            self._reader = SizedReader(limit, faults=True)
        elif mode is Mode.SINGLETON:
            self._reader = ChunkReader(limit, reply=True)
        else:
            raise ValueError(f"mode {mode.name} is not for TCP")

    @property
    def reusable(self) -> bool:
        """Whether the socket may carry another session now."""
        return self.finished and not len(self._source) and not self._source.eof

    def next_event(self) -> Event | None:
        """
        :returns: what has happened next, or None: more bytes or a decision are needed
        """
        if self._phase is _Phase.OPEN:
            return self._messages(self._reader.next_event)
        if self._phase in (_Phase.ACK, _Phase.UPGRADE_ANSWER):
            return self._answer()
        if self._phase is _Phase.HALF and len(self._source):
            return self._broken(unexpected(self._source.data[self._source.at], "nothing more"))
        return None

    def end_preamble(self) -> bytes:
        """
        After :class:`~.events.UpgradeAccepted`, once the upgraded stream is there: what to write
        into it. What is fed from now on comes out of it.

        :returns: the PreambleEnd record
        :raises RuntimeError: no upgrade was accepted
        """
        self._expect_phase(_Phase.UPGRADING)
        self._phase = _Phase.ACK
        return PREAMBLE_END

    def _answer(self) -> Event | None:
        upgrade = self._phase is _Phase.UPGRADE_ANSWER
        awaited = "the upgrade response" if upgrade else "the ack"
        source = self._source
        if not len(source):
            return self._broken(cut_off(f"before {awaited}")) if source.eof else None
        kind = source.data[source.at]
        if kind == RecordType.FAULT:
            fault = next_fault(source)
            if fault is not None:
                self._phase = _Phase.OVER
            return fault
        if kind == (RecordType.UPGRADE_RESPONSE if upgrade else RecordType.PREAMBLE_ACK):
            source.at += 1
            self._phase = _Phase.UPGRADING if upgrade else _Phase.OPEN
            return UpgradeAccepted() if upgrade else Acknowledged()
        if kind in b"hH":
            return self._broken(Broken(Problem.HTTP, "the answer to the preamble looks like HTTP"))
        return self._broken(unexpected(kind, awaited))
