"""
Where a session ends in what its client sends: for those who pass the bytes on unread.

A WCF client keeps its socket after both End records and sends the next preamble on it, for any
path of the same host and port. So a proxy that chose a server by the first preamble has to notice
the second. It needs to look at the client's direction alone, since a second preamble can only
follow the server's End, and there at the sizes of records alone.

Below an upgrade the records are encrypted, but those of the upgrade itself are not, and the next
preamble is clear text again. What a session of each kind consists of, in this direction:

- mode Duplex ([MC-NMF] 2.2.4.3): sized envelopes, then End
- mode Singleton (2.2.4.4): one envelope in chunks, the last of them empty, then End
- ``application/ssl-tls``: TLS records (RFC 8446, 5.1), of which none begins with a zero. TLS
  ends without close_notify
- ``application/negotiate``: handshake messages ([MS-NNS] 2.2.1), then messages with four bytes
  of size in front (2.2.3), or, with protection level None, the records of the mode in clear
- anything else: not known, so that no second preamble is ever recognized
"""

from __future__ import annotations

from enum import Enum

from netshare.framing.preamble import Preamble
from netshare.framing.records import NEGOTIATE_UPGRADE, SSL_TLS_UPGRADE, Mode, RecordType
from netshare.framing.sizes import NEED_MORE, decode_size

# RFC 8446, 5.1: change_cipher_spec, alert, handshake and application_data, and how long the
# payload may be at most (RFC 5246, 6.2.3, allows 2048 bytes over 2**14).
_TLS_TYPES = range(0x14, 0x18)
_TLS_HEADER = 5
_LONGEST_TLS = 2**14 + 2048

# [MS-NNS] 2.2.1: HandshakeDone, HandshakeError, HandshakeInProgress; version 1.0.
_HANDSHAKE_TYPES = (0x14, 0x15, 0x16)
_HANDSHAKE_VERSION = b"\x01\x00"
_HANDSHAKE_HEADER = 5

# [MS-NNS] 2.2.3: a message's size; larger ones are no messages: a preamble, read as a size, is
# 16 MB.
_MESSAGE_HEADER = 4
_LONGEST_MESSAGE = 0xFFFFFF
#: More bytes than ever come.
NO_END = 2**62

_PREAMBLE_SIGN = bytes((RecordType.VERSION, 1))


class Following(Enum):
    """What a :class:`ClientFollower` expects next."""

    RECORD = "a record of the session"
    CHUNK = "a chunk of a streamed envelope"
    END = "the End record behind a streamed envelope"
    TLS = "a TLS record"
    HANDSHAKE = "a handshake message, or what follows the handshake"
    MESSAGE = "a message of the negotiated protection"
    PREAMBLE = "the next preamble"
    ANYTHING = "bytes that are not understood"

    # There is one of each, and it is looked up for every record.
    __hash__ = object.__hash__


class Unfollowable(Exception):
    """
    The client has sent what cannot stand there. The message says what.
    """


