"""From a request to its operation."""

from __future__ import annotations

import pytest

from netshare.transport.contracts.behavior import (
    AddressFilterMode,
)
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import HERE, Counting, ITest, World, binding
from tests.peers.contracts import ISession
from tests.peers.services import Session


def test_first_calls_have_to_be_initiating(world: World) -> None:
    """An operation that cannot begin a session is refused at its beginning, not later."""
    world.serve(ISession, Session)
    channel = world.channel(contract=ISession)
    with pytest.raises(FaultError, match="ContractFilter") as caught:
        world.now(channel.operations.Total())
    assert caught.value.action == "http://www.w3.org/2005/08/addressing/fault"
    assert world.now(channel.operations.Increment()) == 1
    assert world.now(channel.operations.Total()) == 1


def test_endpoints_of_one_listener(world: World) -> None:
    """Several endpoints listen at one URI, told apart by address and contract."""
    host = world.host(service=type("Both", (Counting, Session), {}))
    host.add_endpoint(ITest, binding(), "one", listen_uri="all")
    host.add_endpoint(ISession, binding(), "one", listen_uri="all")
    host.add_endpoint(ITest, binding(), "net.tcp://far.away:9000/two", listen_uri="all")
    world.now(host.open())
    via = "net.tcp://127.0.0.1:9000/all"
    for address, contract, method in [
        ("net.tcp://127.0.0.1:9000/one", ITest, "Count"),
        ("net.tcp://127.0.0.1:9000/one", ISession, "Increment"),
        ("net.tcp://far.away:9000/two", ITest, "Count"),
    ]:
        channel = world.channel(address, via, contract=contract)
        assert world.now(getattr(channel.operations, method)()) == 1
    with pytest.raises(FaultError, match="AddressFilter"):
        world.now(world.channel(via, via).operations.Count())


@pytest.mark.parametrize(
    ("mode", "taken"),
    [
        (AddressFilterMode.EXACT, {"/here", "/HERE/"}),
        (AddressFilterMode.PREFIX, {"/here", "/HERE/", "/here/more"}),
        (AddressFilterMode.ANY, {"/here", "/HERE/", "/here/more", "/there"}),
    ],
)
def test_address_filters(world: World, mode: AddressFilterMode, taken: set[str]) -> None:
    """To is compared as the filter mode says, ignoring case."""
    world.serve(address_filter_mode=mode)
    for path in ("/here", "/HERE/", "/here/more", "/there"):
        calls = world.channel(f"net.tcp://127.0.0.1:9000{path}", HERE).operations
        if path in taken:
            assert world.now(calls.Count()) == 1
        else:
            with pytest.raises(FaultError, match="AddressFilter"):
                world.now(calls.Count())
