"""netshare.service.takeover.channel: the socket between the old service and the new one."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from netshare.service.records import ControlRecord, EndRecord, Handed, UndecidedRecord
from netshare.service.takeover.channel import TAKEN, YOURS, Channel, ChannelBroken


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel that waits for a moment only, and the socket of its far end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(ours, 0.3)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_records_and_words(ends: tuple[Channel, socket.socket]) -> None:
    """Records arrive with descriptors of their own, and words after them."""
    channel, far = ends
    other = Channel(far)
    reading, writing = os.pipe()
    channel.send(Handed(ControlRecord("/c"), (reading,)))
    os.close(reading)
    channel.send(Handed(EndRecord()))
    channel.say(TAKEN)
    handed = other.receive()
    assert handed.record == ControlRecord("/c")
    os.write(writing, b"x")
    assert os.read(handed.descriptors[0], 1) == b"x"
    assert not os.get_inheritable(handed.descriptors[0])
    os.close(handed.descriptors[0])
    os.close(writing)
    assert other.receive() == Handed(EndRecord())
    other.hear(TAKEN)


def test_more_than_the_socket_holds() -> None:
    """What does not fit is sent when the far end has read."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel, far = Channel(ours), Channel(theirs)
    records = [Handed(UndecidedRecord(bytes([n]) * 100_000, "p", "l")) for n in range(40)]

    def send() -> None:
        for one in records:
            channel.send(one)

    sending = threading.Thread(target=send)
    sending.start()
    received = [far.receive() for _ in records]
    sending.join()
    assert received == records
    channel.close()
    far.close()


def test_a_far_end_that_does_not_read(ends: tuple[Channel, socket.socket]) -> None:
    """Sending ends when the time is over."""
    channel, _ = ends
    record = Handed(UndecidedRecord(bytes(10_000_000), "p", "l"))
    with pytest.raises(ChannelBroken):
        channel.send(record)


def test_a_far_end_that_says_nothing(ends: tuple[Channel, socket.socket]) -> None:
    """Listening ends when the time is over."""
    channel, _ = ends
    with pytest.raises(ChannelBroken):
        channel.hear(YOURS)
    with pytest.raises(ChannelBroken, match="too long"):
        channel.hear(YOURS)


@pytest.mark.parametrize("said", [b"no", None])
def test_not_the_word(ends: tuple[Channel, socket.socket], said: bytes | None) -> None:
    """Another word, or the end, is not what was to be heard."""
    channel, far = ends
    if said is None:
        far.close()
    else:
        far.send(said)
    with pytest.raises(ChannelBroken):
        channel.hear(YOURS)


def test_no_record(ends: tuple[Channel, socket.socket]) -> None:
    """Bytes that are no record are told as such."""
    channel, far = ends
    far.send(b"\x00" + struct.pack("!I", 3) + b"{}}")
    with pytest.raises(ChannelBroken, match="no record"):
        channel.receive()
