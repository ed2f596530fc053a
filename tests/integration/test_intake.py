"""A worker takes connections whose client is named in any way."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet import reactor as _reactor

from netshare.framing.records import preamble
from netshare.sockets.held import HeldSocket
from netshare.worker.intake import Intake
from netshare.worker.returns import Returns
from tests.integration.running import AcknowledgingFactory

reactor: Any = _reactor


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("192.0.2.7:5000", "192.0.2.7"),
        ("[2001:db8::7]:5000", "2001:db8::7"),
        ("UNIXAddress('/run/balancer')", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_name_of_the_client(named: str, host: str) -> None:
    """The protocol sees the client that the service named, and the socket's own otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    factory = AcknowledgingFactory("one")
    opening = preamble("net.tcp://server/one")
    with client:
        held = HeldSocket(accepted.detach())
        Intake(reactor, factory, Returns(reactor)).receive(
            held, "net.tcp://server/one", opening, named
        )
        (protocol,) = factory.connections
        assert protocol.received == opening
        assert protocol.transport.getPeer().host == host
        protocol.transport.abortConnection()
