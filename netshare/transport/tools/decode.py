"""
What was on the wire, taken apart: for tools that show conversations to people.

A capture is the bytes of one direction of a connection, or of both. Each direction is read by the
rules of the framing ([MC-NMF] 3), with the readers that the channels use; what they refuse ends
the list of that direction with a :attr:`Record.problem`. What an envelope contains needs the
content type, which only the client says; a server's direction alone is read by its looks.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netshare.framing.chunked import ChunkReader
from netshare.framing.events import Broken, Chunk, Ended, Envelope, FaultReceived, MessageEnded
from netshare.framing.preamble import (
    NEED_MORE,
    Malformed,
    Stage,
    foreign_protocol,
    read_preamble,
    read_upgrade_or_end,
)
from netshare.framing.records import KNOWN_ENCODINGS, SSL_TLS_UPGRADE, Mode, RecordType
from netshare.framing.sized import SizedReader
from netshare.framing.sizes import MAX_SIZE, decode_size
from netshare.framing.source import Source, cut_off, next_fault, unexpected
from netshare.transport.channels.errors import error_for_fault
from netshare.transport.tools.capture import Piece, Record, Side
from netshare.transport.tools.payload import Content, PayloadReader
from netshare.transport.xml.binary import MAX_SESSION_SIZE

__all__ = ["Direction", "decode"]

#: Record types as the specification calls them.
_NAMES: Final = {
    kind: "".join(word.capitalize() for word in kind.name.split("_")) for kind in RecordType
}
#: The first bytes of what an upgrade sends: a TLS handshake, a handshake of [MS-NNS].
_SECURED: Final = (0x14, 0x15, 0x16)
_TLS_RECORDS: Final = range(0x14, 0x18)


@dataclass(slots=True)
class SessionState:
    """What the client has said of a session."""

    via: str = "this address"
    mode: Mode | None = None
    content_type: str | None = None


def decode(pieces: Sequence[Piece], max_session_size: int = MAX_SESSION_SIZE) -> list[Record]:
    """
    Take a connection apart.

    :param pieces: what was written, in this order; two pieces, one of each side, have no order
        between them, and their records then stand session by session
    :param max_session_size: bytes that the string tables of a direction may have
    :returns: every record. Nothing is raised for any input: look for :attr:`Record.problem`.
    """
    sessions: list[SessionState] = []
    found: list[Record] = []
    for side in Side:  # the client first: it says what the server's records contain
        data = b"".join(piece.data for piece in pieces if piece.side is side)
        direction = Direction(side, data, sessions, max_session_size)
        direction.read()
        found += direction.records
    if [piece.side for piece in pieces] in ([Side.CLIENT, Side.SERVER], [Side.SERVER, Side.CLIENT]):
        return sorted(found, key=lambda record: record.session)
    ends = {side: _Ends(pieces, side) for side in Side}
    return sorted(found, key=lambda record: ends[record.side].piece(record))


class _Ends:
    """Finds the piece with which a record was complete."""

    def __init__(self, pieces: Iterable[Piece], side: Side) -> None:
        self._indices: list[int] = []
        self._ends: list[int] = []
        end = 0
        for index, piece in enumerate(pieces):
            if piece.side is side:
                end += len(piece.data)
                self._indices.append(index)
                self._ends.append(end)

    def piece(self, record: Record) -> int:
        """:returns: its index."""
        at = bisect.bisect_left(self._ends, record.offset + max(record.size, 1))
        return self._indices[min(at, len(self._indices) - 1)]


class Direction:
    """
    One direction of a connection.

    :param side: who wrote it
    :param data: all of it
    :param sessions: what the client said of each session; a client's direction adds to it
    :param max_session_size: as of :func:`decode`
    """

    def __init__(
        self, side: Side, data: bytes, sessions: list[SessionState], max_session_size: int
    ) -> None:
        self.records: list[Record] = []
        self._side = side
        self._sessions = sessions
        self._max_session_size = max_session_size
        self._number = 0
        self._session = SessionState()
        self._over = False
        self._payloads = PayloadReader()
        self._source = Source()
        self._source.feed(data)
        self._source.eof = True

    def read(self) -> None:
        """Fill :attr:`records`."""
        while not self._done:
            self._number += 1
            if self._side is Side.CLIENT:
                self._session = SessionState()
                self._sessions.append(self._session)
                self._preamble()
            else:
                known = self._number <= len(self._sessions)
                self._session = self._sessions[self._number - 1] if known else SessionState()
                self._answer()

    @property
    def _done(self) -> bool:
        return self._over or not len(self._source)

    # ---- what ends a direction, and what adds to it

    def _add(
        self,
        offset: int,
        name: str | RecordType,
        text: str = "",
        content: Content | None = None,
        problem: str = "",
    ) -> None:
        size = self._source.at - offset
        shown = _NAMES[name] if isinstance(name, RecordType) else name
        self.records.append(
            Record(self._side, self._number, offset, size, shown, text, content, problem)
        )

    def _add_envelope(
        self, offset: int, name: str | RecordType, payload: bytes, text: str = ""
    ) -> None:
        content = self._payloads.read(payload)
        self._add(offset, name, text, content, content.problem)

    def _stop(self, offset: int, problem: str) -> None:
        """Nothing after this can be understood."""
        self._over = True
        left = len(self._source.data) - offset
        self._source.at = offset + left
        self._add(offset, "Malformed", problem=problem)

    # ---- the client's preamble

    def _preamble(self) -> None:
        data, begin = self._source.data, self._source.at
        # More than any preamble may have: texts that are too long are refused by their sizes.
        reading = read_preamble(data[begin : begin + 4096], Stage.ANSWER)
        if reading is NEED_MORE:
            self._stop(self._texts(begin, len(data)), "the input ends inside the preamble")
        elif isinstance(reading, Malformed):
            at = self._texts(begin, begin + reading.offset)
            foreign = foreign_protocol(data[begin : begin + 32]) if reading.offset == 0 else None
            looks = f"; it looks like {foreign}" if foreign else ""
            answer = f" (answered with {reading.fault.value})" if reading.fault else ""
            self._stop(at, f"{reading.reason}{looks}{answer}")
        else:
            at = self._texts(begin, begin + reading.end)
            if reading.mode is not Mode.SINGLETON_SIZED:
                self._upgraded(reading.upgrade)
            elif len(self._source):  # one message, without framing, to the end
                self._payloads = PayloadReader(reading.content_type, True)
                self._source.at = len(data)
                self._add_envelope(at, "Message", data[at:])

    def _texts(self, at: int, end: int) -> int:
        """
        List the records of a preamble that have been checked, or may be cut off.

        :returns: where the first begins that is not there completely
        """
        data, session = self._source.data, self._session
        while at < end:
            kind = data[at]
            if kind in (RecordType.VERSION, RecordType.MODE, RecordType.KNOWN_ENCODING):
                behind = at + (3 if kind == RecordType.VERSION else 2)
                start = at + 1
            elif kind == RecordType.PREAMBLE_END:
                start = behind = at + 1
            else:
                size, start = decode_size(data, at + 1)
                behind = start + size if size >= 0 else end + 1
            if behind > end:
                return at
            self._source.at = behind
            text = data[start:behind].decode("utf-8", "replace")
            if kind == RecordType.VERSION:
                text = f"{data[start]}.{data[start + 1]}"
            elif kind == RecordType.MODE:
                session.mode = Mode(data[start])
                text = "".join(map(str.capitalize, session.mode.name.split("_")))
            elif kind == RecordType.VIA:
                session.via = text
            elif kind == RecordType.KNOWN_ENCODING:
                text = KNOWN_ENCODINGS.get(data[start], f"unknown{data[start]}")
            if kind in (RecordType.KNOWN_ENCODING, RecordType.EXTENSIBLE_ENCODING):
                session.content_type = text
            self._add(at, RecordType(kind), text)
            at = behind
        return at

    def _upgraded(self, upgrade: str | None) -> None:
        """Go on behind PreambleEnd, or behind a request for an upgrade."""
        source = self._source
        while upgrade is not None:
            if self._secured(upgrade):
                return
            if not len(source):
                return
            reading = read_upgrade_or_end(source.data, source.at)
            if reading is NEED_MORE:
                self._stop(source.at, "the input ends inside the preamble")
                return
            if isinstance(reading, Malformed):
                self._stop(source.at, reading.reason)
                return
            self._texts(source.at, reading[1])
            upgrade = reading[0]
        self._messages()

    # ---- the server's answer

    def _answer(self) -> None:
        source = self._source
        while not self._done:
            offset = source.at
            kind = source.data[offset]
            if kind == RecordType.FAULT:
                self._fault(offset)
                return
            if kind not in (RecordType.PREAMBLE_ACK, RecordType.UPGRADE_RESPONSE):
                foreign = foreign_protocol(source.data[offset : offset + 32])
                looks = (
                    "; it looks like HTTP" if source.data[offset : offset + 5] == b"HTTP/" else ""
                )
                looks = f"; it looks like {foreign}" if foreign else looks
                self._stop(offset, unexpected(kind, "a PreambleAck").reason + looks)
                return
            source.at += 1
            self._add(offset, RecordType(kind))
            if kind == RecordType.PREAMBLE_ACK:
                self._messages()
                return
            if self._secured(None):
                return

    def _fault(self, offset: int) -> None:
        event = next_fault(self._source)
        if isinstance(event, FaultReceived):
            self._told_fault(offset, event)
        else:
            self._stop(offset, "the input ends inside a fault" if event is None else event.reason)

    def _told_fault(self, offset: int, event: FaultReceived) -> None:
        via = self._session.via
        meaning = str(error_for_fault(event.uri, via)).removeprefix(f"{via}: ")
        self._add(offset, RecordType.FAULT, f"{event.uri}: {meaning}")
        if len(self._source):
            self._stop(self._source.at, "something follows a fault, which ends the connection")

    # ---- what an upgrade hides

    def _secured(self, upgrade: str | None) -> bool:
        """
        Show what is encrypted, if it is: what stands behind the upgrade may also have been
        captured within it.

        :param upgrade: its name; None: by its looks
        :returns: whether it was
        """
        source = self._source
        if not len(source) or source.data[source.at] not in _SECURED:
            return False
        offset = source.at
        tls = upgrade == SSL_TLS_UPGRADE or source.data[offset + 1 : offset + 2] == b"\x03"
        if not tls:
            source.at = len(source.data)
            self._add(offset, "Encrypted", "the handshake of the upgrade, then encrypted data")
            return True
        count = 0
        data = source.data
        # A TLS stream has an end, behind which the connection may carry another session.
        while source.at + 5 <= len(data) and data[source.at] in _TLS_RECORDS:
            source.at += 5 + int.from_bytes(data[source.at + 3 : source.at + 5], "big")
            count += 1
        if source.at > len(data) or (len(data) - source.at and data[source.at] in _TLS_RECORDS):
            self._stop(offset, "the input ends inside a record of TLS")
        else:
            self._add(offset, "TLS", f"encrypted, {count} records of TLS")
        return True

    # ---- messages

    def _messages(self) -> None:
        source = self._source
        if not len(source):
            return
        server = self._side is Side.SERVER
        singleton = self._session.mode is Mode.SINGLETON
        if self._session.mode is None:
            singleton = source.data[source.at] == RecordType.UNSIZED_ENVELOPE
        content_type = self._session.content_type
        self._payloads = PayloadReader(content_type, singleton, self._max_session_size)
        if singleton:
            self._chunks(ChunkReader(MAX_SIZE, reply=server))
            return
        reader = SizedReader(MAX_SIZE, faults=server)
        while len(source):
            offset = source.at
            event = reader.next_event(source)
            if isinstance(event, Envelope):
                self._add_envelope(offset, RecordType.SIZED_ENVELOPE, event.payload)
            elif self._last(offset, event):
                return

    def _chunks(self, reader: ChunkReader) -> None:
        source = self._source
        begun = source.at
        chunks: list[bytes] = []
        inside = False
        while len(source):
            offset = source.at
            event = reader.next_event(source)
            if isinstance(event, Chunk):
                chunks.append(event.data)
            elif isinstance(event, MessageEnded):
                inside = False
                text = f"{len(chunks)} chunks" if len(chunks) != 1 else "1 chunk"
                self._add_envelope(begun, RecordType.UNSIZED_ENVELOPE, b"".join(chunks), text)
            elif self._last(begun if inside else offset, event):
                return
            else:
                begun, inside = offset, True
        if inside:
            self._stop(begun, cut_off("inside the message").reason)

    def _last(self, offset: int, event: object) -> bool:
        """:returns: whether an event is the session's last."""
        if isinstance(event, Ended):
            self._add(offset, RecordType.END)
        elif isinstance(event, FaultReceived):
            self._told_fault(offset, event)
        elif isinstance(event, Broken):
            self._stop(offset, event.reason)
        else:
            return False
        return True
