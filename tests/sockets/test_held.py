"""netshare.sockets.held: one owner for one descriptor, on every path."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import struct
import time
from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import directlyProvides

from netshare.sockets.held import HeldSocket, NotPassable
from netshare.testing import AdoptingReactor, FakeStreamTransport, tcpPair
from tests.helpers.descriptors import is_open
from tests.helpers.protocols import Kept


def test_closing() -> None:
    """A held socket is closed once; closing it again does nothing."""
    client, server = tcpPair()
    with client:
        held = HeldSocket(server.detach())
        descriptor = held.fileno()
        assert not held.closed
        assert str(descriptor) in repr(held)
        held.close()
        held.close()
        assert held.closed
        assert not is_open(descriptor)
        assert "closed" in repr(held)
        assert client.recv(1) == b""
        with pytest.raises(ValueError, match="closed"):
            held.fileno()


def test_releasing() -> None:
    """A released descriptor is the caller's, and stays open."""
    client, server = tcpPair()
    with client:
        held = HeldSocket(server.detach())
        descriptor = held.release()
        held.close()
        assert is_open(descriptor)
        os.close(descriptor)
        with pytest.raises(ValueError, match="given up"):
            held.release()


def test_a_dropped_one_is_noticed() -> None:
    """A held socket that nobody closed is closed when it is collected, with a warning."""
    client, server = tcpPair()
    with client:
        holder = [HeldSocket(server.detach())]
        descriptor = holder[0].fileno()
        with pytest.warns(ResourceWarning, match="dropped"):
            holder.clear()
        gc.collect()
        assert not is_open(descriptor)


@pytest.mark.parametrize("wrapped", [False, True])
def test_from_a_transport(wrapped: bool) -> None:
    """The socket leaves its transport, also through a wrapper, and the connection lives on."""
    reactor, (client, server) = AdoptingReactor(), tcpPair()
    protocol = Kept()
    factory: Any = Factory()
    factory.buildProtocol = lambda addr: protocol
    if wrapped:
        factory = WrappingFactory(factory)
        factory.protocol = ProtocolWrapper
    reactor.connect(factory, server)
    with client:
        held = HeldSocket.from_transport(protocol.transport)
        reactor.settle()
        assert protocol.lostFor is not None
        assert protocol.lostFor.check(ConnectionAborted)
        os.write(held.fileno(), b"alive")
        assert client.recv(5) == b"alive"
        held.close()
        assert client.recv(5) == b""


def test_transports_that_hold_more_than_a_socket() -> None:
    """A TLS connection, or something that has no socket, cannot be passed."""
    reactor, (client, server) = AdoptingReactor(), tcpPair()
    transport = FakeStreamTransport(server, reactor, Kept())
    directlyProvides(transport, ISSLTransport)
    with client:
        with pytest.raises(NotPassable, match="plain TCP"):
            HeldSocket.from_transport(transport)
        assert server.fileno() >= 0
        server.close()

    class Handleless:
        def getHandle(self) -> object:
            return object()

    with pytest.raises(NotPassable):
        HeldSocket.from_transport(Handleless())


@pytest.mark.parametrize("seconds", [0, 3])
def test_closing_never_waits(seconds: int) -> None:
    """A process that had the socket, too, cannot make closing wait; a reset remains one."""
    client, server = tcpPair()
    with client:
        server.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                server.send(b"x" * 100_000)
        linger = struct.pack("ii", 1, seconds)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        began = time.monotonic()
        HeldSocket(server.detach()).close()
        assert time.monotonic() - began < 1
        reset = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
        assert reset is (seconds == 0)
