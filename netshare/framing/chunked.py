"""
The one message of a Singleton session: an unsized envelope in chunks. [MC-NMF] 2.2.3.8, 2.2.4.2
"""

from __future__ import annotations

from enum import IntEnum

from netshare.framing.events import (
    CLOSED,
    ENDED,
    MESSAGE_BEGUN,
    MESSAGE_ENDED,
    Broken,
    Chunk,
    Event,
    Problem,
)
from netshare.framing.records import RecordType
from netshare.framing.sizes import NEED_MORE, decode_size
from netshare.framing.source import Source, cut_off, next_fault, unexpected

#: What begins the message; chunks follow, each with its size before it (``encode_size``).
MESSAGE_START = bytes((RecordType.UNSIZED_ENVELOPE,))

#: What ends the message: a chunk of no bytes.
MESSAGE_STOP = b"\x00"


class _At(IntEnum):
    START = 0
    SIZE = 1
    BODY = 2
    STOPPED = 3


class ChunkReader:
    """
    Reads what follows the ack of a Singleton preamble: one message and End.

    It keeps nothing: a message's bytes are handed on as they come, whatever its chunks' sizes.

    :param limit: the largest message to take, in bytes
    :param reply: read what a server sends: the message may be missing, a fault may stand in its
        place or behind it
    """

    __slots__ = ("_at", "_left", "_limit", "_reply", "_total")

    def __init__(self, limit: int, reply: bool) -> None:
        self._limit = limit
        self._reply = reply
        self._at = _At.START
        self._left = 0
        self._total = 0

    def next_event(self, source: Source) -> Event | None:
        """
        :returns: the next event, or None when there are not enough bytes for one
        """
        data, at = source.data, source.at
        if at == len(data):
            return self._at_end(source)
        if self._at is _At.BODY:
            end = min(at + self._left, len(data))
            self._left -= end - at
            source.at = end
            if not self._left:
                self._at = _At.SIZE
            return Chunk(data[at:end])
        if self._at is _At.SIZE:
            return self._size(source)
        return self._record(source, data[at])

    def _size(self, source: Source) -> Event | None:
        size, start = decode_size(source.data, source.at)
        if size == NEED_MORE:
            return cut_off("inside the size of a chunk") if source.eof else None
        if size < 0:
            return Broken(Problem.PROTOCOL, "the size of a chunk is beyond 0x7FFFFFFF")
        source.at = start
        if size == 0:
            self._at = _At.STOPPED
            return MESSAGE_ENDED
        self._total += size
        if self._total > self._limit:
            # WCF has no fault for this: it drops the connection.
            return Broken(
                Problem.QUOTA, f"the message has more bytes than the limit of {self._limit}"
            )
        self._left = size
        self._at = _At.BODY
        return self.next_event(source)

    def _record(self, source: Source, kind: int) -> Event | None:
        started = self._at is not _At.START
        if kind == RecordType.UNSIZED_ENVELOPE and not started:
            source.at += 1
            self._at = _At.SIZE
            return MESSAGE_BEGUN
        if kind == RecordType.END and (started or self._reply):
            source.at += 1
            return ENDED
        if kind == RecordType.FAULT and self._reply:
            return next_fault(source)
        return unexpected(kind, "an End record" if started else "an UnsizedEnvelope record")

    def _at_end(self, source: Source) -> Event | None:
        if not source.eof:
            return None
        if self._at is _At.STOPPED:
            return CLOSED
        return cut_off("before the message" if self._at is _At.START else "inside the message")
