"""Many connections of one server."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
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


def test_silent_connections_give_way() -> None:
    """When there are too many, those that say nothing for a second are given up; not before."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    _, second = server.connect()
    server.clock.advance(0.9)
    assert (port.accepting, server.transport.state, second.state) == (False, "open", "open")
    server.clock.advance(0.2)
    server.clock.advance(0)
    assert (server.transport.state, second.state) == ("aborting", "aborting")
    server.transport.settle()
    second.settle()
    assert port.accepting
    assert server.clock.getDelayedCalls() == []


def test_what_came_meanwhile_is_read_first() -> None:
    """A preamble that the reactor was too busy to read is not taken for silence."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    server.connect()
    server.clock.rightNow += 1.5  # the timer is due, nothing was read yet
    server.factory._makeRoomSoon()
    server.transport.receive(DUPLEX)
    server.clock.advance(0)
    assert server.transport.state == "open"


def test_who_waits_for_a_decision_does_not_give_way() -> None:
    """A client that has said what it wants waits as long as the acceptor does."""
    decision: Deferred[None] = Deferred()
    server = Server(decision)
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    server.transport.receive(DUPLEX)
    server.connect()
    for _ in range(3):
        server.clock.advance(1.1)
        server.clock.advance(0)
    assert server.transport.state == "open"
    decision.callback(None)
    assert len(server.acceptor.receivers) == 1


def test_few_silent_connections_are_left_alone() -> None:
    """Below the limit a client has all of channel_initialization_timeout."""
    server = Server()
    server.clock.advance(20)
    server.clock.advance(0)
    assert server.transport.state == "open"
