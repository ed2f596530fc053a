"""Transports over real sockets, moved by hand."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorSocket, IUNIXTransport
from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyClass, verifyObject

from netshare.testing import (
    AdoptingReactor,
    FakeUNIXTransport,
    linkedUNIXTransports,
    tcpPair,
)


class Keeping(Protocol):
    """Keeps what it is told."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.descriptors: list[int] = []
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.descriptors.append(descriptor)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


def test_interfaces() -> None:
    """The fakes provide what they stand for."""
    verifyObject(IReactorSocket, AdoptingReactor())
    verifyClass(IUNIXTransport, FakeUNIXTransport)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_adopted_sockets(family: socket.AddressFamily) -> None:
    """What arrives at an adopted socket is delivered, what is written leaves, closing closes."""
    reactor = AdoptingReactor()
    client, server = tcpPair(family)
    with client, server:
        transport = reactor.adoptStreamConnection(
            server.fileno(), family, Factory.forProtocol(Keeping)
        )
        assert transport is not None
        client.sendall(b"hello")
        reactor.settle()
        assert transport.protocol.received == b"hello"
        transport.write(b"back")
        transport.loseConnection()
        reactor.settle()
        server.close()
        assert client.recv(10) == b"back"
        assert client.recv(10) == b""
        assert transport.protocol.lost
    reactor.close()


def test_links_carry_descriptors() -> None:
    """Bytes and descriptors reach the other end in order, as duplicates of the sender's."""
    one, other = Keeping(), Keeping()
    link = linkedUNIXTransports(one, other)
    reading, writing = os.pipe()
    one.transport.sendFileDescriptor(writing)
    one.transport.write(b"a")
    link.flush()
    os.close(writing)
    assert other.received == b"a"
    (received,) = other.descriptors
    os.write(received, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(received)
    os.close(reading)
    link.lose()
    assert (one.lost, other.lost, link.connected) == (True, True, False)