class ClientFollower:
    """
    Follows one session, from behind its preamble to the next one.

    :param preamble: the session's, read to :attr:`Stage.ANSWER
        <netshare.framing.preamble.Stage.ANSWER>`
    :ivar state: what is expected next
    :ivar skipping: how many bytes that need no looking at come before it
    """

    __slots__ = ("_streamed", "skipping", "state")

    def __init__(self, preamble: Preamble) -> None:
        self.skipping = 0
        self._streamed = preamble.mode is Mode.SINGLETON
        if preamble.mode is Mode.SINGLETON_SIZED:
            self.state = Following.ANYTHING
        else:
            self.state = _BEHIND.get(preamble.upgrade, Following.ANYTHING)

    @property
    def ended(self) -> bool:
        """Whether the session is over: what comes next, if anything, is a preamble."""
        return self.state is Following.PREAMBLE

    @property
    def unseen(self) -> int:
        """How many of the bytes that come next need no looking at."""
        return NO_END if self.state is Following.ANYTHING else self.skipping

    def passed(self, count: int) -> None:
        """So many of them have been passed on."""
        if self.state is not Following.ANYTHING:
            self.skipping -= count

    def follow(self, data: bytes | bytearray) -> int:
        """
        Go on.

        :param data: what was not passed before, and what came since
        :returns: how many of these bytes belong to the session. The others begin the next preamble
            if it :attr:`ended`; if not, they are a few that say nothing without those that follow
        :raises Unfollowable: they cannot be understood
        """
        at, have = 0, len(data)
        while at < have:
            if self.skipping:
                step = min(self.skipping, have - at)
                self.skipping -= step
                at += step
                continue
            behind = _STEPS[self.state](self, data, at)
            if behind == at:
                break
            at = behind
        return at

    # Each takes the data and an offset that lies inside, and returns the offset behind what it has
    # understood, or the same one.

    def _record(self, data: bytes | bytearray, at: int) -> int:
        kind = data[at]
        if kind == RecordType.END:
            self.state = Following.PREAMBLE
            return at + 1
        if kind == RecordType.SIZED_ENVELOPE and not self._streamed:
            return self._sized(data, at, at + 1)
        if kind == RecordType.UNSIZED_ENVELOPE and self._streamed:
            self.state = Following.CHUNK
            return at + 1
        raise Unfollowable(f"byte {kind:#04x} stands where a record of the session has to begin")

    def _chunk(self, data: bytes | bytearray, at: int) -> int:
        behind = self._sized(data, at, at)
        if behind != at and not self.skipping:
            self.state = Following.END
        return behind

    def _sized(self, data: bytes | bytearray, begin: int, at: int) -> int:
        size, behind = decode_size(data, at)
        if size == NEED_MORE:
            return begin
        if size < 0:
            raise Unfollowable("the size of a record is beyond 0x7FFFFFFF")
        self.skipping = size
        return behind

    def _end(self, data: bytes | bytearray, at: int) -> int:
        if data[at] != RecordType.END:
            raise Unfollowable(f"byte {data[at]:#04x} stands where an End record has to")
        self.state = Following.PREAMBLE
        return at + 1

    def _tls(self, data: bytes | bytearray, at: int) -> int:
        if data[at] == RecordType.VERSION:
            self.state = Following.PREAMBLE
            return at
        if data[at] not in _TLS_TYPES:
            raise Unfollowable(f"byte {data[at]:#04x} stands where a TLS record has to begin")
        if at + _TLS_HEADER > len(data):
            return at
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at + 1] != 3 or size > _LONGEST_TLS:
            raise Unfollowable("a TLS record of another version, or too long a one")
        self.skipping = size
        return at + _TLS_HEADER

    def _handshake(self, data: bytes | bytearray, at: int) -> int:
        kind = data[at]
        if kind == RecordType.PREAMBLE_END:
            # Nothing is signed or sealed. (A sealed PreambleEnd has more than twelve bytes, and
            # less than 256.)
            self.state = Following.RECORD
            return at + 1
        if at + _HANDSHAKE_HEADER > len(data):
            return at
        if kind in _HANDSHAKE_TYPES and data[at + 1 : at + 3] == _HANDSHAKE_VERSION:
            self.skipping = int.from_bytes(data[at + 3 : at + 5], "big")
            return at + _HANDSHAKE_HEADER
        self.state = Following.MESSAGE
        return self._message(data, at)

    def _message(self, data: bytes | bytearray, at: int) -> int:
        if at + _MESSAGE_HEADER > len(data):
            return at
        header = bytes(data[at : at + _MESSAGE_HEADER])
        size = int.from_bytes(header, "little")
        if size > _LONGEST_MESSAGE:
            if not header.startswith(_PREAMBLE_SIGN):
                raise Unfollowable(f"a protected message of {size} bytes")
            self.state = Following.PREAMBLE
            return at
        self.skipping = size
        return at + _MESSAGE_HEADER

    def _nothing(self, data: bytes | bytearray, at: int) -> int:
        return at

    def _anything(self, data: bytes | bytearray, at: int) -> int:
        return len(data)


_STEPS = {
    Following.RECORD: ClientFollower._record,
    Following.CHUNK: ClientFollower._chunk,
    Following.END: ClientFollower._end,
    Following.TLS: ClientFollower._tls,
    Following.HANDSHAKE: ClientFollower._handshake,
    Following.MESSAGE: ClientFollower._message,
    Following.PREAMBLE: ClientFollower._nothing,
    Following.ANYTHING: ClientFollower._anything,
}

_BEHIND = {
    None: Following.RECORD,
    SSL_TLS_UPGRADE: Following.TLS,
    NEGOTIATE_UPGRADE: Following.HANDSHAKE,
}
