"""A host opens, is refused what cannot be, and closes."""

from __future__ import annotations

import pytest

from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import (
    CommunicationError,
)
from netshare.transport.contracts.binding import (
    TransferMode,
)
from netshare.transport.contracts.decorators import SessionMode, operation, service_contract
from netshare.transport.contracts.description import ContractError
from netshare.transport.hosting.host import ServiceHost
from tests.helpers.world import Counting, ITest, World, binding
from tests.peers.contracts import ISession
from tests.peers.services import Session


def test_closing_waits_for_calls(world: World) -> None:
    """A host that closes, and a client that closes, wait for the call under way."""
    host = world.serve()
    channel = world.channel()
    waited = world.start(channel.operations.Wait("one"))
    closing = world.start(channel.close())
    closed = world.start(host.close())
    assert (waited, closing, closed) == ([], [], [])
    Counting.waiting["one"].callback("1")
    world.flow()
    assert (waited, closing) == (["1"], [None])
    assert channel.state is CommunicationState.CLOSED


def test_closing_does_not_wait_for_ever(world: World) -> None:
    """What is still there after the host's timeout is aborted."""
    host = world.serve()
    channel = world.channel()
    waited = world.start(channel.operations.Wait("one"))
    closed = world.start(host.close(timeout=3))
    world.reactor.advance(4)
    world.flow()
    assert closed == [None]
    with pytest.raises(CommunicationError):
        waited[0].raiseException()


def test_services_that_cannot_be(world: World) -> None:
    """Missing methods, sessions over streams, and addresses without a base are refused."""

    class Half:
        def Count(self) -> int:
            return 0

    with pytest.raises(ContractError, match=r"Half does not implement ITest\.Wait"):
        world.host(Half).add_endpoint(ITest, binding(), "x")
    with pytest.raises(ContractError, match=r"ITest does not implement ITest2?\."):
        world.host(type("ITest", (ITest,), {})).add_endpoint(ITest, binding(), "x")
    streamed = binding(transfer_mode=TransferMode.STREAMED)
    with pytest.raises(ContractError, match="requires a session"):
        world.host(Session).add_endpoint(ISession, streamed, "x")
    with pytest.raises(ContractError, match="callback contract"):
        world.host().add_endpoint(ITest, streamed, "x")

    @service_contract(session_mode=SessionMode.NOT_ALLOWED)
    class ISessionless:
        @operation
        def Count(self) -> int: ...

    with pytest.raises(ContractError, match="does not allow a session"):
        world.host(Half).add_endpoint(ISessionless, binding(), "x")
    world.host(Half).add_endpoint(ISessionless, streamed, "x")
    with pytest.raises(ValueError, match="no base address"):
        ServiceHost(Counting, world.reactor).add_endpoint(ITest, binding(), "x")
    host = world.host()
    host.add_endpoint(ITest, binding(), "x")
    with pytest.raises(ValueError, match="two bindings"):
        host.add_endpoint(ITest, binding(send_timeout=1), "y", listen_uri="x")
    with pytest.raises(TypeError, match="give callback="):
        world.client(callback=None)
