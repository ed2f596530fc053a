"""
Sockets that are used again: the next preamble is for somebody else, and the worker gives it back.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from zope.interface import implementer

from netshare.control import commands
from netshare.control.protocol import ControlProtocol
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import END, PREAMBLE_ACK, preamble
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.outcomes import Outcome
from netshare.service.desk.returns import MAX_BOUNCES
from tests.integration.running import AcknowledgingFactory, RawClient, RunningService

reactor: Any = _reactor


@pytest.fixture(params=[True, False], ids=["fast-lane", "amp-lane"])
def fast(request: pytest.FixtureRequest) -> bool:
    """Every test runs over both lanes."""
    return bool(request.param)


@implementer(ISharedConnectionReceiver)
class Pooling(Protocol):
    """
    The framing half of a net.tcp server: ack, End for End, and what is not its own goes back.
    """

    transport: Any
    factory: PoolingFactory
    connection: ISharedConnection | None = None

    def connectionMade(self) -> None:
        self.received = b""
        self.open = False
        self.factory.connections.append(self)

    def connectionShared(self, connection: ISharedConnection) -> None:
        self.connection = connection

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        while self.received:
            if self.open:
                assert self.received[:1] == END
                self.transport.write(END)
                self.received = self.received[1:]
                self.open = False
                continue
            if self.factory.returnsAtOnce and self.connection is not None:
                self.giveBack()
                return
            reading = read_preamble(self.received)
            if not isinstance(reading, Preamble):
                return
            assert self.connection is not None
            if not self.connection.isMine(reading.via):
                self.giveBack()
                return
            whole = read_preamble(self.received, Stage.ANSWER)
            if not isinstance(whole, Preamble):
                return
            self.transport.write(PREAMBLE_ACK + self.factory.name)
            self.received = self.received[whole.end :]
            self.open = True

    def giveBack(self) -> None:
        assert self.connection is not None
        self.factory.givenBack += 1
        given = self.connection.giveBack(self.received)
        given.addErrback(lambda failure: self.factory.refusedBack.append(failure.value))
        self.received = b""

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.factory.connections.remove(self)


class PoolingFactory(AcknowledgingFactory):
    """Makes :class:`Pooling` protocols."""

    protocol = Pooling

    def __init__(self, name: str, returnsAtOnce: bool = False) -> None:
        super().__init__(name)
        self.returnsAtOnce = returnsAtOnce
        self.givenBack = 0
        self.refusedBack: list[Exception] = []

    def doStop(self) -> None:
        for connection in list(self.connections):
            connection.transport.abortConnection()


async def use(client: RawClient, service: RunningService, path: str, answer: bytes) -> None:
    """One channel's life on a socket: preamble, ack with the worker's name, End, End."""
    before = len(client.received)
    client.send(preamble(service.address(path)))
    wanted = PREAMBLE_ACK + answer
    await client.until(before + len(wanted))
    assert client.received[before:] == wanted
    client.send(END)
    await client.until(before + len(wanted) + 1)
    assert client.received[-1:] == END


async def test_one_socket_visits_two_workers(service: RunningService) -> None:
    """A pooled socket changes workers with each preamble, and stays the same connection."""
    one, two = PoolingFactory("one"), PoolingFactory("two")
    await service.worker("one", one)
    await service.worker("two", two)
    client = await service.client()
    for _ in range(20):
        await use(client, service, "one", b"one")
        await use(client, service, "one", b"one")
        await use(client, service, "two", b"two")
    counts = service.shared.counts
    assert counts.accepted == 1
    assert counts.returned == 39
    assert service.count(Outcome.HANDED_OVER) == 40
    assert (one.givenBack, two.givenBack) == (20, 19)
    client.abort()
    await service.settle(service.balanced)


async def test_overlapping_addresses(service: RunningService) -> None:
    """A worker of /one never serves /one/deeper on a socket that came for /one, and back."""
    one, deeper = PoolingFactory("one"), PoolingFactory("deeper")
    await service.worker("one", one)
    await service.worker("one/deeper", deeper)
    client = await service.client()
    for _ in range(5):
        await use(client, service, "one", b"one")
        await use(client, service, "one/deeper", b"deeper")
        await use(client, service, "one/other", b"one")
        await use(client, service, "one/deeper/still", b"deeper")
    assert service.shared.counts.accepted == 1


async def test_a_deeper_address_registered_later(service: RunningService) -> None:
    """Sockets in a pool learn of an address that was registered while they lay there."""
    one, deeper = PoolingFactory("one"), PoolingFactory("deeper")
    await service.worker("one", one)
    client = await service.client()
    await use(client, service, "one/deeper", b"one")
    await service.worker("one/deeper", deeper)
    await use(client, service, "one/deeper", b"deeper")
    await use(client, service, "one/other", b"one")
    assert service.shared.counts.accepted == 1


async def test_a_stronger_host_registered_later(service: RunningService) -> None:
    """The same for a registration that is compared first, though its path is shorter."""
    weak, strong = PoolingFactory("weak"), PoolingFactory("strong")
    await service.worker("a/b", weak, hostNameComparisonMode="WeakWildcard")
    client = await service.client()
    await use(client, service, "a/b/c", b"weak")
    await service.worker("a", strong)
    await use(client, service, "a/b/c", b"strong")


async def test_a_worker_that_unregisters_gives_its_sockets_back(service: RunningService) -> None:
    """A socket in the pool of a worker that no longer listens goes to whoever does."""
    first, second = PoolingFactory("first"), PoolingFactory("second")
    first.doStop = lambda: None  # type: ignore[method-assign]
    port = await service.worker("one", first)
    client = await service.client()
    await use(client, service, "one", b"first")
    await service.worker("other", PoolingFactory("other"))
    await port.stopListening()
    await service.worker("one", second)
    await use(client, service, "one", b"second")
    assert first.refusedBack == []
    await service.settle(lambda: port not in port._session._members)  # nothing has to go back


async def test_a_service_that_is_restarted_meanwhile(service: RunningService) -> None:
    """A socket that changes workers just then waits for the next service, and notices nothing."""
    one, two = PoolingFactory("one"), PoolingFactory("two")
    port = await service.worker("one", one)
    await service.worker("two", two)
    client = await service.client()
    await use(client, service, "one", b"one")
    await service.leave()
    await service.settle(lambda: port._session.link is None)
    client.send(preamble(service.address("two")))
    await service.settle(lambda: one.givenBack == 1)
    await service.comeBack()
    await client.until(len(PREAMBLE_ACK + b"one") + 1 + len(PREAMBLE_ACK + b"two"))
    assert client.received.endswith(PREAMBLE_ACK + b"two")
    client.send(END)
    await client.until(len(client.received) + 1)
    await use(client, service, "one", b"one")
    assert (one.refusedBack, two.refusedBack) == ([], [])


async def test_a_service_that_ends_meanwhile(service: RunningService) -> None:
    """Sockets that change workers in the very moment in which a service ends are lost with none."""
    factories = {name: PoolingFactory(name) for name in ("one", "two")}
    for name, factory in factories.items():
        await service.worker(name, factory)
    clients = [await service.client() for _ in range(20)]
    for client in clients:
        await use(client, service, "one", b"one")
    ending = ensureDeferred(service.leave())
    for client in clients:
        client.send(preamble(service.address("two")))
        await deferLater(reactor, 0.001)
    await ending
    await service.comeBack()
    for client in clients:
        await client.until(len(PREAMBLE_ACK + b"one") + 1 + len(PREAMBLE_ACK + b"two"))
        assert client.received.endswith(PREAMBLE_ACK + b"two")
    assert all(factory.refusedBack == [] for factory in factories.values())


async def test_part_of_a_preamble_comes_back(service: RunningService) -> None:
    """A worker may return a socket before the via is complete; the service reads on."""
    one, two = PoolingFactory("one", returnsAtOnce=True), PoolingFactory("two")
    two.returnsAtOnce = False
    await service.worker("two", two)
    client = await service.client()
    await use(client, service, "two", b"two")
    two.returnsAtOnce = True
    whole = preamble(service.address("two"))
    client.send(whole[:9])
    await service.settle(lambda: two.givenBack == 1)
    two.returnsAtOnce = False
    await deferLater(reactor, 0.05)
    before = len(client.received)
    client.send(whole[9:])
    await client.until(before + 4)
    assert client.received[before:] == PREAMBLE_ACK + b"two"
    assert one.givenBack == 0


async def test_part_of_a_preamble_gets_a_fresh_timeout(service: RunningService) -> None:
    """A returned client that says nothing more is cut off like any other."""
    two = PoolingFactory("two")
    await service.worker("two", two)
    client = await service.client()
    await use(client, service, "two", b"two")
    two.returnsAtOnce = True
    client.send(preamble(service.address("two"))[:9])
    await service.settle(lambda: service.count(Outcome.RECEIVE_TIMEOUT) == 1, seconds=8)
    await client.end()
    await service.settle(service.balanced)


async def test_workers_cannot_play_ball(service: RunningService) -> None:
    """A preamble that nobody takes for his own is refused after a few rounds."""
    bouncer = PoolingFactory("bouncer", returnsAtOnce=True)
    await service.worker("one", bouncer)
    client = await service.call("one")
    assert await client.end() == Fault.CONNECTION_DISPATCH_FAILED.record
    assert bouncer.givenBack == MAX_BOUNCES + 1
    assert service.count(Outcome.CONNECTION_DISPATCH_FAILED) == 1
    await service.settle(service.balanced)


async def test_a_returned_socket_whose_client_left(service: RunningService) -> None:
    """Giving back what the client has closed is an outcome, not an error."""
    one = PoolingFactory("one")
    await service.worker("one", one)
    client = await service.client()
    await use(client, service, "one", b"one")
    client.send(preamble(service.address("nobody")))
    client.abort()
    await service.settle(lambda: one.connections == [])
    await service.settle(service.balanced)


@pytest.mark.parametrize(
    ("path", "valid"), [("one", True), ("ONE/below", True), ("two", False), ("", False)]
)
async def test_validate_uri_route(service: RunningService, path: str, valid: bool) -> None:
    """A worker that cannot return sockets may ask whether a via is its own."""
    await service.worker("two", PoolingFactory("two"))
    link = await connectProtocol(
        UNIXClientEndpoint(reactor, str(service.control)), ControlProtocol()
    )
    await link.callRemote(
        commands.Register,
        version=commands.PROTOCOL_VERSION,
        baseAddress=f"net.tcp://+:{service.port}/one",
    )
    answer = await link.callRemote(commands.ValidateUriRoute, uri=service.address(path))
    assert answer == {"valid": valid}
    link.transport.loseConnection()
