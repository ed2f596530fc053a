"""
The messages of a Duplex session: sized envelopes. [MC-NMF] 2.2.3.9, 2.2.4.3
"""

from __future__ import annotations

from netshare.framing.events import CLOSED, ENDED, Broken, Envelope, Event, Problem
from netshare.framing.faults import Fault
from netshare.framing.records import RecordType
from netshare.framing.sizes import NEED_MORE, decode_size, encode_size
from netshare.framing.source import Source, cut_off, next_fault, unexpected

# Plain numbers: this is asked for every message, and an enum's member costs two look-ups.
_SIZED_ENVELOPE = int(RecordType.SIZED_ENVELOPE)
_END = int(RecordType.END)
_FAULT = int(RecordType.FAULT)

_SIZED_ENVELOPE_BYTE = bytes((_SIZED_ENVELOPE,))

#: Reads shorter than this are put together as they come, since each costs some sixty bytes more
#: than it has ...
_SHORT = 4096
#: ... in pieces that get about so long, so that no byte is copied often.
_GATHERED = 65536


def envelope_header(size: int) -> bytes:
    """
    What stands before a message, so that a large one need not be copied to be sent.

    :raises ValueError: the size is beyond what framing can say
    """
    return _SIZED_ENVELOPE_BYTE + encode_size(size)


class SizedReader:
    """
    Reads the records that follow the ack of a Duplex preamble.

    :param limit: the largest message to take, in bytes; a larger one is answered as soon as its
        size is known
    :param faults: whether the far end may send a fault, as only a server may
    """

    __slots__ = ("_complete", "_faults", "_gathered", "_limit", "_missing", "_pieces")

    def __init__(self, limit: int, faults: bool) -> None:
        self._limit = limit
        self._faults = faults
        #: Of a message that came in several reads: joined once, when it is complete.
        self._pieces: list[bytes] = []
        #: Short reads, which come behind these.
        self._gathered = bytearray()
        self._missing = 0
        self._complete = False

    def next_event(self, source: Source) -> Event | None:
        """
        :returns: the next event, or None when there are not enough bytes for one
        """
        if self._missing:
            return self._continue(source)
        data, at = source.data, source.at
        if at == len(data):
            return self._at_end(source)
        kind = data[at]
        if kind == _SIZED_ENVELOPE:
            size, start = decode_size(data, at + 1)
            if size > self._limit:
                return Broken(
                    Problem.QUOTA,
                    f"a message has {size} bytes, the limit is {self._limit}",
                    Fault.MAX_MESSAGE_SIZE_EXCEEDED,
                )
            if size >= 0:
                end = start + size
                if end <= len(data):
                    source.at = end
                    self._complete = True
                    return Envelope(data[start:end])
                self._missing = size
                source.at = start
                self._collect(source)
                return self._at_end(source)
            if size == NEED_MORE:
                return cut_off("inside the size of a message") if source.eof else None
            return Broken(Problem.PROTOCOL, "the size of a message is beyond 0x7FFFFFFF")
        if kind == _END:
            source.at = at + 1
            return ENDED
        if kind == _FAULT and self._faults:
            return next_fault(source)
        return unexpected(kind, "a SizedEnvelope or an End record")

    def _continue(self, source: Source) -> Event | None:
        self._collect(source)
        if self._missing:
            return self._at_end(source)
        self._join()
        payload = b"".join(self._pieces)
        self._pieces.clear()
        self._complete = True
        return Envelope(payload)

    def _collect(self, source: Source) -> None:
        """Take what there is of the message."""
        data, at = source.data, source.at
        end = min(at + self._missing, len(data))
        if end == at:
            return
        source.at = end
        self._missing -= end - at
        if end - at >= _SHORT:
            self._join()
            self._pieces.append(data[at:end])  # mostly the whole read, which is not copied
            return
        self._gathered += memoryview(data)[at:end]
        if len(self._gathered) >= _GATHERED:
            self._join()

    def _join(self) -> None:
        """Put what was gathered behind the other pieces."""
        if self._gathered:
            self._pieces.append(bytes(self._gathered))
            self._gathered = bytearray()

    def _at_end(self, source: Source) -> Event | None:
        if not source.eof:
            return None
        if self._missing:
            return cut_off(f"{self._missing} bytes before the end of a message")
        # WCF's own rule: without an End record, only right behind a message.
        return CLOSED if self._complete else cut_off("before the first message")
