"""A worker in another language on the fast lane, and one that does not play by the rules."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from netshare.control import commands
from netshare.control.lanes import pack_answer, pack_batch, receive, send
from netshare.control.protocol import ControlProtocol
from netshare.framing.faults import Fault
from netshare.framing.records import END, PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from tests.integration.running import AcknowledgingFactory, RunningService

reactor: Any = _reactor


class LaneWorker:
    """
    What a worker in C would do, one step at a time.
    """

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.link: Any = None
        self.lane: socket.socket

    async def register(self, path: str, form: str = "records", **more: Any) -> None:
        """Ask for a lane, and get it with the first answer."""
        if self.link is None:
            self.link = await connectProtocol(
                UNIXClientEndpoint(reactor, str(self.service.control)), ControlProtocol()
            )
        answer = await self.link.callRemote(
            commands.Register,
            version=commands.PROTOCOL_VERSION,
            baseAddress=f"net.tcp://+:{self.service.port}/{path}",
            lane=form,
            **more,
        )
        if answer["lane"] is not None:
            self.lane = socket.socket(fileno=self.link.claim(answer["lane"]))

    async def message(self) -> tuple[bytes, list[socket.socket]]:
        """The next message."""
        while (message := receive(self.lane)) is None:
            await deferLater(reactor, 0.005)
        payload, descriptors = message
        return payload, [socket.socket(fileno=descriptor) for descriptor in descriptors]

    def answer(self, adopted: int, gone: int = 0) -> None:
        """Say what became of connections."""
        assert send(self.lane, pack_answer(adopted, gone), ())

    async def end(self) -> None:
        """Close the link, and the lane."""
        self.link.transport.loseConnection()
        self.lane.close()
        await self.service.settle(self.service.balanced)


@pytest.fixture
def worker(service: RunningService) -> LaneWorker:
    """A worker that has not registered yet."""
    return LaneWorker(service)


async def test_records(service: RunningService, worker: LaneWorker) -> None:
    """One message is one connection with the bytes read from it; a count answers."""
    await worker.register("one")
    opening = preamble(service.address("one")) + b"more"
    client = await service.client(opening)
    payload, (connection,) = await worker.message()
    assert payload == opening
    worker.answer(1)
    connection.sendall(PREAMBLE_ACK)
    assert await client.until(1) == PREAMBLE_ACK
    await service.settle(lambda: service.count(Outcome.HANDED_OVER) == 1)
    connection.close()
    assert await client.end() == PREAMBLE_ACK
    await worker.end()


async def test_a_second_registration_shares_the_lane(
    service: RunningService, worker: LaneWorker
) -> None:
    """Only the first answer on a link has a lane; connections for both addresses come over it."""
    await worker.register("one")
    lane = worker.lane
    await worker.register("two")
    assert worker.lane is lane
    for path in ("two", "one"):
        await service.call(path)
        payload, (connection,) = await worker.message()
        assert payload == preamble(service.address(path))
        connection.close()
        worker.answer(1)
    await worker.end()


async def test_batches(service: RunningService, worker: LaneWorker) -> None:
    """What is accepted together travels together."""
    await worker.register("one", "batches")
    clients = [await service.call("one") for _ in range(30)]
    seen = messages = 0
    while seen < 30:
        payload, connections = await worker.message()
        assert int.from_bytes(payload[:2], "big") == len(connections)
        messages += 1
        seen += len(connections)
        for connection in connections:
            connection.close()
        worker.answer(len(connections))
    assert messages <= 30
    for client in clients:
        await client.end()
    await worker.end()


async def test_given_back(service: RunningService, worker: LaneWorker) -> None:
    """A connection that comes back over the lane is routed again."""
    await worker.register("one")
    await service.worker("two", AcknowledgingFactory("two"))
    client = await service.call("one")
    _, (connection,) = await worker.message()
    worker.answer(1)
    connection.sendall(PREAMBLE_ACK + END)
    await client.until(2)
    following = preamble(service.address("two"))
    client.send(following)
    await deferLater(reactor, 0.05)
    assert send(worker.lane, connection.recv(1000), [connection.fileno()])
    connection.close()
    assert await client.until(6) == PREAMBLE_ACK + END + PREAMBLE_ACK + b"two"
    assert service.shared.counts.returned == 1
    client.abort()
    await worker.end()


async def test_refused_in_a_batch(service: RunningService, worker: LaneWorker) -> None:
    """A worker refuses new connections by giving them back; that is bounded, too."""
    await worker.register("one", "batches")
    client = await service.call("one")
    for _ in range(4):
        payload, (connection,) = await worker.message()
        assert send(worker.lane, pack_batch([payload[7:]], [""]), [connection.fileno()])
        connection.close()
        worker.answer(1)
    assert await client.end() == Fault.CONNECTION_DISPATCH_FAILED.record
    await worker.end()


async def test_found_closed(service: RunningService, worker: LaneWorker) -> None:
    """What a worker found closed is counted as that."""
    await worker.register("one")
    client = await service.call("one")
    _, (connection,) = await worker.message()
    client.abort()
    connection.close()
    worker.answer(0, 1)
    await service.settle(lambda: service.count(Outcome.CLIENT_GONE) == 1)
    await worker.end()


async def test_routes_changed_comes_in_order(service: RunningService, worker: LaneWorker) -> None:
    """A deeper registration is told on the lane, behind every connection that came before it."""
    await worker.register("one")
    await service.call("one/deeper")
    await service.settle(lambda: service.shared.counts.accepted == 1)
    await deferLater(reactor, 0.02)
    await service.worker("one/deeper", AcknowledgingFactory("deeper"))
    payload, (connection,) = await worker.message()
    connection.close()
    assert payload == preamble(service.address("one/deeper"))
    assert await worker.message() == (f"net.tcp://+:{service.port}/one".encode(), [])
    worker.answer(1)
    await worker.end()


async def test_a_worker_that_does_not_read(service: RunningService, worker: LaneWorker) -> None:
    """It is stuck after its deadline, its clients are told, and nobody else waits."""
    await worker.register("one", maxOutstanding=3)
    await service.worker("two", AcknowledgingFactory("two"))
    clients = [await service.call("one") for _ in range(5)]
    other = await service.call("two")
    assert await other.until(4) == PREAMBLE_ACK + b"two"
    await service.settle(lambda: service.count(Outcome.SERVER_TOO_BUSY) == 5)
    for client in clients:
        assert await client.end() == Fault.SERVER_TOO_BUSY.record
    late = await service.call("one")
    assert await late.end() == Fault.SERVER_TOO_BUSY.record
    assert await worker.message() == (f"net.tcp://+:{service.port}/one".encode(), [])  # it wakes up
    await service.settle(lambda: next(service.shared.registry.rows(0))[2].state == "ready")
    client = await service.call("one")
    (await worker.message())[1][0].close()
    worker.answer(1)
    await client.end()
    await worker.end()


async def test_a_worker_that_goes_away(service: RunningService, worker: LaneWorker) -> None:
    """What it had read is lost, and is not given to another; who is still in its lane is told."""
    await worker.register("one")
    client = await service.call("one")
    _, (connection,) = await worker.message()
    unread = await service.call("one")
    await service.settle(lambda: service.shared.counts.accepted == 2)
    await deferLater(reactor, 0.05)
    connection.close()
    await worker.end()
    assert await client.end() == b""
    assert await unread.end() == Fault.ENDPOINT_UNAVAILABLE.record
    assert service.count(Outcome.WORKER_LOST) == 1
    assert service.count(Outcome.ENDPOINT_UNAVAILABLE) == 1


@pytest.mark.parametrize(
    "nonsense", [b"123", pack_answer(1, 0), b"\x00" * 9], ids=["short", "not asked", "long"]
)
async def test_nonsense_costs_the_link(
    service: RunningService, worker: LaneWorker, nonsense: bytes
) -> None:
    """A worker that answers for what it was not given is cut off, and loses its address."""
    await service.worker("other", AcknowledgingFactory("other"))
    await worker.register("one")
    assert send(worker.lane, nonsense, ())
    await service.settle(lambda: len(service.shared.registry) == 1)
    client = await service.call("one")
    assert await client.end() == Fault.ENDPOINT_UNAVAILABLE.record
    worker.lane.close()
    worker.link.transport.loseConnection()
    await service.settle(service.balanced)


async def test_an_unknown_form(worker: LaneWorker) -> None:
    """A form that does not exist is refused with those that do."""
    with pytest.raises(commands.InvalidArgument, match="records or batches"):
        await worker.register("one", "bundles")
    worker.link.transport.loseConnection()


async def test_a_worker_that_stops_while_its_lane_is_full(service: RunningService) -> None:
    """What is in the lane of a worker that stops listening goes to the other one, all of it."""
    first, second = AcknowledgingFactory("one"), AcknowledgingFactory("two")
    port = await service.worker("one", first, shared=True)
    link: Any = port._session.link
    link.lane.stopReading()
    clients = []
    for _ in range(40):
        clients.append(await service.call("one"))
        await deferLater(reactor, 0)
    await service.settle(lambda: service.shared.counts.accepted == 40)
    await deferLater(reactor, 0.02)
    await service.worker("one", second, shared=True)
    await port.stopListening()
    for client in clients:
        assert await client.until(4) == PREAMBLE_ACK + b"two"
    assert (len(first.connections), len(second.connections)) == (0, 40)
    assert service.shared.counts.returned == 40
    assert service.count(Outcome.WORKER_LOST) == 0
    await service.settle(service.balanced)


async def test_given_back_behind_the_last_registration(
    service: RunningService, worker: LaneWorker
) -> None:
    """A worker that unregistered may still give back what had come for it."""
    await worker.register("one", "batches")
    client = await service.call("one")
    payload, (connection,) = await worker.message()
    await worker.link.callRemote(commands.Unregister, baseAddress=f"net.tcp://+:{service.port}/one")
    data = payload[-len(preamble(service.address("one"))) :]
    assert send(worker.lane, pack_batch([data], [""]), [connection.fileno()])
    worker.answer(1)
    connection.close()
    assert await client.end() == Fault.ENDPOINT_NOT_FOUND.record
    await worker.end()
