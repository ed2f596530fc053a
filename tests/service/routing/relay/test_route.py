"""netshare.service.routing.relay.route: a relay's settings and books."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netshare.interfaces import IRoute
from netshare.outcomes import Outcome
from netshare.service.proxyprotocol import proxy_header
from tests.helpers.relaying import PREAMBLE, RelayUnderTest


def test_the_books(relay: RelayUnderTest) -> None:
    """A relayed connection is active, and holds two descriptors, until it is over."""
    verifyObject(IRoute, relay.route)
    client, server = relay.opened()
    (arrival,) = relay.arrivals
    assert (arrival.outcome, arrival.keeps, arrival.detail) == (Outcome.RELAYED, 2, "server 0")
    assert len(relay.route.active) == 1
    assert relay.servers[0].server.active == 1
    server.close()
    client.close()
    relay.settle()
    assert not relay.route.active
    assert relay.servers[0].server.active == 0
    assert relay.descriptors() == 0


def test_stopping(relay: RelayUnderTest) -> None:
    """Stopping cuts what is relayed."""
    client, server = relay.opened()
    relay.route.stop()
    relay.settle()
    assert not relay.route.active
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            end.recv(1)


@pytest.mark.parametrize("data", [PREAMBLE[:-1], PREAMBLE], ids=["preamble", "dialling"])
def test_stopping_before_it_is_relayed(relay: RelayUnderTest, data: bytes) -> None:
    """Neither a client that is still sending nor one that waits for an answer outlives it."""
    arrival = relay.arrive(data)
    relay.route.stop()
    assert arrival.outcome is Outcome.SHUTDOWN


def test_where_and_state() -> None:
    """A relay is down when none of its servers could be reached the last time."""
    one = RelayUnderTest(False, False)
    assert (one.route.where, one.route.state) == ("server 0 or server 1", "ready")
    arrival = one.arrive()
    assert arrival.outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert one.route.state == "down"
    one.servers[1].server.reached()
    assert one.route.state == "ready"
    one.finish()


def test_the_header_comes_first() -> None:
    """With proxy the server reads who the client is before anything of it."""
    one = RelayUnderTest(proxy=True)
    arrival = one.arrive()
    expected = proxy_header(arrival.peer, arrival.local) + PREAMBLE
    assert one.servers[0].accept().recv(1000) == expected
    one.finish()


def test_an_idle_limit() -> None:
    """With one, a connection on which nothing moves for so long is cut; others live on."""
    one = RelayUnderTest(idleTimeout=40)
    idle, _ = one.opened()
    lively, server = one.opened()
    for _ in range(6):
        server.sendall(b"x")
        one.settle()
        one.reactor.advance(10)
    assert len(one.route.active) == 1
    with pytest.raises(ConnectionResetError):
        idle.recv(1)
    one.settle()
    assert lively.recv(10) == b"x" * 6
    one.finish()


def test_no_idle_limit(relay: RelayUnderTest) -> None:
    """Without one a connection may do nothing for ever, and no delayed call waits for it."""
    relay.opened()
    assert relay.reactor.getDelayedCalls() == []
