"""
The framing of ``application/negotiate``, without I/O: [MS-NNS] 2.2.

A handshake is frames of five bytes and a token, in both directions; after it every write is a
length and a token that the security context made. Input never makes these classes raise anything
but :class:`FrameInvalid`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

#: How much a handshake frame can carry. ([MS-NNS] 2.2.1: 16 bits)
MAX_TOKEN: Final = 0xFFFF

#: How much is sealed at a time. (RSn _NegoStream: 63 * 1024)
MAX_PLAIN: Final = 63 * 1024

#: The longest data frame. (RSn _NegoStream accepts up to 65,536; what other implementations add to
#: 64,512 bytes is below that)
MAX_DATA_FRAME: Final = 0x10000

_HEADER = 5
_VERSION = b"\x01\x00"


class FrameInvalid(Exception):
    """What came is no frame; the message says why."""


class FrameKind(IntEnum):
    """[MS-NNS] 2.2.1 MessageId."""

    DONE = 0x14
    ERROR = 0x15
    IN_PROGRESS = 0x16


@dataclass(frozen=True, slots=True)
class HandshakeFrame:
    """One frame of a handshake."""

    kind: FrameKind
    token: bytes

    def encode(self) -> bytes:
        """
        :returns: the frame's bytes
        :raises FrameInvalid: the token is longer than a frame can carry
        """
        if len(self.token) > MAX_TOKEN:
            raise FrameInvalid(f"a token of {len(self.token)} bytes; {MAX_TOKEN} are possible")
        size = len(self.token).to_bytes(2, "big")
        return bytes([self.kind]) + _VERSION + size + self.token


def error_frame(code: int) -> bytes:
    """
    A refusal, as the specification has it: 32 zero bits, then the code, both big-endian.

    :param code: an HRESULT, such as 0x8009030C for a refused logon
    """
    return HandshakeFrame(FrameKind.ERROR, code.to_bytes(8, "big")).encode()


def error_code(payload: bytes) -> int | None:
    """
    The code of a refusal. .NET writes it little-endian, followed by ``ff ff ff ff``.

    :param payload: of an :attr:`FrameKind.ERROR` frame
    :returns: an HRESULT; None where there is none
    """
    if len(payload) < 8:
        return None
    if payload[4:8] == b"\xff\xff\xff\xff":
        return int.from_bytes(payload[:4], "little")
    return int.from_bytes(payload[4:8], "big")


class HandshakeReader:
    """
    The other side's frames, one at a time: what stands behind the last one is no frame any more.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes from the socket."""
        self._data += data

    def next_frame(self) -> HandshakeFrame | None:
        """
        :returns: the next frame, or None while it is not complete
        :raises FrameInvalid: there is no such kind of frame
        """
        if not self._data:
            return None
        try:
            kind = FrameKind(self._data[0])
        except ValueError:
            raise FrameInvalid(f"a handshake frame of the kind 0x{self._data[0]:02x}") from None
        if len(self._data) < _HEADER:
            return None
        # The version is not looked at: .NET does not look at it either.
        end = _HEADER + int.from_bytes(self._data[3:5], "big")
        if len(self._data) < end:
            return None
        token = bytes(self._data[_HEADER:end])
        del self._data[:end]
        return HandshakeFrame(kind, token)

    def take_rest(self) -> bytes:
        """
        :returns: everything that was fed and is in no frame
        """
        rest, self._data = bytes(self._data), bytearray()
        return rest


def data_frame(token: bytes) -> bytes:
    """
    :param token: what the security context made of some bytes
    :returns: the frame to send
    """
    return len(token).to_bytes(4, "little") + token


class DataReader:
    """
    The other side's data frames.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes from the socket."""
        self._data += data

    def next_token(self) -> bytes | None:
        """
        :returns: the token of the next frame, or None while it is not complete
        :raises FrameInvalid: the frame is longer than any implementation writes
        """
        if len(self._data) < 4:
            return None
        size = int.from_bytes(self._data[:4], "little")
        if size > MAX_DATA_FRAME:
            raise FrameInvalid(f"a data frame of {size} bytes; {MAX_DATA_FRAME} are possible")
        if len(self._data) < 4 + size:
            return None
        token = bytes(self._data[4 : 4 + size])
        del self._data[: 4 + size]
        return token

    def take_rest(self) -> bytes:
        """
        :returns: everything that was fed and is in no frame
        """
        rest, self._data = bytes(self._data), bytearray()
        return rest
