"""One address, several services: as several processes serve it behind a shared port."""

from __future__ import annotations

import pytest
from twisted.internet.defer import gatherResults

from netshare.control.commands import ConflictingRegistration
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.hosting.host import ServiceHost
from tests.integration.hosting import binding
from tests.integration.running import AcknowledgingFactory, RunningService
from tests.peers.contracts import IBasic
from tests.peers.services import Basic


def host(service: RunningService, name: str, shared: bool) -> ServiceHost:
    """A service that says its name."""
    from twisted.internet import reactor

    named = type("Basic", (Basic,), {"name": name, "notes": []})
    made = ServiceHost(named, reactor, control=service.control, shared_addresses=shared)
    made.add_endpoint(IBasic, binding(port_sharing_enabled=True), address(service))
    return made


def address(service: RunningService) -> str:
    """Where both are."""
    return f"net.tcp://127.0.0.1:{service.port}/together"


async def test_sessions_are_spread(service: RunningService) -> None:
    """Each of two hosts at one address gets sessions, and a session stays where it is."""
    from twisted.internet import reactor

    hosts = [host(service, name, True) for name in ("one", "two")]
    for each in hosts:
        await each.open()
    factory = ChannelFactory(IBasic, binding(), reactor)
    channels = [factory.create_channel(address(service)) for _ in range(4)]
    try:
        first = await gatherResults([channel.operations.Who() for channel in channels])
        again = await gatherResults([channel.operations.Who() for channel in channels])
        assert sorted(first) == ["one", "one", "two", "two"]
        assert again == first
    finally:
        await gatherResults([channel.close() for channel in channels])
        await factory.close()
        for each in hosts:
            await each.close()


@pytest.mark.parametrize("fast", [True, False])
async def test_open_connections_count(service: RunningService, fast: bool) -> None:
    """A worker that joins others gets the next connections, until it has as many as they."""
    old, new = AcknowledgingFactory("old"), AcknowledgingFactory("new")
    await service.worker("together", old, shared=True, fast=fast)
    for _ in range(6):
        await service.call("together")
    await service.settle(lambda: len(old.connections) == 6)
    await service.worker("together", new, shared=True, fast=fast)
    rows = service.shared.status.registrations
    await service.settle(lambda: [row.get("connections") for row in rows(0, 10)[0]] == [6, 0])
    for _ in range(6):
        await service.call("together")
    await service.settle(lambda: len(old.connections) + len(new.connections) == 12)
    assert (len(old.connections), len(new.connections)) == (6, 6)
    for connection in old.connections:
        connection.transport.abortConnection()
    await service.settle(lambda: [row.get("connections") for row in rows(0, 10)[0]] == [0, 6])
    for _ in range(4):
        await service.call("together")
    await service.settle(lambda: len(old.connections) + len(new.connections) == 16)
    assert (len(old.connections), len(new.connections)) == (10, 6)


@pytest.mark.parametrize(("first", "second"), [(False, False), (True, False), (False, True)])
async def test_both_have_to_agree(service: RunningService, first: bool, second: bool) -> None:
    """An address belongs to one host unless both say that it is shared."""
    owner, other = host(service, "owner", first), host(service, "other", second)
    await owner.open()
    try:
        with pytest.raises(ConflictingRegistration):
            await other.open()
    finally:
        await owner.close()
