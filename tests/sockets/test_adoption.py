"""netshare.sockets.adoption: what can be adopted and what cannot."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.protocol import Factory

from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.testing import AdoptingReactor, tcpPair
from tests.helpers.descriptors import is_open
from tests.helpers.protocols import Kept


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
