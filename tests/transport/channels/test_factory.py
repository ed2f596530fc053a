"""Many connections of one server."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost

from netshare.framing.records import (
    END,
)
from netshare.transport.channels import errors
from tests.helpers.channels import (
    DUPLEX,
    Server,
    results,
)
from tests.helpers.ports import PausablePort


def test_without_a_port_surplus_connections_are_turned_away() -> None:
    """max_pending_connections without a channel are enough; a channel makes room."""
    server = Server()
    server.connect()
    assert server.factory.buildProtocol(None) is None
    server.open()
    assert server.factory.buildProtocol(None) is not None


def test_a_port_stops_accepting_at_the_limit() -> None:
    """With its port known a factory stops accepting, and starts again when there is room."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    _, second = server.connect()
    assert not port.accepting
    second.lose(ConnectionLost())
    assert port.accepting
    _, second = server.connect()
    assert not port.accepting
    server.open()
    assert port.accepting


def test_sockets_between_sessions_are_not_pending() -> None:
    """A reused socket counts again only when its next preamble has begun."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    receiver = server.open()
    receiver.onEnd = lambda: receiver.channel.close()
    server.transport.receive(END)
    server.connect()
    assert port.accepting
    server.transport.receive(DUPLEX[:1])
    assert not port.accepting


def test_closing_a_factory_waits_for_its_channels() -> None:
    """close() ends what has no channel at once, and the rest after its channel."""
    server = Server()
    receiver = server.open()
    _, pending = server.connect()
    closed = results(server.factory.close())
    assert pending.state == "closing"
    pending.settle()
    assert closed == []
    assert server.factory.buildProtocol(None) is None
    receiver.channel.close()
    server.transport.receive(END)
    assert server.transport.state == "closing"
    server.transport.settle()
    assert closed == [None]
    assert results(server.factory.close()) == [None]
    assert server.delayed == 0


def test_aborting_a_factory_ends_everything() -> None:
    """abort() resets all connections."""
    server = Server()
    receiver = server.open()
    _, pending = server.connect()
    server.factory.abort()
    assert receiver.told == [errors.CommunicationObjectAbortedError]
    for transport in (server.transport, pending):
        assert transport.state == "aborting"
        transport.settle()
    assert server.delayed == 0
