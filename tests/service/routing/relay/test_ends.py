"""netshare.service.routing.relay.ends: a plain socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from netshare.service.routing.relay.ends import SocketEnd
from netshare.service.routing.relay.pipes import TOO_FEW, Pipes
from netshare.service.routing.relay.poller import poller_of
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair
from tests.helpers.descriptors_ready import TellingReactor


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def dialled(self, end: SocketEnd) -> None:
        self.told.append("dialled")

    def received(self, end: SocketEnd, data: bytes) -> None:
        self.told.append(data)

    def moved_on(self, end: SocketEnd, count: int) -> None:
        self.told.append(count)

    def readEnded(self, end: SocketEnd) -> None:
        self.told.append("read ended")

    def filled(self, end: SocketEnd) -> None:
        self.told.append("filled")

    def drained(self, end: SocketEnd) -> None:
        self.told.append("drained")

    def lost(self, end: SocketEnd | None, reason: str) -> None:
        self.told.append(("lost", reason))


def an_end() -> tuple[TellingReactor, SocketEnd, Owner, socket.socket]:
    """An end in a reactor, and its far end."""
    reactor, owner = TellingReactor(), Owner()
    far, near = tcpPair()
    end = SocketEnd(poller_of(reactor), near, owner)
    end.resume()
    return reactor, end, owner, far


def test_reading_and_writing() -> None:
    """What is written is sent at once; what comes is told, and so is the end."""
    reactor, end, owner, far = an_end()
    end.write(b"now")
    assert far.recv(10) == b"now"
    far.sendall(b"hello")
    reactor.settle()
    far.shutdown(socket.SHUT_WR)
    reactor.settle()
    assert owner.told == [b"hello", "read ended"]
    assert end.readDone
    end.close()
    far.close()


def test_a_far_end_that_reads_late() -> None:
    """What cannot be sent is kept, and told; closing waits for it."""
    reactor, end, owner, far = an_end()
    payload = bytes(20_000_000)
    end.write(payload)
    assert end.hasUnsent
    assert owner.told == ["filled"]
    end.lose()
    assert not end.closed
    received = 0
    while data := far.recv(1 << 20):
        received += len(data)
        reactor.settle()
    assert received == len(payload)
    assert end.closed
    far.close()


def test_dialling_where_nobody_listens() -> None:
    """It fails at once, or is lost."""
    reactor, owner = TellingReactor(), Owner()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            SocketEnd.dial(poller_of(reactor), socket.AF_INET, nobody.getsockname(), b"x", owner)
    assert poller_of(reactor).polled == {}
    reactor.close()


def test_a_held_socket_stays_its_holders() -> None:
    """Until the end keeps it."""
    reactor, owner = TellingReactor(), Owner()
    far, near = tcpPair()
    held = HeldSocket(near.detach())
    end = SocketEnd.of(poller_of(reactor), held, owner)
    end.close()
    assert not held.closed
    end = SocketEnd.of(poller_of(reactor), held, owner)
    assert end.detach() is held
    end = SocketEnd.of(poller_of(reactor), held, owner)
    end.keep()
    assert held.closed
    again = end.detach()
    assert again.peer()
    again.close()
    far.close()


def test_a_socket_that_another_process_made_a_blocking_one() -> None:
    """Neither reading nor writing waits."""
    _, end, owner, far = an_end()
    end._socket.setblocking(True)
    end.doRead()
    end.write(bytes(20_000_000))
    assert owner.told == ["filled"]
    end.abort()
    far.close()


class Passing:
    """Two ends of which one passes on to the other, and their far ends."""

    def __init__(self, alone: bool = True) -> None:
        self.reactor = TellingReactor()
        self.poller = poller_of(self.reactor)
        self.owners = [Owner(), Owner()]
        self.far, near = tcpPair()
        self.other_far, other = tcpPair()
        ends = []
        for connection, owner in zip((near, other), self.owners, strict=True):
            held = HeldSocket(connection.detach(), alone)
            end = SocketEnd.of(self.poller, held, owner)
            end.keep()
            end.resume()
            ends.append(end)
        self.one, self.other = ends

    def finish(self) -> None:
        self.one.close()
        self.other.close()
        self.far.close()
        self.other_far.close()
        self.poller.rest()
        self.reactor.close()


def test_passing_on() -> None:
    """Bytes arrive unread, no more than was said, and those behind them are told as usual."""
    passing = Passing()
    passing.one.pass_on(passing.other, 100_000)
    passing.far.sendall(b"x" * 100_000 + b"end")
    passing.reactor.settle()
    told = passing.owners[0].told
    unread = sum(one for one in told if isinstance(one, int))
    read = b"".join(one for one in told if isinstance(one, bytes))
    assert unread + len(read) == 100_003
    assert unread > 100_000 - TOO_FEW
    assert read.endswith(b"end")
    passing.other_far.settimeout(2)
    arrived = b""
    while len(arrived) < unread:
        arrived += passing.other_far.recv(1 << 20)
    assert arrived == b"x" * unread
    passing.finish()


def test_passing_on_until_nothing_is_there() -> None:
    """Then bytes are told again, and the pipe is free for others."""
    passing = Passing()
    passing.one.pass_on(passing.other, 1 << 40)
    passing.far.sendall(bytes(50_000))
    passing.reactor.settle()
    assert sum(passing.owners[0].told) == 50_000
    assert passing.other._pipe is None
    for word in (b"few", b"more"):
        passing.far.sendall(word)
        passing.reactor.settle()
    assert passing.owners[0].told[-2:] == [3, b"more"]
    passing.finish()


def test_passing_on_to_the_end() -> None:
    """The end is told, behind all that was passed on."""
    passing = Passing()
    passing.one.pass_on(passing.other, 1 << 40)
    passing.far.sendall(bytes(50_000))
    passing.far.shutdown(socket.SHUT_WR)
    passing.reactor.settle()
    *counts, last = passing.owners[0].told
    assert (sum(counts), last) == (50_000, "read ended")
    passing.finish()


def test_passing_on_to_one_that_reads_late() -> None:
    """It is told, as with bytes that are read; what is in the pipe leaves before the end."""
    passing = Passing()
    passing.one.pass_on(passing.other, 1 << 40)
    passing.far.setblocking(False)
    sent = 0
    for _ in range(400):
        try:
            sent += passing.far.send(bytes(100_000))
        except BlockingIOError:
            pass
        passing.reactor.settle()
        if "filled" in passing.owners[1].told:
            passing.one.pause()
            break
    assert passing.other.hasUnsent
    passing.other.write(b"behind")
    passing.other.loseWrite()
    received = b""
    while data := passing.other_far.recv(1 << 20):
        received = (received + data)[-6:]
        passing.reactor.settle()
    assert received == b"behind"
    assert "drained" in passing.owners[1].told
    passing.finish()


def test_closed_with_bytes_in_the_pipe() -> None:
    """They are lost, and the pipe is not used again."""
    passing = Passing()
    pipe = passing.poller.pipes.take()
    assert pipe is not None
    pipe.held = 5
    passing.other._pipe = pipe
    passing.other.abort()
    fresh = passing.poller.pipes.take()
    assert fresh is not None
    assert fresh is not pipe
    passing.poller.pipes.give(fresh)
    passing.finish()


@pytest.mark.parametrize("why", ["shared", "few", "unsent", "no pipe"])
def test_not_passed_on(why: str) -> None:
    """What another process may have made blocking, or does not pay, is read."""
    passing = Passing(alone=why != "shared")
    if why == "unsent":
        passing.other.write(bytes(20_000_000))
    if why == "no pipe":
        passing.poller.pipes = Pipes(0)
    passing.one.pass_on(passing.other, 100 if why == "few" else 1 << 20)
    passing.far.sendall(b"hello")
    passing.reactor.settle()
    assert passing.owners[0].told == [b"hello"]
    passing.finish()
