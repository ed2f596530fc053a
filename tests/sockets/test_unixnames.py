"""netshare.sockets.unixnames: descriptors leave at once, wait or are refused; no link is lost."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import unix
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netshare.sockets import unixnames
from netshare.sockets.unixnames import (
    EXHAUSTED,
    RELIED_ON,
    ROOM_PAUSE,
    send_now,
    unsent_bytes,
    wait_for_room,
)


class Link:
    """A UNIX connection that Twisted could have made, and its far end."""

    def __init__(self) -> None:
        self.far, near = socket.socketpair()
        near.setblocking(False)
        self.far.setblocking(False)
        self.reactor: Any = MemoryReactorClock()
        protocol = Protocol()
        self.transport: Any = unix.Server(near, protocol, "", None, 1, self.reactor)
        protocol.makeConnection(self.transport)
        self.descriptor = os.open("/dev/null", os.O_RDONLY)

    def read(self) -> tuple[bytes, int]:
        """What has arrived: bytes, and how many descriptors."""
        whole, count = b"", 0
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.far, 65536, 10)
            except BlockingIOError:
                return whole, count
            for descriptor in descriptors:
                os.close(descriptor)
            whole += data
            count += len(descriptors)

    def fill(self) -> None:
        """Have no room for one more byte."""
        try:
            while True:
                self.transport.socket.send(b"x" * 4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        if self.transport.connected:
            self.transport.connectionLost(Failure(ConnectionError()))
        self.far.close()
        os.close(self.descriptor)


@pytest.fixture
def link() -> Iterator[Link]:
    one = Link()
    yield one
    one.close()


@pytest.fixture
def carries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """While there is an error number in it, the system carries no descriptors."""
    numbers: list[int] = []
    send = unixnames._send

    def refuse(*arguments: Any) -> int:
        if numbers:
            raise OSError(numbers[0], os.strerror(numbers[0]))
        return send(*arguments)

    monkeypatch.setattr(unixnames, "_send", refuse)
    return numbers


@pytest.mark.parametrize(("owner", "name"), RELIED_ON)
def test_the_names_are_there(link: Link, owner: type, name: str) -> None:
    """Every name that is relied on still exists, of the class or of a connection."""
    made = link.transport if name == "_sendmsgQueue" else owner
    assert hasattr(made, name)
    assert issubclass(owner, unix._SendmsgMixin)


def test_at_once(link: Link) -> None:
    """Bytes and their descriptor leave without a turn, behind what was written before."""
    link.transport.write(b"before ")
    assert send_now(link.transport, [b"box"], [link.descriptor])
    assert link.read() == (b"before box", 1)
    assert unsent_bytes(link.transport) == b""


def test_more_than_there_is_room_for(link: Link) -> None:
    """The descriptor leaves with the first bytes, the others follow."""
    whole = b"y" * 1_000_000
    assert send_now(link.transport, [whole], [link.descriptor])
    read, count = link.read()
    while link.transport in link.reactor.getWriters():
        assert link.transport.doWrite() is None
        more, others = link.read()
        read, count = read + more, count + others
    assert (read, count) == (whole, 1)


def test_a_far_end_that_does_not_read(link: Link) -> None:
    """Nothing is sent, and nothing is kept for later."""
    link.fill()
    for _ in range(2):
        with pytest.raises(BlockingIOError):
            send_now(link.transport, [b"box"], [link.descriptor])
        assert unsent_bytes(link.transport) in (b"", b"before")
        link.transport.write(b"before")
    assert link.read()[1] == 0


@pytest.mark.parametrize("number", EXHAUSTED)
def test_refused_at_once(link: Link, carries: list[int], number: int) -> None:
    """When the system carries none the caller is told, and nothing was sent."""
    carries.append(number)
    with pytest.raises(OSError, match=os.strerror(number)):
        send_now(link.transport, [b"box"], [link.descriptor])
    assert unsent_bytes(link.transport) == b""
    assert link.read() == (b"", 0)


def test_several_at_once(link: Link) -> None:
    """Descriptors go first, with a byte each; then the rest comes in one piece."""
    messages = [b"first box ", b"second box ", b"third box"]
    assert send_now(link.transport, messages, [link.descriptor] * 3) == 3
    for byte in (b"f", b"i", b"r"):
        data, descriptors, _, _ = socket.recv_fds(link.far, 65536, 10)
        assert (data, len(descriptors)) == (byte, 1)
        os.close(descriptors[0])
    assert link.read() == (b"st box second box third box", 0)


@pytest.mark.parametrize("left", [1, 2])
def test_some_of_several(link: Link, left: int) -> None:
    """Where the system carries so many and no more, the others were not begun."""
    send = unixnames._send

    def few(connection: Any, data: Any, descriptor: int) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ETOOMANYREFS, "Too many references")
        left -= 1
        return send(connection, data, descriptor)

    wanted = left
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(unixnames, "_send", few)
        messages = [b"first ", b"second ", b"third "]
        assert send_now(link.transport, messages, [link.descriptor] * 3) == wanted
    assert send_now(link.transport, [b"last"], [link.descriptor]) == 1
    assert link.read() == (b"".join(messages[:wanted]) + b"last", wanted + 1)


def test_none_of_several(link: Link, carries: list[int]) -> None:
    """Where the first is refused nothing was sent."""
    carries.append(errno.ETOOMANYREFS)
    with pytest.raises(OSError, match="references"):
        send_now(link.transport, [b"one", b"two"], [link.descriptor] * 2)
    assert link.read() == (b"", 0)


def test_several_for_which_there_is_no_room(link: Link) -> None:
    """What does not fit leaves later, and behind it nothing is lost."""
    messages = [b"y" * 1_000_000, b"z" * 1000]
    assert send_now(link.transport, messages, [link.descriptor] * 2) == 2
    read, count = link.read()
    while link.transport in link.reactor.getWriters():
        assert link.transport.doWrite() is None
        read += link.read()[0]
    assert (read, count) == (b"".join(messages), 2)


def test_no_transport_of_twisteds() -> None:
    """What is not a UNIX connection of Twisted's is left alone."""
    transport = StringTransport()
    wait_for_room(transport)
    assert not send_now(transport, [b"box"], [0])
    assert transport.value() == b""


