"""
The preamble: what a client sends before its first message, read from whatever has arrived.

Why a function and not a state machine: a preamble is at most a few kilobytes and nearly always
arrives whole, so reading it again from its first byte when more has come costs less, in code and
in time, than remembering where one stopped. :func:`read_preamble` is therefore pure: the same
bytes give the same answer, however they were cut on their way.

Each answer is one of three:

- :data:`NEED_MORE`: so far it is a preamble, but it goes on;
- a :class:`Preamble`;
- a :class:`Malformed`: what is wrong, where, and the fault to answer with, or None where WCF
  has none and closes the connection (facts: [MC-NMF] 2.2.5 and what .NET's decoders do).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, Literal, TypeAlias

from netshare.framing.faults import Fault
from netshare.framing.records import (
    KNOWN_ENCODINGS,
    MAX_CONTENT_TYPE_SIZE,
    MAX_VIA_SIZE,
    Mode,
    RecordType,
)
from netshare.framing.sizes import NEED_MORE as _SIZE_NEEDS_MORE
from netshare.framing.sizes import decode_size


class Stage(IntEnum):
    """How far a preamble is to be read."""

    #: Through the Via record: enough to choose who gets the connection.
    VIA = 1
    #: Through PreambleEnd, or through a request for an upgrade, behind which a client waits.
    ANSWER = 2


class _NeedMore(Enum):
    NEED_MORE = "need more"


#: The bytes end inside the preamble.
NEED_MORE: Final = _NeedMore.NEED_MORE


@dataclass(frozen=True, slots=True)
class Preamble:
    """
    A preamble, as far as it was asked for.
    """

    #: The address the client wants to reach, as it wrote it.
    via: str
    mode: Mode
    #: The version's second number, which WCF ignores.
    minor: int
    #: The offset behind the last record that was read.
    end: int
    #: The messages' content type; None when only the via was asked for.
    content_type: str | None = None
    #: The upgrade that the client asks for and waits for; None when there is none.
    upgrade: str | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """
    Why these bytes are no preamble.
    """

    #: One clause for people, such as ``"the via has 4096 bytes, the limit is 2048"``.
    reason: str
    #: The offset of the record or field that is wrong.
    offset: int
    #: What to answer, or None where the protocol has no answer but closing.
    fault: Fault | None = None


#: Bytes of a first read that is remembered, and how many are. (See :class:`PreambleMemo`.)
LONGEST_REMEMBERED, MOST_REMEMBERED = 512, 2048

Reading: TypeAlias = Preamble | Malformed | Literal[_NeedMore.NEED_MORE]

_MODES = {mode.value: mode for mode in Mode}


def read_preamble(data: bytes | bytearray, until: Stage = Stage.VIA) -> Reading:
    """
    Read the preamble that begins with the first byte.

    :param data: everything received so far; bytes behind the preamble are left alone
    :param until: how far to read
    """
    have = len(data)
    if have == 0:
        return NEED_MORE
    if data[0] != RecordType.VERSION:
        return Malformed(f"it begins with {data[0]:#04x}, not with a Version record", 0)
    if have < 2:
        return NEED_MORE
    if data[1] != 1:
        return Malformed(
            f"framing version {data[1]} is not known, only version 1", 1, Fault.UNSUPPORTED_VERSION
        )
    if have < 4:
        return NEED_MORE
    if data[3] != RecordType.MODE:
        return _unexpected(data[3], 3, "a Mode record")
    if have < 5:
        return NEED_MORE
    mode = _MODES.get(data[4])
    if mode is None:
        return Malformed(f"mode {data[4]} is not one of 1 to 4", 4, Fault.UNSUPPORTED_MODE)
    if have < 6:
        return NEED_MORE
    if data[5] != RecordType.VIA:
        return _unexpected(data[5], 5, "a Via record")
    text = _read_text(data, 6, "via", MAX_VIA_SIZE, Fault.VIA_TOO_LONG)
    if not isinstance(text, tuple):
        return text
    via, at = text
    if until is Stage.VIA:
        return Preamble(via, mode, data[2], at)

    encoding = _read_encoding(data, at)
    if not isinstance(encoding, tuple):
        return encoding
    content_type, at = encoding
    if mode is Mode.SINGLETON_SIZED:  # has no PreambleEnd: the message follows at once
        return Preamble(via, mode, data[2], at, content_type)
    answer = read_upgrade_or_end(data, at)
    if not isinstance(answer, tuple):
        return answer
    upgrade, at = answer
    return Preamble(via, mode, data[2], at, content_type, upgrade)


class PreambleMemo(dict[bytes, Reading]):
    """
    What first bytes were read as: ``memo[data]`` is what :func:`read_preamble` returns for them.

    The clients of one service all begin with the same bytes, so that reading them again costs no
    more than looking them up. Only whole readings of short bytes are kept, and a bounded number of
    them: what a stranger can make us keep is two megabytes at most.

    :param until: how far to read
    """

    def __init__(self, until: Stage) -> None:
        super().__init__()
        self._until = until

    def __missing__(self, data: bytes) -> Reading:
        reading = read_preamble(data, self._until)
        if isinstance(reading, Preamble) and len(data) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[data] = reading
        return reading


#: First bytes read as far as the via.
KNOWN_VIAS = PreambleMemo(Stage.VIA)

#: First bytes read as far as a client waits for an answer.
KNOWN_PREAMBLES = PreambleMemo(Stage.ANSWER)


def read_upgrade_or_end(
    data: bytes | bytearray, at: int = 0
) -> tuple[str | None, int] | Malformed | Literal[_NeedMore.NEED_MORE]:
    """
    Read what stands behind the encoding, and again inside an upgraded stream.

    :returns: the upgrade's name, or None for PreambleEnd; and the offset behind the record
    """
    if at >= len(data):
        return NEED_MORE
    if data[at] == RecordType.PREAMBLE_END:
        return None, at + 1
    if data[at] == RecordType.UPGRADE_REQUEST:
        return _read_text(
            data, at + 1, "upgrade name", MAX_CONTENT_TYPE_SIZE, Fault.CONTENT_TYPE_TOO_LONG
        )
    return _unexpected(data[at], at, "PreambleEnd or an UpgradeRequest")


def _read_encoding(
    data: bytes | bytearray, at: int
) -> tuple[str, int] | Malformed | Literal[_NeedMore.NEED_MORE]:
    if at >= len(data):
        return NEED_MORE
    if data[at] == RecordType.KNOWN_ENCODING:
        if at + 1 >= len(data):
            return NEED_MORE
        byte = data[at + 1]
        # .NET reads any byte here and refuses the content type later; so may our callers.
        return KNOWN_ENCODINGS.get(byte, f"unknown{byte}"), at + 2
    if data[at] == RecordType.EXTENSIBLE_ENCODING:
        return _read_text(
            data, at + 1, "content type", MAX_CONTENT_TYPE_SIZE, Fault.CONTENT_TYPE_TOO_LONG
        )
    return _unexpected(data[at], at, "an encoding record")


def _read_text(
    data: bytes | bytearray, at: int, what: str, limit: int, too_long: Fault
) -> tuple[str, int] | Malformed | Literal[_NeedMore.NEED_MORE]:
    size, start = decode_size(data, at)
    if size == _SIZE_NEEDS_MORE:
        return NEED_MORE
    if size < 0:
        return Malformed(f"the size of the {what} is beyond 0x7FFFFFFF", at)
    if size > limit:
        return Malformed(f"the {what} has {size} bytes, the limit is {limit}", at, too_long)
    if size == 0:
        return Malformed(f"the {what} is empty", at)
    end = start + size
    if end > len(data):
        return NEED_MORE
    try:
        return bytes(data[start:end]).decode("utf-8"), end
    except UnicodeDecodeError:
        return Malformed(f"the {what} is not UTF-8", start)


def _unexpected(byte: int, at: int, wanted: str) -> Malformed:
    try:
        found = f"a {RecordType(byte).name} record"
    except ValueError:
        found = f"byte {byte:#04x}"
    return Malformed(f"{found} stands where {wanted} has to", at)


_FOREIGN = (
    (b"\x16\x03", "TLS"),
    (b"SSH-", "SSH"),
    (b"PROXY ", "the PROXY protocol"),
    (b"\r\n\r\n\x00\r\nQUIT\n", "the PROXY protocol"),
    *(
        (verb + b" ", "HTTP")
        for verb in (
            b"GET",
            b"POST",
            b"PUT",
            b"HEAD",
            b"OPTIONS",
            b"DELETE",
            b"CONNECT",
            b"PATCH",
            b"TRACE",
            b"PRI",
        )
    ),
)


def foreign_protocol(data: bytes | bytearray) -> str | None:
    """
    The name of the protocol that these first bytes belong to, if it is one that often knocks
    at the wrong door: HTTP, TLS, SSH, the PROXY protocol.
    """
    start = bytes(data[:16])
    for sign, name in _FOREIGN:
        if start.startswith(sign) or (len(start) >= 3 and sign.startswith(start)):
            return name
    return None
