"""netshare.service.takeover.giving: a service that gives everything, or serves on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from netshare.addresses import parse_base_address
from netshare.control.commands import TakeOverRefused
from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.quotas import Quotas
from netshare.service.records import (
    CountersRecord,
    EndRecord,
    ExpectRecord,
    Record,
    UndecidedRecord,
    WaitingRecord,
)
from netshare.service.shared import SharedPort
from netshare.service.takeover.channel import READY, TAKEN, YOURS, Channel
from netshare.service.takeover.giving import Giving, Phase, heard, tell
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket
from netshare.testing import AdoptingReactor, tcpPair

PEER = Peer(4711, os.geteuid(), frozenset())
ADDRESS = "net.tcp://+/one"


class Service:
    """A service in memory that can be taken over."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        quotas = Quotas(firstByteTimeout=60, receiveTimeout=60, dispatchTimeout=60)
        self.shared = SharedPort(self.reactor, quotas)
        self.refusal: str | None = None
        self.left: list[socket.socket] = []
        self.committed: list[int] = []
        self.giving = Giving(
            self.reactor,
            self.shared,
            lambda: (),
            lambda *_: self.refusal,
            self.committed.append,
            self.left.append,
        )
        self.shared.registry.expect(parse_base_address(ADDRESS), 60.0)

    def successor(self) -> socket.socket:
        """The successor's end of the channel."""
        return socket.socket(fileno=os.dup(self.giving.begin(1, PEER)))

    def accept(self, data: bytes) -> socket.socket:
        client, server = tcpPair()
        client.sendall(data)
        self.shared.factory.accepted(HeldSocket(server.detach()), "10.0.0.1:5", "10.0.0.2:808")
        return client


@pytest.fixture
def service() -> Service:
    return Service()


def settle(service: Service) -> None:
    for _ in range(600):
        service.reactor.advance(0.01)


def test_everything_is_given(service: Service) -> None:
    """What waits, what is undecided and what was counted come in this order, and then the end."""
    opening = preamble("net.tcp://host/one")
    clients = [service.accept(opening), service.accept(opening[:9])]
    theirs = service.successor()
    theirs.send(READY)
    theirs.send(TAKEN)
    settle(service)
    channel = Channel(theirs)
    records: list[Record] = []
    while not records or not isinstance(records[-1], EndRecord):
        handed = channel.receive()
        records.append(handed.record)
        for descriptor in handed.descriptors:
            os.close(descriptor)
    channel.hear(YOURS)
    counters, undecided, expected, waiting, _ = records
    assert isinstance(counters, CountersRecord)
    assert counters.accepted == 2
    assert isinstance(expected, ExpectRecord)
    assert expected.address == ADDRESS
    assert 0 < expected.left <= 60
    assert isinstance(waiting, WaitingRecord)
    assert (waiting.via, waiting.readData) == ("net.tcp://host/one", opening)
    assert waiting.left is not None
    assert isinstance(undecided, UndecidedRecord)
    assert (undecided.readData, undecided.peer) == (opening[:9], "10.0.0.1:5")
    assert undecided.left is not None
    assert service.giving.phase is Phase.GONE
    admission = service.shared.admission
    assert (admission.pending, admission.pendingBytes, admission.descriptors) == (0, 0, 0)
    assert not service.shared.counts.outcomes
    assert (len(service.left), service.committed) == (1, [PEER.pid])
    for one in (*clients, *service.left):
        one.close()
    channel.close()


@pytest.mark.parametrize(
    "act",
    [
        lambda theirs: theirs.close(),
        lambda theirs: theirs.send(b"what?"),
        lambda theirs: (theirs.send(READY), theirs.send(b"no")),
        lambda theirs: (theirs.send(READY), theirs.close()),
    ],
)
def test_a_successor_that_fails(service: Service, act: Callable[[socket.socket], object]) -> None:
    """Whatever it does instead of taking, the service serves on, and can be taken over again."""
    with service.accept(preamble("net.tcp://host/one")), service.accept(b"\x00\x01") as begun:
        theirs = service.successor()
        with theirs:
            act(theirs)
            settle(service)
        assert service.giving.phase is Phase.SERVING
        assert not service.left
        assert service.shared.admission.descriptors == 2
        begun.sendall(preamble("net.tcp://host/other")[2:])
        service.reactor.settle()
        assert service.shared.counts.outcomes == {Outcome.ENDPOINT_NOT_FOUND: 1}
        theirs = service.successor()
        theirs.close()
        settle(service)
    service.shared.registry.stop()
    service.reactor.settle()


def test_refusals(service: Service) -> None:
    """A second one at the same time is refused, and any that the service does not want."""
    service.refusal = "not today"
    with pytest.raises(TakeOverRefused, match="not today"):
        service.giving.begin(1, PEER)
    service.refusal = None
    with service.successor(), pytest.raises(TakeOverRefused, match="another process"):
        service.giving.begin(1, PEER)
    settle(service)
    assert service.giving.phase is Phase.SERVING


def test_a_silent_successor() -> None:
    """One that is never ready is waited for, and then no more."""
    clock: Any = MemoryReactorClock()
    never: Any = lambda *_: None  # noqa: E731
    giving = Giving(clock, SharedPort(clock), lambda: (), never, never, never)
    theirs = os.dup(giving.begin(1, PEER))
    for _ in range(2600):
        clock.advance(0.002)
    assert giving.phase is Phase.SERVING
    os.close(theirs)


def test_telling() -> None:
    """The successor hears the last number, that there is none, and the end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    assert heard(theirs) == -1
    tell(ours, 3)
    tell(ours, 2)
    assert heard(theirs) == 2
    ours.close()
    assert heard(theirs) is None
    tell(theirs, 1)  # to a far end that is gone
    theirs.close()
