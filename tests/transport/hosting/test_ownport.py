"""Ports that a process opens for itself."""

from __future__ import annotations

import pytest

from netshare.transport.channels.errors import (
    EndpointNotFoundError,
)
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.hosting.ownport import AddressInUseError, OwnPorts
from tests.helpers.world import HERE, ITest, World, binding
from tests.peers.contracts import ISession
from tests.peers.services import Session


def test_hosts_of_a_process_share_a_port(world: World) -> None:
    """Two hosts listen on one port, the deeper address wins, and the same one twice is refused."""
    world.serve()
    deeper = world.host(service=Session)
    deeper.add_endpoint(ISession, binding(), "here/deeper")
    world.now(deeper.open())
    assert len(world.reactor.tcpServers) == 1
    assert world.now(world.channel().operations.Count()) == 1
    session = world.channel(HERE + "/deeper", contract=ISession)
    assert world.now(session.operations.Increment()) == 1
    again = world.host()
    again.add_endpoint(ITest, binding(), "here")
    with pytest.raises(AddressInUseError):
        world.now(again.open())
    world.now(deeper.close())
    with pytest.raises(EndpointNotFoundError):
        world.now(world.channel("net.tcp://127.0.0.1:9000/nothing").operations.Count())


def test_addresses_are_not_remembered_too_long(world: World) -> None:
    """An address that was asked for before goes to whoever answers to it now."""
    world.serve()
    path = HERE + "/deeper"
    for _ in range(2):
        with pytest.raises(FaultError, match="AddressFilter"):
            world.now(world.channel(path).operations.Count())
    deeper = world.host()
    deeper.add_endpoint(ITest, binding(), "here/deeper")
    world.now(deeper.open())
    for _ in range(2):
        assert world.now(world.channel(path).operations.Count()) == 1
    world.now(deeper.close())
    for _ in range(2):
        with pytest.raises(FaultError, match="AddressFilter"):
            world.now(world.channel(path).operations.Count())


def test_addresses_that_are_remembered_are_bounded(world: World) -> None:
    """Clients that ask for ever new addresses do not fill the memory of a port."""
    world.serve()
    (port,) = OwnPorts.of(world.reactor).ports.values()
    for number in range(600):
        assert port._listener(f"{HERE}/{number}") is not None
        assert port._listener(f"net.tcp://127.0.0.1:9000/{number}") is None
    assert 0 < len(port._known) <= 256


def test_a_host_that_listens_everywhere(world: World) -> None:
    """A host name means all interfaces, both families."""
    host = world.host()
    host.add_endpoint(ITest, binding(), "net.tcp://some.name:9100/here")
    world.now(host.open())
    assert [(one[0], one[3]) for one in world.reactor.tcpServers] == [
        (9100, "0.0.0.0"),
        (9100, "::"),
    ]
