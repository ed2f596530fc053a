"""What is written is sent at once where nothing is in its way."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport

from netshare.transport.channels.sending import send, send_byte


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
    assert send_byte(pair.transport, b"1")
    assert pair.received() == b"1"
    pair.transport.write(b"first ")
    assert not send_byte(pair.transport, b"2")
    pair.transport.doWrite()
    assert pair.received() == b"first "
    pair.transport.socket.shutdown(socket.SHUT_WR)
    assert not send_byte(pair.transport, b"3")
    assert not pair.wants_a_turn
    assert not send_byte(StringTransport(), b"4")


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
    assert not send_byte(pair.transport, b"!")
    assert time.monotonic() - began < 1
    relief.cancel()
    assert not pair.wants_a_turn
