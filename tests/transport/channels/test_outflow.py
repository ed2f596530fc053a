"""
Tests for :mod:`netshare.transport.channels.outflow`: what leaves a connection, and how much of it
at a time.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, MemoryReactorClock, StringTransport

from netshare.sockets.privatenames import send_now
from netshare.transport.channels.outflow import SLICE, Outflow


class Descriptor(FileDescriptor):
    """Twisted's own buffering, in front of a socket that takes as much as it is told."""

    def __init__(self) -> None:
        super().__init__(MemoryReactor())  # type: ignore[arg-type]
        self.connected = 1
        self.sent = b""
        self.takes = SLICE
        #: The largest piece that was in the buffer.
        self.held = 0

    def writeSomeData(self, data: bytes) -> int:
        """The socket."""
        taken = bytes(data[: self.takes])
        self.sent += taken
        return len(taken)

    def drain(self, turns: int = 1000) -> None:
        """Let the socket be writable for so many turns of the reactor."""
        for _ in range(turns):
            if not self.reactor.getWriters():  # type: ignore[attr-defined]
                break
            self.held = max(self.held, len(self.dataBuffer) + self._tempDataLen)
            self.doWrite()


class Producer:
    """Whoever sends."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pauseProducing(self) -> None:
        """Wait."""
        self.said.append("pause")

    def resumeProducing(self) -> None:
        """Go on."""
        self.said.append("resume")

    def stopProducing(self) -> None:
        """Nobody is there any more."""
        self.said.append("stop")


@pytest.fixture
def clock() -> Clock:
    """When things time out."""
    return Clock()


@pytest.fixture
def stuck() -> list[str]:
    """What is told when the other side takes nothing."""
    return []


@pytest.fixture
def outflow(clock: Clock, stuck: list[str]) -> Outflow:
    """An outflow with a timeout of ten seconds."""
    made = Outflow(clock, lambda: stuck.append("stuck"))
    made.timeout = 10.0
    return made


@pytest.fixture
def descriptor(outflow: Outflow) -> Descriptor:
    """The transport that the outflow is attached to."""
    made = Descriptor()
    outflow.attach(made)
    return made


def _bytes(size: int, seed: int = 0) -> bytes:
    return bytes((seed + n * 7) & 0xFF for n in range(997)) * (size // 997 + 1)


LARGE = _bytes(5 * SLICE)[: 5 * SLICE - 11]


@pytest.mark.parametrize(
    "messages",
    [
        [[b"a", b"bc"]],
        [[b"head", LARGE]],
        [[b"head", memoryview(LARGE), b"tail"]],
        [[b"1", memoryview(LARGE)], [b"2", b"small"], [b"3", LARGE[::-1], b"4"]],
        [[b"h", LARGE[:SLICE]], [b"h", LARGE[: SLICE + 1]], [b"h", LARGE[: SLICE - 1]]],
        [[b"short view: ", memoryview(b"xyz")]],
        [[b"", b"", LARGE, b""], [b"."]],
    ],
)
@pytest.mark.parametrize("takes", [SLICE, 50_000, 1_999])
def test_everything_arrives_in_order(
    outflow: Outflow, descriptor: Descriptor, messages: list[list[bytes]], takes: int
) -> None:
    """Whatever the sizes are and however little the socket takes, bytes arrive as written."""
    descriptor.takes = takes
    for pieces in messages:
        outflow.write(pieces)
    descriptor.drain(10_000)
    assert descriptor.sent == b"".join(map(bytes, (p for pieces in messages for p in pieces)))


def test_a_large_piece_is_never_copied_whole(outflow: Outflow, descriptor: Descriptor) -> None:
    """The transport has one slice of a large message at a time, a whole send of Twisted's."""
    outflow.write([b"head", memoryview(LARGE)])
    descriptor.drain()
    assert descriptor.held == SLICE


def test_what_follows_a_large_piece_waits_behind_it(
    outflow: Outflow, descriptor: Descriptor
) -> None:
    """A small message written during a large one does not overtake it, nor is it forgotten."""
    outflow.write([LARGE])
    descriptor.drain(2)
    outflow.write([b"behind"])
    assert not descriptor.sent.endswith(b"behind")
    descriptor.drain()
    assert descriptor.sent == LARGE + b"behind"


def test_who_sends_waits_for_the_last_slice(outflow: Outflow, descriptor: Descriptor) -> None:
    """Senders are told to go on once, when all is out, and not between two slices."""
    producer = Producer()
    outflow.register(producer, True)
    outflow.write([LARGE])
    waiting = outflow.waiting()
    assert waiting is not None
    assert producer.said == ["pause"]
    descriptor.drain(3)
    assert not waiting.called
    assert producer.said == ["pause"]
    descriptor.drain()
    assert waiting.called
    assert producer.said == ["pause", "resume"]
    assert outflow.waiting() is None


def test_the_time_of_a_message_is_not_that_of_a_slice(
    outflow: Outflow, descriptor: Descriptor, clock: Clock, stuck: list[str]
) -> None:
    """A message has to be out within the timeout, however steadily it trickles."""
    descriptor.takes = SLICE // 4
    outflow.write([LARGE])
    for _ in range(11):
        assert not stuck
        clock.advance(0.99)
        descriptor.drain(1)
    assert stuck == ["stuck"]


