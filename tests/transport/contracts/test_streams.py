"""Tests for :mod:`netshare.transport.contracts.streams`: large pieces, on their way in and out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from netshare.transport.contracts.streams import CHUNK, Stream, pump


def now(deferred: Deferred[Any]) -> Any:
    """What is there already."""
    found: list[Any] = []
    deferred.addCallback(found.append)
    assert found, "it is not there yet"
    return found[0]


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 2500, 1 << 20])
def test_read_in_parts(size: int) -> None:
    """Whatever the sizes of pieces and reads are, what is read is what arrived."""
    data = bytes(n & 0xFF for n in range(5000))
    stream = Stream()
    for at in range(0, len(data), 1000):
        stream.feed(data[at : at + 1000])
    stream.end()
    read = []
    while piece := now(stream.read(size)):
        assert type(piece) is bytes
        assert len(piece) <= size
        read.append(piece)
    assert b"".join(read) == data


def test_parts_and_then_the_rest() -> None:
    """After a part of a piece all the rest can be read at once, one piece or several."""
    for count in (1, 3):
        stream = Stream()
        for _ in range(count):
            stream.feed(b"0123456789")
        stream.end()
        assert now(stream.read(4)) == b"0123"
        rest = now(stream.read())
        assert type(rest) is bytes
        assert rest == b"456789" + b"0123456789" * (count - 1)


def test_a_large_piece_is_not_copied_for_each_read() -> None:
    """Reading a piece of 128 MB in parts takes milliseconds, not a second for each ten MB."""
    stream = Stream.of(bytes(128 << 20))
    began = time.perf_counter()
    count = 0
    while piece := now(stream.read(CHUNK)):
        count += len(piece)
    assert count == 128 << 20
    assert time.perf_counter() - began < 2


class Channel:
    """Takes what is written, and says to wait after each time, if asked to."""

    def __init__(self, pausing: bool = False) -> None:
        self.written: list[bytes] = []
        self.producer: Any = None
        self._pausing = pausing

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Remember whom to tell."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """There is nobody to tell."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take it."""
        self.written.append(data)
        if self._pausing:
            self.producer.pauseProducing()


async def source(*pieces: bytes) -> AsyncIterator[bytes]:
    """A source."""
    for piece in pieces:
        yield piece


def test_large_pieces_go_out_in_parts() -> None:
    """A piece is encoded and written part by part, in order, with a pause wherever one is due."""
    data = bytes(n & 0xFF for n in range(3 * CHUNK + 5))
    channel = Channel(pausing=True)
    sent = ensureDeferred(pump(source(b"first", data), channel, lambda piece: b"<" + piece))
    for number in range(1, 6):
        assert not sent.called
        assert len(channel.written) == number
        channel.producer.resumeProducing()
    assert now(sent) is True
    assert channel.written[0] == b"<first"
    assert b"".join(part[1:] for part in channel.written[1:]) == data
    assert max(map(len, channel.written)) == CHUNK + 1
    assert channel.producer is None


def test_a_lost_channel_ends_it_within_a_piece() -> None:
    """When the channel goes, the rest of a large piece is not encoded any more."""
    channel = Channel(pausing=True)
    sent = ensureDeferred(pump(source(bytes(10 * CHUNK), b"more"), channel, bytes))
    channel.producer.resumeProducing()
    channel.producer.stopProducing()
    assert now(sent) is False
    assert len(channel.written) == 2
