"""The pool of client connections, over connections in memory."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.faults import Fault
from netshare.framing.records import END, PREAMBLE_ACK, preamble
from netshare.testing.wire import MemoryTransport, connect
from netshare.transport.channels import errors
from netshare.transport.channels.pool import ConnectionPool, open_channel
from netshare.transport.channels.settings import ChannelSettings
from tests.helpers.channels import Receiver, results

ONE = "net.tcp://localhost:9000/one"
TWO = "net.tcp://LOCALHOST:9000/two"
ELSEWHERE = "net.tcp://localhost:9001/one"


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects to the test, or fails, or does not answer."""

    def __init__(self, net: Net, host: str, port: int) -> None:
        self.net, self.host, self.port = net, host, port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        self.net.asked.append((self.host, self.port))
        if self.net.error is not None:
            return fail(self.net.error)
        if self.net.silent:
            return Deferred(lambda d: self.net.asked.append("cancelled"))
        protocol = protocolFactory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        transport = connect(protocol)
        self.net.transports.append(transport)
        done: Deferred[Any] = Deferred()
        done.callback(protocol)
        return done


class Net:
    """A pool with a net of the test's."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.asked: list[Any] = []
        self.transports: list[MemoryTransport] = []
        self.error: Exception | None = None
        self.silent = False
        self.pool = ConnectionPool(self.clock, endpoint_for=self.endpoint, **options)

    def endpoint(self, host: str, port: int) -> Any:
        return Endpoint(self, host, port)

    def ask(self, via: str = ONE, **options: Any) -> list[Any]:
        """Begin to open a channel."""
        opened: list[Any] = []
        self.pool.open_channel(via, Receiver(), **options).addBoth(opened.append)
        return opened

    def open(self, via: str = ONE, at: int = -1) -> Any:
        """Open a channel on the given of the connections."""
        opened = self.ask(via)
        transport = self.transports[at]
        assert transport.take() == preamble(via)
        transport.receive(PREAMBLE_ACK)
        return opened[0]

    def close(self, channel: Any, at: int = -1) -> None:
        """Close a channel, End both ways."""
        closed = results(channel.close())
        transport = self.transports[at]
        assert transport.take() == END
        transport.receive(END)
        assert closed == [None]

    @property
    def states(self) -> list[str]:
        for transport in self.transports:
            transport.settle()
        return [transport.state for transport in self.transports]


def test_a_socket_is_used_again_whatever_the_path() -> None:
    """Sessions to one host and port share a socket, one after the other; hosts ignore case."""
    net = Net()
    for via in (ONE, TWO, ONE):
        net.close(net.open(via))
        assert net.pool.idle == 1
    assert net.asked == [("localhost", 9000)]
    net.open(ELSEWHERE)
    assert net.asked == [("localhost", 9000), ("localhost", 9001)]
    assert net.states == ["open", "open"]


def test_simultaneous_channels_have_a_socket_each() -> None:
    """A socket carries one session at a time; the one used last is used first."""
    net = Net()
    first, second = net.open(), net.open()
    net.close(first, 0)
    net.close(second, 1)
    assert net.pool.idle == 2
    net.open(at=1)
    net.open(at=0)
    assert len(net.transports) == 2
    assert net.pool.idle == 0


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_surplus_sockets_are_closed(limit: int) -> None:
    """Only so many unused sockets are kept for a host and port; 0 switches the pool off."""
    net = Net(max_outbound_connections_per_endpoint=limit)
    channels = [net.open() for _ in range(3)]
    for index, channel in enumerate(channels):
        net.close(channel, index)
    assert net.pool.idle == limit
    assert net.states == ["open"] * limit + ["lost"] * (3 - limit)


def test_an_unused_socket_goes_after_two_minutes() -> None:
    """The idle timeout closes a socket that nobody used."""
    net = Net()
    net.close(net.open())
    net.clock.advance(119)
    assert net.states == ["open"]
    net.clock.advance(2)
    assert net.states == ["lost"]
    assert net.pool.idle == 0
    assert net.clock.getDelayedCalls() == []


def test_a_socket_is_not_used_when_its_lease_is_over() -> None:
    """Five minutes after it was made a socket is neither kept nor used again."""
    net = Net(idle_timeout=1000)
    net.close(net.open())
    net.clock.advance(299)
    kept = net.open()
    net.clock.advance(2)
    net.close(kept)
    assert net.states == ["lost"]
    net.close(net.open())
    net.clock.advance(301)
    assert net.states == ["lost", "open"]
    net.open(at=2)
    assert net.states == ["lost", "lost", "open"]


@pytest.mark.parametrize("how", ["eof", "reset", "data"])
def test_a_socket_closed_by_the_server_is_noticed(how: str) -> None:
    """A kept socket on which anything happens is dropped, and the next session has a new one."""
    net = Net()
    net.close(net.open())
    transport = net.transports[0]
    if how == "eof":
        transport.receiveEof()
    elif how == "reset":
        transport.lose(ConnectionLost())
    else:
        transport.receive(b"\x0b")
    assert net.pool.idle == 0
    assert net.states == ["lost"]
    net.open(at=1)
    assert len(net.asked) == 2


@pytest.mark.parametrize("how", [Fault.ENDPOINT_NOT_FOUND, "eof", "reset", "nonsense"])
def test_a_refusal_on_a_kept_socket_is_tried_once_more(how: Any) -> None:
    """Fault, EOF and reset on a kept socket lead to one more try on a new one, without a word."""
    net = Net()
    net.close(net.open())
    opened = net.ask(TWO)
    old = net.transports[0]
    assert old.take() == preamble(TWO)
    refuse(old, how)
    assert opened == []
    assert net.transports[1].take() == preamble(TWO)
    net.transports[1].receive(PREAMBLE_ACK)
    assert opened[0].via == TWO
    assert net.states == ["lost", "open"]


def refuse(transport: MemoryTransport, how: Any) -> None:
    if isinstance(how, Fault):
        transport.receive(how.record)
    elif how == "eof":
        transport.receiveEof()
    elif how == "reset":
        transport.lose(ConnectionLost())
    else:
        transport.receive(b"HTTP")


def test_only_the_new_sockets_answer_counts() -> None:
    """What a new socket answers is reported, and a further kept one is not tried."""
    net = Net()
    first, second = net.open(), net.open()
    net.close(first, 0)
    net.close(second, 1)
    opened = net.ask()
    refuse(net.transports[1], Fault.SERVER_TOO_BUSY)
    refuse(net.transports[2], Fault.ENDPOINT_NOT_FOUND)
    assert opened[0].type is errors.EndpointNotFoundError
    assert net.states == ["open", "lost", "lost"]


def test_a_refusal_on_a_new_socket_is_reported_at_once() -> None:
    """Without a kept socket nothing is tried twice."""
    net = Net()
    opened = net.ask()
    refuse(net.transports[0], Fault.SERVER_TOO_BUSY)
    assert opened[0].type is errors.ServerTooBusyError
    assert len(net.transports) == 1


@pytest.mark.parametrize("kept", [False, True])
def test_silence_is_a_timeout(kept: bool) -> None:
    """A server that does not answer is waited for open_timeout long, and not tried again."""
    net = Net(idle_timeout=1000)
    if kept:
        net.close(net.open())
    opened = net.ask(settings=ChannelSettings(open_timeout=5))
    net.clock.advance(4.9)
    assert opened == []
    net.clock.advance(0.2)
    assert opened[0].type is errors.TimeoutError
    assert "see open_timeout" in opened[0].getErrorMessage()
    assert net.states == ["lost"]
    assert net.clock.getDelayedCalls() == []


def test_connecting_has_the_same_timeout() -> None:
    """A connection that does not come about is given up after open_timeout."""
    net = Net()
    net.silent = True
    opened = net.ask()
    net.clock.advance(61)
    assert opened[0].type is errors.TimeoutError
    assert net.asked[-1] == "cancelled"


def test_an_opening_can_be_cancelled() -> None:
    """Who cancels gets CancelledError and leaves no connection behind."""
    net = Net()
    opening = net.pool.open_channel(ONE, Receiver())
    got = results(opening)
    opening.cancel()
    assert got == [CancelledError]
    assert net.states == ["lost"]
    assert net.clock.getDelayedCalls() == []


@pytest.mark.parametrize("error", [OSError("down"), DNSLookupError("no such host")])
def test_nobody_there_is_endpoint_not_found(error: Exception) -> None:
    """A host that cannot be reached is an EndpointNotFoundError that says where."""
    net = Net()
    net.error = error
    opened = net.ask()
    assert opened[0].type is errors.EndpointNotFoundError
    assert "at localhost, port 9000" in opened[0].getErrorMessage()


@pytest.mark.parametrize("via", ["", "calc", "/path", "net.tcp://", "urn://host"])
def test_an_address_that_is_none_is_a_value_error(via: str) -> None:
    """What cannot be connected to is refused at once."""
    with pytest.raises(ValueError, match="cannot be opened"):
        Net().pool.open_channel(via, Receiver())


def test_a_via_that_is_too_long_costs_no_connection() -> None:
    """An address over 2048 bytes is a QuotaExceededError before anything is connected."""
    net = Net()
    opened = net.ask(ONE + "/" + "x" * 2048)
    assert opened[0].type is errors.QuotaExceededError
    assert net.asked == []


@pytest.mark.parametrize(
    ("via", "where"),
    [
        ("net.tcp://Example.COM/x", ("example.com", 808)),
        ("net.tcp://[::1]:9000/x", ("::1", 9000)),
        ("net.tcp://me@host:9000/x", ("host", 9000)),
    ],
)
def test_where_a_via_leads(via: str, where: tuple[str, int]) -> None:
    """Host and port of the via say where to connect; the default port is 808."""
    net = Net()
    net.ask(via)
    assert net.asked == [where]


def test_closing_the_pool() -> None:
    """close() closes what is kept, waits for what is open, keeps nothing and opens nothing."""
    net = Net()
    busy, unused = net.open(), net.open()
    net.close(unused, 1)
    closed = results(net.pool.close())
    assert net.states == ["open", "lost"]
    assert closed == []
    assert net.ask()[0].type is errors.CommunicationObjectAbortedError
    net.close(busy, 0)
    assert net.states == ["lost", "lost"]
    assert closed == [None]
    assert results(net.pool.close()) == [None]
    assert net.clock.getDelayedCalls() == []


def test_an_aborted_channel_returns_nothing() -> None:
    """The socket of an aborted channel is reset and not kept."""
    net = Net()
    net.open().abort()
    assert net.states == ["lost"]
    assert net.pool.idle == 0


def test_one_channel_without_a_pool() -> None:
    """open_channel connects to the given endpoint and closes the connection after the channel."""
    net = Net()
    opened: list[Any] = []
    open_channel(net.clock, ONE, Receiver(), endpoint=net.endpoint("elsewhere", 1)).addBoth(
        opened.append
    )
    assert net.asked == [("elsewhere", 1)]
    net.transports[0].take()
    net.transports[0].receive(PREAMBLE_ACK)
    assert not isinstance(opened[0], Failure)
    net.close(opened[0])
    assert net.states == ["lost"]
    assert net.clock.getDelayedCalls() == []