def test_no_timeout_when_all_was_taken(
    outflow: Outflow, descriptor: Descriptor, clock: Clock, stuck: list[str]
) -> None:
    """The timeout ends with the last slice."""
    outflow.write([LARGE])
    descriptor.drain()
    clock.advance(100)
    assert not stuck


def test_detaching_leaves_everything_to_the_transport(
    outflow: Outflow, descriptor: Descriptor
) -> None:
    """Whoever closes a connection after its last byte closes it after all of ours."""
    outflow.write([LARGE, b"end"])
    descriptor.drain(1)
    outflow.detach()
    assert descriptor.producer is None
    outflow.write([b"of all"])
    descriptor.drain()
    assert descriptor.sent == LARGE + b"endof all"


def test_nothing_is_kept_for_a_lost_connection(outflow: Outflow, descriptor: Descriptor) -> None:
    """With the connection all that waits is forgotten, and whoever waits is told."""
    outflow.write([LARGE])
    waiting = outflow.waiting()
    outflow.lost()
    assert waiting is not None
    assert waiting.called
    before = descriptor._tempDataLen
    outflow.resumeProducing()
    assert descriptor._tempDataLen == before


# -- on a socket


def send(transport: Any, pieces: list[bytes]) -> None:
    """As everything is sent: at once, and the rest in the reactor's turns."""
    data = b"".join(pieces)
    transport.write(data[send_now(transport, data) :])


class Pair:
    """A transport, its reactor, and the socket at its other end."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as port:
            self.far = socket.create_connection(port.getsockname())
            near, _ = port.accept()
        near.setblocking(False)
        self.far.setblocking(False)
        self.reactor: Any = MemoryReactorClock()
        self.transport: Any = Connection(near, Protocol(), self.reactor)
        self.transport.connected = True
        self.transport.protocol.makeConnection(self.transport)

    @property
    def wants_a_turn(self) -> bool:
        """Whether the reactor is asked for a turn."""
        return self.transport in self.reactor.getWriters()

    def received(self) -> bytes:
        """What has arrived."""
        try:
            return self.far.recv(1 << 22)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Both ends."""
        self.far.close()
        self.transport.socket.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection."""
    made = Pair()
    yield made
    made.close()


def test_at_once(pair: Pair) -> None:
    """The bytes arrive before the reactor has its next turn, which nobody asks for."""
    send(pair.transport, [b"one ", b"two"])
    assert pair.received() == b"one two"
    assert not pair.wants_a_turn


def test_after_what_waits(pair: Pair) -> None:
    """What is in the transport's buffer goes first."""
    pair.transport.write(b"first ")
    send(pair.transport, [b"second"])
    assert pair.received() == b""
    assert pair.wants_a_turn
    pair.transport.doWrite()
    assert pair.received() == b"first second"


def test_more_than_the_socket_takes(pair: Pair) -> None:
    """What the socket does not take waits for the reactor, and what follows waits behind it."""
    pair.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sent = [bytes((number,)) * 50_000 for number in range(100)]
    for data in sent:
        send(pair.transport, [data])
    assert pair.wants_a_turn
    arrived = b""
    while pair.wants_a_turn or len(arrived) < 5_000_000:
        arrived += pair.received()
        if pair.wants_a_turn:
            pair.transport.doWrite()
    assert arrived == b"".join(sent)


def test_a_lost_connection(pair: Pair) -> None:
    """An error is the transport's to meet, when it writes."""
    pair.transport.socket.shutdown(socket.SHUT_WR)
    send(pair.transport, [b"nobody reads this"])
    assert pair.wants_a_turn
    assert pair.transport.doWrite() is not None


@pytest.mark.parametrize("how", ["loseConnection", "loseWriteConnection", "abortConnection"])
def test_not_on_one_that_is_closing(pair: Pair, how: str) -> None:
    """On a transport that is being closed nothing is sent past it."""
    getattr(pair.transport, how)()
    send(pair.transport, [b"late"])
    assert pair.received() == b""


def test_other_transports() -> None:
    """Any other transport is written to."""
    transport = StringTransport()
    send(transport, [b"one ", b"two"])
    assert transport.value() == b"one two"


def test_a_byte(pair: Pair) -> None:
    """A byte leaves at once, behind all that was written before, or nothing is done."""
    assert send_now(pair.transport, b"1")
    assert pair.received() == b"1"
    pair.transport.write(b"first ")
    assert not send_now(pair.transport, b"2")
    pair.transport.doWrite()
    assert pair.received() == b"first "
    pair.transport.socket.shutdown(socket.SHUT_WR)
    assert not send_now(pair.transport, b"3")
    assert not pair.wants_a_turn
    assert not send_now(StringTransport(), b"4")


def test_a_byte_for_which_there_is_no_room(pair: Pair) -> None:
    """A byte that the socket does not take is not sent, and not written either."""
    pair.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    filled = 0
    try:
        while True:
            filled += pair.transport.socket.send(bytes(1 << 20))
    except BlockingIOError:
        pass
    assert filled
    # Nor is it waited for, when somebody else who has the socket wants it to block.
    os.set_blocking(pair.transport.fileno(), True)
    relief = threading.Timer(3, pair.far.close)
    relief.start()
    began = time.monotonic()
    assert not send_now(pair.transport, b"!")
    assert time.monotonic() - began < 1
    relief.cancel()
    assert not pair.wants_a_turn
