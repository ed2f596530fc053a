"""netshare.service.routing.relay.bridge: servers whose connection is not a plain socket."""

from __future__ import annotations

import socket

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import alsoProvides

from tests.helpers.relaying import PREAMBLE, RelayUnderTest
from tests.service.routing.relay.test_servers import endpoint_relay


def bridged() -> tuple[RelayUnderTest, socket.socket, socket.socket]:
    """
    A relay to a server whose transport says that it is TLS.

    :returns: the relay, the client's end and the server's
    """
    relay, (endpoint,) = endpoint_relay(None)
    connect = endpoint.reactor.connect

    def encrypted(factory: object, connection: socket.socket) -> object:
        transport = connect(factory, connection)
        alsoProvides(transport, ISSLTransport)
        return transport

    endpoint.reactor.connect = encrypted  # type: ignore[method-assign, assignment]
    arrival = relay.arrive()
    server = endpoint.accept()
    server.settimeout(2)
    assert server.recv(1000) == PREAMBLE
    server.sendall(b"\x0b")
    relay.settle()
    assert arrival.client.recv(10) == b"\x0b"
    return relay, arrival.client, server


def test_bytes_go_both_ways() -> None:
    """As with plain sockets."""
    relay, client, server = bridged()
    client.sendall(b"\x06\x03abc")
    server.sendall(b"answer")
    relay.settle()
    assert server.recv(100) == b"\x06\x03abc"
    assert client.recv(100) == b"answer"
    server.close()
    relay.settle()
    assert client.recv(1) == b""
    client.close()
    relay.settle()
    relay.finish()


def test_the_client_leaves() -> None:
    """The server's connection ends with it."""
    relay, client, server = bridged()
    client.close()
    relay.settle()
    assert server.recv(1) == b""
    relay.finish()
    server.close()


@pytest.mark.parametrize("slow", ["client", "server"])
def test_one_side_reads_late(slow: str) -> None:
    """All arrives, however late it is read."""
    relay, client, server = bridged()
    reader, writer = (client, server) if slow == "client" else (server, client)
    payload = (b"" if slow == "client" else b"\x06\x80\xc2\xd7\x2f") + bytes(100_000_000)[
        :9_000_000
    ]
    writer.setblocking(False)
    reader.settimeout(0.05)
    sent = received = 0
    for _ in range(5000):
        if received == len(payload):
            break
        try:
            sent += writer.send(payload[sent:]) if sent < len(payload) else 0
        except BlockingIOError:
            pass
        relay.settle()
        try:
            received += len(reader.recv(1 << 20))
        except TimeoutError:
            pass
    assert received == len(payload)
    server.close()
    relay.settle()
    client.close()
    relay.finish()
