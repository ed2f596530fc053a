"""
Records as messages, and messages as records.

A message begins with a byte that says whether more of its record follows. Joined, the pieces of a
record are the size of its head (32 bits, big-endian), the head, and its bytes. The head is a JSON
object: the record's ``kind``, its fields, and for each field of bytes how many there are, in the
order of the fields. Descriptors come with the pieces, in order.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from netshare.service.records import Handed, Record

#: How many bytes one message carries, so that several fit the buffer of a socket.
PIECE = 60 * 1024

#: How many descriptors one message carries; the kernel's limit is 253 (SCM_MAX_FD).
MOST_DESCRIPTORS = 200

#: How many bytes, and descriptors, a record may have: an unread box, unsent ones, and some room.
_LONGEST_RECORD, _MOST_OF_A_RECORD = 64 * 1024 * 1024, 4096

_HEAD = struct.Struct("!I")

_LAST, _MORE = b"\x00", b"\x01"

_KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in get_args(Record)}


class BadRecord(Exception):
    """
    What came is no record.
    """


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message of a record's.
    """

    payload: bytes
    descriptors: tuple[int, ...] = field(default=())


# ---- writing


def encode(handed: Handed) -> Iterator[Message]:
    """
    A record as messages.
    """
    data = whole(handed.record)
    rest = handed.descriptors
    at = 0
    while True:
        piece, at = data[at : at + PIECE], at + PIECE
        descriptors, rest = rest[:MOST_DESCRIPTORS], rest[MOST_DESCRIPTORS:]
        over = at >= len(data) and not rest
        yield Message((_LAST if over else _MORE) + piece, descriptors)
        if over:
            return


def whole(record: Record) -> bytes:
    """
    A record in one piece, as :func:`decode` reads it.
    """
    parts: list[bytes] = []
    head = {"kind": record.kind, **_plain(record, parts)}
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    return b"".join((_HEAD.pack(len(text)), text, *parts))


def _plain(value: Any, parts: list[bytes]) -> Any:
    """A value as JSON has it; bytes go to the parts, and leave their number."""
    if isinstance(value, bytes):
        parts.append(value)
        return len(value)
    if isinstance(value, tuple):
        return [_plain(one, parts) for one in value]
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name), parts) for one in fields(value)}
    return value


# ---- reading


class RecordReader:
    """
    Makes records of messages. What came with a message belongs to this object until its record is
    complete, and then to the caller.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._descriptors: list[int] = []

    def feed(self, payload: bytes, descriptors: Sequence[int]) -> Handed | None:
        """
        :returns: the record, if it is complete now and of a kind that is known; the descriptors of
            one that is not are closed
        :raises BadRecord: it is none; all descriptors are closed
        """
        self._descriptors += descriptors
        try:
            if payload[:1] not in (_LAST, _MORE):
                raise BadRecord("a message does not say whether more follows")
            self._pieces.append(payload[1:])
            self._size += len(payload)
            if self._size > _LONGEST_RECORD or len(self._descriptors) > _MOST_OF_A_RECORD:
                raise BadRecord("a record has no end")
            if payload[:1] == _MORE:
                return None
            record = decode(b"".join(self._pieces))
        except BadRecord:
            self.close()
            raise
        if record is None:
            self.close()
            return None
        handed = Handed(record, tuple(self._descriptors))
        self._pieces, self._size, self._descriptors = [], 0, []
        return handed

    def close(self) -> None:
        """
        Forget, and close, what is here of a record that is not complete.
        """
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._pieces, self._size, self._descriptors = [], 0, []


def decode(data: bytes) -> Record | None:
    """
    :param data: a whole record, without its descriptors
    :returns: None: it is of a kind that this release does not know
    :raises BadRecord: it is none
    """
    if len(data) < _HEAD.size:
        raise BadRecord("a record is too short to have a head")
    (size,) = _HEAD.unpack_from(data)
    try:
        head = json.loads(data[_HEAD.size : _HEAD.size + size])
    except (ValueError, RecursionError):
        raise BadRecord("the head of a record is no JSON") from None
    if not isinstance(head, dict) or not isinstance(head.get("kind"), str):
        raise BadRecord("the head of a record does not say its kind")
    kind = _KINDS.get(head["kind"])
    if kind is None:
        return None
    parts = _Parts(data, _HEAD.size + size)
    record: Record = _read_fields(kind, head, parts)
    if parts.left:
        raise BadRecord(f"{parts.left} bytes too many in a record of kind {kind.kind}")
    return record


class _Parts:
    """The bytes of a record, taken one field after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise BadRecord(f"a field of {count} bytes, where {self.left} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    @property
    def left(self) -> int:
        return len(self._data) - self._at


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read_fields(kind: type[Any], values: Mapping[str, Any], parts: _Parts) -> Any:
    found = {}
    hints: Mapping[str, Any] = _hints(kind)  # type: ignore[arg-type]
    for one in fields(kind):
        if one.name in values:
            found[one.name] = _read(hints[one.name], values[one.name], parts, one.name)
        elif one.default is MISSING:
            raise BadRecord(f"{kind.__name__} without {one.name}")
    return kind(**found)


def _read(hint: Any, value: Any, parts: _Parts, name: str) -> Any:
    if get_origin(hint) in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_read(get_args(hint)[0], one, parts, name) for one in value)
    if is_dataclass(hint) and isinstance(value, dict):
        kind: Any = hint
        return _read_fields(kind, value, parts)
    if hint is bytes and type(value) is int:
        return parts.take(value)
    if hint is float and type(value) is int:
        value = _number(value)
    if type(value) is not hint or value != value:
        raise BadRecord(f"{name} is {value!r:.60}")
    return value


def _number(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise BadRecord("a number without end") from None
