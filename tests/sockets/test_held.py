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
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import (
    HeldSocket,
    NotPassable,
    address_from_text,
    address_text,
    socket_address_text,
)
from netshare.testing import AdoptingReactor, FakeStreamTransport, tcpPair


class Kept(Protocol):
    """Keeps what happens to it."""

    def __init__(self) -> None:
        self.data = b""
        self.lostFor: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lostFor = reason


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


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


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_adopting(family: socket.AddressFamily) -> None:
    """An adopted socket is a transport with a descriptor of its own."""
    reactor, (client, server) = AdoptingReactor(), tcpPair(family)
    held = HeldSocket(server.detach())
    os.set_blocking(held.fileno(), True)
    factory = Factory.forProtocol(Kept)
    transport = adopt(reactor, held, factory)
    assert held.closed
    assert not os.get_blocking(transport.getHandle().fileno())
    assert transport.getPeer().port == client.getsockname()[1]
    with client:
        client.sendall(b"hello")
        reactor.settle()
        assert transport.protocol.data == b"hello"
    reactor.settle()


def test_a_factory_that_wants_no_protocol() -> None:
    """Then there is no transport, and the connection is still the caller's."""
    reactor, (client, server) = AdoptingReactor(), tcpPair()
    held = HeldSocket(server.detach())
    factory = Factory()
    factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    with client:
        assert adopt(reactor, held, factory) is None
        assert not held.closed
        held.close()
        assert client.recv(1) == b""


def unconnected() -> int:
    return socket.socket().detach()


def left() -> int:
    client, server = tcpPair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    return server.detach()


def unix() -> int:
    one, other = socket.socketpair()
    other.close()
    return one.detach()


def a_file() -> int:
    return os.open("/dev/null", os.O_RDWR)


def a_pipe() -> int:
    read, write = os.pipe()
    os.close(write)
    return read


@pytest.mark.parametrize("make", [unconnected, left, unix, a_file, a_pipe])
def test_what_cannot_be_adopted(make: Any) -> None:
    """Whatever is no live TCP connection is ClientGone, with its descriptor closed."""
    held = HeldSocket(make())
    descriptor = held.fileno()
    with pytest.raises(ClientGone) as caught:
        adopt(AdoptingReactor(), held, Factory.forProtocol(Kept))
    assert str(caught.value)
    assert held.closed
    assert not is_open(descriptor)


ADDRESSES = [
    (IPv4Address("TCP", "192.0.2.1", 5000), "192.0.2.1:5000"),
    (IPv6Address("TCP", "2001:db8::1", 5000), "[2001:db8::1]:5000"),
]


@pytest.mark.parametrize(("address", "text"), ADDRESSES)
def test_addresses_as_text(address: Any, text: str) -> None:
    """An address becomes text, and the text the address."""
    assert address_text(address) == text
    assert address_from_text(text) == address
    assert socket_address_text((address.host, address.port)) == text


def test_mapped_addresses() -> None:
    """An IPv4 client of an IPv6 listener is shown with its IPv4 address."""
    assert address_text(IPv6Address("TCP", "::ffff:192.0.2.1", 9)) == "192.0.2.1:9"
    assert socket_address_text(("::ffff:192.0.2.1", 9, 0, 0)) == "192.0.2.1:9"


def test_other_addresses() -> None:
    """Anything else is shown somehow, and never fails."""
    assert "path" in address_text(UNIXAddress(b"path"))
    assert address_text(None) == "None"


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", ":x", "[::1]", "1.2.3.4:\u00b2"])
def test_texts_that_are_no_addresses(text: str) -> None:
    """A text without host and port is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011
        address_from_text(text)


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
