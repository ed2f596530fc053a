"""netshare.service.routing.relay.poller: sockets that the reactor does not know."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.service.routing.relay import poller as module
from netshare.service.routing.relay.poller import Poller, poller_of
from netshare.testing import tcpPair
from tests.helpers.descriptors_ready import TellingReactor


class Reader:
    """Reads so many bytes at a time, and notes them."""

    def __init__(self, poller: Poller, most: int = 100) -> None:
        self.far, self.near = tcpPair()
        self.reading, self.writing = True, False
        self.read: list[bytes] = []
        self.lost: list[Any] = []
        self.room = 0
        self._most = most
        self._poller = poller

    def fileno(self) -> int:
        return self.near.fileno()

    def doRead(self) -> bool:
        data = self.near.recv(self._most)
        self.read.append(data)
        if not data:
            self.reading = False
        return len(data) == self._most

    def doWrite(self) -> None:
        self.room += 1
        self.writing = False

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason.value)
        self.close()

    def close(self, closing: bool = False) -> None:
        self._poller.leave(self, closing)
        self.near.close()
        self.far.close()


class Polling:
    """A reactor, its poller, and a socket in it."""

    def __init__(self) -> None:
        self.reactor = TellingReactor()
        self.poller = poller_of(self.reactor)
        self.readers: list[Reader] = []

    def reader(self, most: int = 100) -> Reader:
        one = Reader(self.poller, most)
        self.readers.append(one)
        self.poller.look(one)
        return one


@pytest.fixture
def polling() -> Iterator[Polling]:
    one = Polling()
    yield one
    one.reactor.close()
    for reader in one.readers:
        reader.near.close()
        reader.far.close()


def test_one_for_a_reactor(polling: Polling) -> None:
    """It is made once, and is a descriptor of the reactor."""
    assert poller_of(polling.reactor) is polling.poller
    verifyObject(IReadDescriptor, polling.poller)
    assert polling.reactor.readers == set()
    polling.reader()
    assert polling.reactor.readers == {polling.poller}


def test_resting(polling: Polling) -> None:
    """While there is nothing to look after it need not have a descriptor."""
    one = polling.reader()
    polling.poller.rest()
    assert polling.reactor.readers == {polling.poller}
    one.close()
    for _ in range(2):
        polling.poller.rest()
        polling.poller.doRead()
        assert (polling.reactor.readers, polling.poller.fileno()) == (set(), -1)
    other = polling.reader()
    other.far.sendall(b"x")
    polling.reactor.settle()
    assert other.read == [b"x"]


def test_bytes_and_their_end(polling: Polling) -> None:
    """Each is told, also when all is there at once and is read in pieces."""
    one = polling.reader(most=2)
    one.far.sendall(b"abcde")
    polling.reactor.settle()
    assert one.read == [b"ab", b"cd", b"e"]
    one.far.sendall(b"f")
    one.far.shutdown(socket.SHUT_WR)
    polling.reactor.settle()
    assert one.read[3:] == [b"f", b""]


def test_one_that_does_not_read(polling: Polling) -> None:
    """What came meanwhile is told when it reads again, and so is the end."""
    one = polling.reader()
    one.reading = False
    one.far.sendall(b"abc")
    polling.reactor.settle()
    one.far.shutdown(socket.SHUT_WR)
    polling.reactor.settle()
    assert one.read == []
    one.reading = True
    polling.poller.look(one)
    polling.reactor.settle()
    assert one.read == [b"abc", b""]


def test_room(polling: Polling) -> None:
    """It is told to one that waits for it, once."""
    one = polling.reader()
    polling.reactor.settle()
    assert one.room == 0
    one.writing = True
    polling.poller.look(one)
    polling.reactor.settle()
    assert one.room == 1


@pytest.mark.parametrize("closing", [False, True])
def test_one_that_leaves(polling: Polling, closing: bool) -> None:
    """Nothing is told any more, and one with the same descriptor is another one."""
    one, other = polling.reader(), polling.reader()
    number = one.fileno()
    for reader in (one, other):
        reader.far.sendall(b"x")
    one.close(closing)
    assert number not in polling.poller.polled
    one.close(closing)
    polling.reactor.settle()
    assert (one.read, other.read) == ([], [b"x"])
    third = polling.reader()
    third.far.sendall(b"y")
    polling.reactor.settle()
    assert third.read == [b"y"]


def test_one_that_closes_another_in_the_same_turn(polling: Polling) -> None:
    """Its event is dropped."""
    one, other = polling.reader(), polling.reader()
    one.doRead = lambda: other.close() or False  # type: ignore[method-assign, func-returns-value]
    other.doRead = lambda: one.close() or False  # type: ignore[method-assign, func-returns-value]
    one.far.sendall(b"x")
    other.far.sendall(b"x")
    polling.reactor.settle()
    assert len(polling.poller.polled) == 1


def test_one_that_fails(polling: Polling) -> None:
    """It is lost, with the reason in the log; the others go on."""
    one, other = polling.reader(), polling.reader()
    error = RuntimeError("no")

    def fail() -> bool:
        raise error

    one.doRead = fail  # type: ignore[method-assign]
    one.far.sendall(b"x")
    other.far.sendall(b"x")
    polling.reactor.settle()
    assert (one.lost, other.read) == ([error], [b"x"])


def test_the_reactor_ends(polling: Polling) -> None:
    """All are lost, and its descriptor is closed."""
    one = polling.reader()
    reason = ConnectionDone()
    polling.poller.connectionLost(Failure(reason))
    assert one.lost == [reason]
    assert (polling.poller.polled, polling.poller.fileno()) == ({}, -1)


def test_a_reactor_that_is_forgotten() -> None:
    """Its poller goes with it."""
    reactor = TellingReactor()
    poller_of(reactor)
    gc.collect()
    before = len(module._POLLERS)
    del reactor
    gc.collect()
    assert len(module._POLLERS) == before - 1
