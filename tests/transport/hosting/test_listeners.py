"""The listener of one address."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from zope.interface.verify import verifyObject

from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.transport.calls.interfaces import IChannelKeeper
from netshare.transport.channels.interfaces import IChannelAcceptor
from netshare.transport.channels.settings import Acceptance
from netshare.transport.hosting.listeners import ChannelListener, address_below
from netshare.transport.hosting.ownport import OwnPorts
from tests.helpers.world import HERE, World

PEER = IPv4Address("TCP", "192.0.2.1", 5000)
BINARY = "application/soap+msbinsession1"


def listener(world: World) -> ChannelListener:
    """The one listener of a host."""
    world.serve()
    (port,) = OwnPorts.of(world.reactor).ports.values()
    return port._listeners[0]


@pytest.mark.parametrize(
    ("mode", "content_type", "answer"),
    [
        (Mode.DUPLEX, BINARY, Acceptance),
        (Mode.SINGLETON, BINARY, Fault.UNSUPPORTED_MODE),
        (Mode.DUPLEX, "application/soap+msbin1", Fault.CONTENT_TYPE_INVALID),
    ],
)
def test_which_sessions_it_takes(
    world: World, mode: Mode, content_type: str, answer: object
) -> None:
    """Mode and content type have to be the binding's; the fault says which is not."""
    found = listener(world)
    verifyObject(IChannelAcceptor, found)
    verifyObject(IChannelKeeper, found)
    said = found.channelOpening(HERE, mode, content_type, PEER)
    assert said is answer or isinstance(said, answer if isinstance(answer, type) else ())


def test_its_host_is_closing(world: World) -> None:
    """It takes no sessions any more."""
    found = listener(world)
    found.accepting = False
    assert found.channelOpening(HERE, Mode.DUPLEX, BINARY, PEER) is Fault.ENDPOINT_NOT_FOUND


def test_it_keeps_its_channels(world: World) -> None:
    """A session is kept until it is over."""
    found = listener(world)
    channel = world.channel()
    world.now(channel.operations.Count())
    assert len(found.channels) == 1
    world.now(channel.close())
    assert found.channels == set()


@pytest.mark.parametrize(
    ("base", "path", "address"),
    [
        ("net.tcp://h/a", "", "net.tcp://h/a"),
        ("net.tcp://h/a/", "b", "net.tcp://h/a/b"),
        ("net.tcp://h/a", "/b", "net.tcp://h/a/b"),
        ("net.tcp://h/a", "net.tcp://other/b", "net.tcp://other/b"),
    ],
)
def test_addresses_below_a_base(base: str, path: str, address: str) -> None:
    """A relative address is below the base, an absolute one stays."""
    assert address_below(base, path) == address
