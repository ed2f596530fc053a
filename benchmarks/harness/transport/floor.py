"""
What no service can be faster than: a plain Twisted server that answers every request with the
bytes that a real one answered once. It parses nothing but record sizes, decodes and encodes
nothing, calls nothing; only the identifier that a reply relates to is put into its place, without
which clients would not take it.

``floor.py FILE PORT SEGMENT...`` listens on 127.0.0.1, on ports with a ``TCP_MAXSEG`` each (0: it
is left alone); the file is what :func:`save` wrote. The last segment of the address that a client
asks for names the operation whose replies it gets.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol

from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import END, PREAMBLE_ACK, RecordType
from netshare.framing.sizes import decode_size
from netshare.transport.xml.binary.dictionary import STATIC_IDS

reactor: Any = _reactor

#: The start of ``a:MessageID`` up to its value, a UniqueId record of 16 bytes that ends it.
MESSAGE_ID = bytes((0x44, STATIC_IDS["MessageID"], 0xAD))
ID_SIZE = 16
#: All that is wanted of a large request is so near to its start.
NEAR = 1024


@dataclass(frozen=True)
class Reply:
    """One recorded reply, whole, as it goes over the wire."""

    #: Everything in front of the identifier, and everything behind it.
    head: bytes
    tail: bytes

    @classmethod
    def cut(cls, record: bytes, identifier: bytes) -> Reply:
        """
        :param record: the envelope record
        :param identifier: what it relates to
        :raises ValueError: it does not relate to that
        """
        at = record.index(identifier)
        return cls(record[:at], record[at + ID_SIZE :])

    def to_json(self) -> list[str]:
        """For the file."""
        return [base64.b64encode(part).decode() for part in (self.head, self.tail)]

    @classmethod
    def from_json(cls, parts: list[str]) -> Reply:
        """From the file."""
        return cls(*map(base64.b64decode, parts))


#: By operation: the reply to the first request of a session, and to any other.
Recording = Mapping[str, tuple[Reply, Reply]]


class Floor(Protocol):
    """
    Replays replies, session after session.

    :param recording: the replies
    """

    transport: Any

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._replies: list[Reply] = []
        self._data = b""
        #: How much of the request is to come, and its identifier.
        self._missing = 0
        self._identifier = b""

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        if self._missing:
            if len(data) < self._missing:
                self._missing -= len(data)
                return
            data = data[self._missing :]
            self._missing = 0
            self._answer()
        data = self._data + data
        while data:
            step = self._request if self._replies else self._preamble
            used = step(data)
            data = data[used:]
            if not used or self._missing:
                break
        self._data = data

    def _preamble(self, data: bytes) -> int:
        reading = read_preamble(data, Stage.ANSWER)
        if not isinstance(reading, Preamble):
            return 0
        self.transport.write(PREAMBLE_ACK)
        self._replies = list(reversed(self._recording[reading.via.rpartition("/")[2]]))
        return reading.end

    def _request(self, data: bytes) -> int:
        """:returns: how much of it was used; 0: it is not enough."""
        if data[0] == RecordType.END:
            self.transport.write(END)
            self._replies = []
            return 1
        size, start = decode_size(data, 1)
        if size < 0 or len(data) < start + min(size, NEAR):
            return 0
        at = data.index(MESSAGE_ID, start) + len(MESSAGE_ID)
        self._identifier = data[at : at + ID_SIZE]
        end = start + size
        if end > len(data):
            self._missing = end - len(data)
            return len(data)
        self._answer()
        return end

    def _answer(self) -> None:
        reply = self._replies[-1]
        if len(self._replies) > 1:
            self._replies.pop()
        self.transport.write(reply.head + self._identifier)
        self.transport.write(reply.tail)


def save(recording: Recording, path: Path) -> None:
    """Write the file."""
    content = {op: [reply.to_json() for reply in both] for op, both in recording.items()}
    path.write_text(json.dumps(content))


def load(path: Path) -> Recording:
    """Read the file."""
    content = json.loads(path.read_text())
    return {op: tuple(map(Reply.from_json, both)) for op, both in content.items()}  # type: ignore[misc]


def main(arguments: list[str]) -> None:
    """Listen, and say so."""
    recording = load(Path(arguments[0]))
    factory = Factory()
    factory.buildProtocol = lambda _: Floor(recording)  # type: ignore[method-assign]
    numbers = iter(map(int, arguments[1:]))
    for number, segment in zip(numbers, numbers, strict=True):
        port = reactor.listenTCP(number, factory, backlog=512, interface="127.0.0.1")
        if segment:
            port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    print("listening", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
