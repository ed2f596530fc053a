"""netshare.service.takeover.messages: what one service tells the next."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.control.protocol import Conversation
from netshare.service.records import (
    ControlRecord,
    CountersRecord,
    EndRecord,
    ExpectRecord,
    Handed,
    LaneState,
    LinkRecord,
    PortRecord,
    Record,
    RegistrationState,
    SentRecord,
    UndecidedRecord,
    WaitingRecord,
)
from netshare.service.takeover.messages import PIECE, BadRecord, RecordReader, decode, encode

AMP = Conversation(3, 4, 5, 6, ("q6", "a"), (4, 7), b"half a box", b"\x00\xffunsent")
ADDRESS = "net.tcp://+:8808/one"
LANE = LaneState("batches", 256, 3, True, True, (ADDRESS,))
LINK = LinkRecord(
    12, 1000, (4, 24), None, (ADDRESS,), (RegistrationState(ADDRESS, True, 1.5, 7),), (8808,), AMP,
    LANE, True,
)  # fmt: skip

RECORDS: list[Record] = [
    PortRecord("tcp:8808", True),
    ControlRecord("/run/netshare/control"),
    LINK,
    SentRecord(ADDRESS, ADDRESS, b"\x00\x01", "10.0.0.1:5", "10.0.0.2:8808", False, True),
    UndecidedRecord(b"\xff" * 5, "1.2.3.4:5", "[::1]:8808", True, 2.5),
    WaitingRecord(ADDRESS, b"bytes", "peer", "local", 9.0),
    ExpectRecord(ADDRESS, 1.0),
    CountersRecord(1.0, 2, 3, 4, ("handed-over",), (1,)),
    EndRecord(),
]


def through(handed: Handed) -> Handed | None:
    reader = RecordReader()
    for message in encode(handed):
        found = reader.feed(message.payload, message.descriptors)
    return found


def whole(record: Record) -> bytes:
    return b"".join(message.payload[1:] for message in encode(Handed(record)))


def with_head(record: Record, **changes: object) -> bytes:
    """A record whose head says something else."""
    data = whole(record)
    (size,) = struct.unpack_from("!I", data)
    head = json.loads(data[4 : 4 + size])
    head.update(changes)
    text = json.dumps(head).encode()
    return struct.pack("!I", len(text)) + text + data[4 + size :]


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.kind)
def test_a_record_survives(record: Record) -> None:
    """Every kind of record comes out as it went in."""
    assert through(Handed(record, (5, 6))) == Handed(record, (5, 6))


def test_a_long_record() -> None:
    """A record that is longer than a message, or has more descriptors, comes in several."""
    record = UndecidedRecord(os.urandom(3 * PIECE), "peer", "local")
    handed = Handed(record, tuple(range(450)))
    messages = list(encode(handed))
    assert len(messages) == 4
    assert max(len(one.payload) for one in messages) <= PIECE + 1
    assert max(len(one.descriptors) for one in messages) <= 253
    assert through(handed) == handed


def test_another_release() -> None:
    """Fields that are not known are ignored, and those that are missing have their defaults."""
    assert decode(with_head(PortRecord("tcp:1"), colour="blue")) == PortRecord("tcp:1")
    text = b'{"kind":"control","path":"/c"}'
    assert decode(struct.pack("!I", len(text)) + text) == ControlRecord("/c")


def test_a_kind_that_is_not_known() -> None:
    """Such a record is left out, and its descriptors are closed."""
    reading, writing = os.pipe()
    text = b'{"kind":"color"}'
    reader = RecordReader()
    assert reader.feed(b"\x00" + struct.pack("!I", len(text)) + text, [reading]) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00\x00",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 4) + b'{"k"',
        struct.pack("!I", 2) + b"{}",
        struct.pack("!I", 15) + b'{"kind":"port"}',
        whole(UndecidedRecord(b"abc", "p", "l")) + b"x",
        whole(UndecidedRecord(b"abc", "p", "l"))[:-1],
        with_head(UndecidedRecord(b"abc", "p", "l"), readData=-1),
        with_head(UndecidedRecord(b"abc", "p", "l"), left="soon"),
        with_head(UndecidedRecord(b"abc", "p", "l"), left=float("nan")),
        with_head(UndecidedRecord(b"abc", "p", "l"), left=10**400),
        with_head(PortRecord("tcp:1"), headed=1),
        with_head(LINK, groups="all"),
        with_head(LINK, registrations=[3]),
        with_head(LINK, pid=True),
        struct.pack("!I", 40_000) + b"[" * 40_000,
    ],
)
def test_bad_records(data: bytes) -> None:
    """What is no record is said to be none, and what came with it is closed."""
    reading, writing = os.pipe()
    with pytest.raises(BadRecord):
        RecordReader().feed(b"\x00" + data, [reading])
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)


def test_a_record_without_end() -> None:
    """Pieces are not collected for ever."""
    reader = RecordReader()
    piece = b"\x01" + bytes(1024 * 1024)
    for _ in range(63):
        assert reader.feed(piece, ()) is None
    with pytest.raises(BadRecord, match="no end"):
        reader.feed(piece, ())


@given(st.sampled_from(RECORDS), st.data())
def test_mutated_records(record: Record, data: st.DataObject) -> None:
    """Bytes that were changed make another record with fields of the right kinds, or none."""
    original = whole(record)
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + data.draw(st.binary(max_size=4)) + original[at + 1 :]
    try:
        found = decode(changed)
    except BadRecord:
        return
    if found is not None:
        assert decode(whole(found)) == found
        assert all(hasattr(found, one.name) for one in fields(found))


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a record, a message of one, or refused as none."""
    try:
        RecordReader().feed(data, ())
    except BadRecord:
        pass