@pytest.mark.parametrize("number", EXHAUSTED)
def test_waiting(link: Link, carries: list[int], number: int) -> None:
    """What cannot be carried waits, without a turn of the reactor, and leaves whole, in order."""
    wait_for_room(link.transport)
    carries.append(number)
    for word in (b"first ", b"second "):
        link.transport.sendFileDescriptor(link.descriptor)
        link.transport.write(word)
    assert link.transport.doWrite() is None
    assert link.transport not in link.reactor.getWriters()
    link.reactor.advance(ROOM_PAUSE)
    assert link.transport.doWrite() is None
    assert link.read() == (b"", 0)
    carries.clear()
    link.reactor.advance(ROOM_PAUSE)
    assert link.transport in link.reactor.getWriters()
    assert link.transport.doWrite() is None
    assert link.read() == (b"first second ", 2)
    assert link.transport not in link.reactor.getWriters()


def test_waiting_for_a_far_end_that_does_not_read(link: Link) -> None:
    """The reactor says when there is room again."""
    wait_for_room(link.transport)
    link.fill()
    link.transport.sendFileDescriptor(link.descriptor)
    link.transport.write(b"word")
    assert link.transport.doWrite() is None
    assert link.transport in link.reactor.getWriters()
    link.read()
    assert link.transport.doWrite() is None
    assert link.read() == (b"word", 1)


def test_more_descriptors_than_bytes(link: Link) -> None:
    """Each needs a byte to go with; the others wait for more of them."""
    wait_for_room(link.transport)
    for _ in range(3):
        link.transport.sendFileDescriptor(link.descriptor)
    link.transport.write(b"ab")
    assert link.transport.doWrite() is None
    assert link.read() == (b"ab", 2)
    link.transport.write(b"c")
    assert link.transport.doWrite() is None
    assert link.read() == (b"c", 1)


def test_a_link_that_is_lost_while_it_waits(link: Link, carries: list[int]) -> None:
    """It is not taken up again."""
    wait_for_room(link.transport)
    carries.append(errno.ETOOMANYREFS)
    link.transport.sendFileDescriptor(link.descriptor)
    link.transport.write(b"word")
    assert link.transport.doWrite() is None
    link.transport.connectionLost(Failure(ConnectionError()))
    link.reactor.advance(ROOM_PAUSE)
    assert link.transport not in link.reactor.getWriters()


def test_a_far_end_that_is_gone(link: Link) -> None:
    """That is the end of the connection, as it is for Twisted."""
    wait_for_room(link.transport)
    link.far.close()
    link.transport.sendFileDescriptor(link.descriptor)
    link.transport.write(b"word")
    assert link.transport.doWrite() is CONNECTION_LOST
