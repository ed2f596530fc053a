"""Routes to a Factory in this process, and to a fault."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyObject

from netshare.framing.faults import Fault
from netshare.interfaces import IRoute
from netshare.outcomes import Outcome
from netshare.service.routing.routes import FaultRoute, LocalRoute
from tests.helpers.front import PREAMBLE, Front, everything, is_reset


class Received(Protocol):
    """Keeps what it is sent."""

    def __init__(self, fails: bool = False) -> None:
        self.data = b""
        self.fails = fails

    def dataReceived(self, data: bytes) -> None:
        if self.fails:
            raise RuntimeError("a mistake in somebody's protocol")
        self.data += data


def local_route(front: Front, protocol: Any) -> LocalRoute:
    factory = Factory()
    factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign]
    route = LocalRoute(front.reactor, factory)
    verifyObject(IRoute, route)
    front.router = route.render
    return route


def test_a_local_route(front: Front) -> None:
    """A Factory in this process gets every byte from the preamble on, and the connection."""
    protocol = Received()
    local_route(front, protocol)
    client = front.connect(PREAMBLE)
    front.send(client, b"more")
    assert protocol.data == PREAMBLE + b"more"
    assert protocol.transport is not None
    protocol.transport.write(b"answer")
    protocol.transport.loseConnection()
    front.reactor.settle()
    assert everything(client) == b"answer"
    assert front.outcomes.outcomes == [Outcome.LOCAL]
    front.check()


def test_a_local_factory_that_wants_no_protocol(front: Front) -> None:
    """It is busy: the client is told so, and it is counted as that."""
    local_route(front, None)
    assert everything(front.connect(PREAMBLE)) == Fault.SERVER_TOO_BUSY.record
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]


def test_a_local_protocol_that_fails(front: Front) -> None:
    """Its connection is lost, as on any port, and has its one outcome."""
    local_route(front, Received(fails=True))
    assert is_reset(front.connect(PREAMBLE))
    assert front.outcomes.outcomes == [Outcome.LOCAL]


def test_a_local_factory_that_fails(front: Front) -> None:
    """A Factory that raises costs its connection only."""

    class Failing(Factory):
        def buildProtocol(self, addr: object) -> Protocol:
            raise RuntimeError("a mistake in somebody's Factory")

    front.router = LocalRoute(front.reactor, Failing()).render
    assert is_reset(front.connect(PREAMBLE))
    assert front.outcomes.outcomes == [Outcome.CONNECTION_DISPATCH_FAILED]


def test_a_local_route_whose_client_has_left(front: Front) -> None:
    """A client that reset its connection meanwhile is counted as gone."""
    route = local_route(front, Received())
    front.router = front.arrivals.append
    client = front.connect(PREAMBLE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    route.render(front.arrivals[0])
    assert front.outcomes.outcomes == [Outcome.CLIENT_GONE]


def test_a_fault_route(front: Front) -> None:
    """An address can be closed for maintenance."""
    route = FaultRoute(Outcome.ENDPOINT_UNAVAILABLE, "closed until tomorrow")
    verifyObject(IRoute, route)
    front.router = route.render
    assert everything(front.connect(PREAMBLE)) == Fault.ENDPOINT_UNAVAILABLE.record
    assert front.outcomes.outcomes == [Outcome.ENDPOINT_UNAVAILABLE]
