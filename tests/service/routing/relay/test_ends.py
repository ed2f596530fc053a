"""netshare.service.routing.relay.ends: a plain socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from netshare.service.routing.relay.ends import SocketEnd
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
