"""Connections reach the workers they belong to, whole and once."""

from __future__ import annotations

import os
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from netshare.control import commands
from netshare.control.protocol import ControlProtocol
from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from netshare.sockets import adoption
from netshare.worker.port import ServiceNotRunning
from tests.helpers.listening import port_numbers
from tests.integration.running import AcknowledgingFactory, RunningService

reactor: Any = _reactor


@pytest.fixture(params=["fast-lane", "amp-lane", "adopt-stream-connection"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Every test runs over both lanes, and with both ways of adopting."""
    if request.param == "adopt-stream-connection":
        monkeypatch.setattr(adoption, "makes_tcp_servers", lambda reactor: False)
    return bool(request.param != "amp-lane")


async def test_two_workers_on_one_port(service: RunningService) -> None:
    """Each path reaches its own worker, with every byte from the first of the preamble on."""
    one, two = AcknowledgingFactory("one"), AcknowledgingFactory("two")
    await service.worker("one", one)
    await service.worker("two", two)
    for path, factory in (("one", one), ("two/below", two), ("ONE", one)):
        opening = preamble(service.address(path)) + b"and more"
        client = await service.client(opening)
        assert await client.until(4) == PREAMBLE_ACK + factory.name
        assert factory.connections[-1].received == opening
        client.send(b" later")
        await service.settle(lambda f=factory: f.connections[-1].received.endswith(b" later"))
        client.abort()
    assert service.count(Outcome.HANDED_OVER) == 3
    await service.settle(service.balanced)


async def test_the_worker_sees_the_clients_address(service: RunningService) -> None:
    """A worker's transport has the real peer and host, of the client's own family."""
    factory = AcknowledgingFactory("one")
    await service.worker("one", factory)
    client = await service.call("one")
    await client.until(1)
    transport = factory.connections[0].transport
    assert transport.getPeer() == client.transport.getHost()
    assert transport.getHost() == client.transport.getPeer()
    assert transport.getHost().port == service.port


async def test_a_large_first_read(service: RunningService) -> None:
    """More than one AMP value (65,535 bytes) that was read before the hand-over arrives."""
    factory = AcknowledgingFactory("one")
    await service.worker("one", factory)
    opening = preamble(service.address("one")) + os.urandom(300_000)
    client = await service.client(opening)
    await client.until(1)
    await service.settle(lambda: len(factory.connections[0].received) == len(opening))
    assert factory.connections[0].received == opening


async def test_the_port_opens_and_closes_with_its_registrations(service: RunningService) -> None:
    """Nobody listens before the first registration on a port and after the last."""
    assert port_numbers(service.shared.ports) == set()
    first = await service.worker("one", AcknowledgingFactory("one"))
    second = await service.worker("two", AcknowledgingFactory("two"))
    assert port_numbers(service.shared.ports) == {service.port}
    await first.stopListening()
    assert port_numbers(service.shared.ports) == {service.port}
    await second.stopListening()
    assert port_numbers(service.shared.ports) == set()


async def test_connections_outlive_their_worker_port(service: RunningService) -> None:
    """What was handed over stays when the port stops listening; new clients are refused."""
    factory = AcknowledgingFactory("one")
    port = await service.worker("one", factory)
    await service.worker("other", AcknowledgingFactory("other"))
    factory.doStop = lambda: None  # type: ignore[method-assign]
    client = await service.call("one")
    await client.until(4)
    await port.stopListening()
    client.send(b"still there")
    await service.settle(lambda: factory.connections[0].received.endswith(b"still there"))
    late = await service.call("one")
    assert await late.end() == Fault.ENDPOINT_NOT_FOUND.record
    factory.connections[0].transport.abortConnection()


async def test_the_factory_is_started_and_stopped(service: RunningService) -> None:
    """doStart and doStop are called as a real port would."""
    factory = AcknowledgingFactory("one")
    port = await service.worker("one", factory)
    assert factory.started == 1
    assert port.getHost().uri == f"net.tcp://+:{service.port}/one"
    await port.stopListening()
    assert factory.started == 0
    await port.stopListening()
    assert factory.started == 0


async def test_two_workers_cannot_have_one_address(service: RunningService) -> None:
    """The second registration of an address is refused, and says who has it."""
    await service.worker("one", AcknowledgingFactory("one"))
    with pytest.raises(commands.ConflictingRegistration, match=f"worker {os.getpid()} of"):
        await service.worker("ONE/", AcknowledgingFactory("thief"))


async def test_workers_can_share_an_address(service: RunningService) -> None:
    """Workers that all say so serve one address together, the idle one first."""
    factories = [AcknowledgingFactory(name) for name in ("a", "b")]
    for factory in factories:
        await service.worker("one", factory, shared=True)
    clients = [await service.call("one") for _ in range(20)]
    for client in clients:
        await client.until(2)
    counts = [len(factory.connections) for factory in factories]
    assert sum(counts) == 20
    assert min(counts) > 0
    with pytest.raises(commands.ConflictingRegistration):
        await service.worker("one", AcknowledgingFactory("loner"))


async def test_unique_addresses(service: RunningService) -> None:
    """A worker that asks for an address of its own gets one below the base it names."""
    factory = AcknowledgingFactory("mine")
    port = await service.worker("base", factory, unique=True)
    base = f"net.tcp://+:{service.port}/base/"
    assert port.getHost().uri.startswith(base)
    client = await service.call("base/" + port.getHost().uri[len(base) :])
    assert await client.until(5) == PREAMBLE_ACK + b"mine"


async def test_no_service_is_a_sentence(service: RunningService) -> None:
    """Listening fails with what to do when nobody answers at the control socket."""
    service.control = service.control.with_name("nowhere")
    with pytest.raises(ServiceNotRunning, match="twistd netshare"):
        await service.worker("one", AcknowledgingFactory("one"))


async def test_a_restarted_service_is_found_again(service: RunningService, tmp_path: Any) -> None:
    """A worker registers by itself when its service is back, in well under a second."""
    factory = AcknowledgingFactory("one")
    await service.worker("one", factory)
    before = await service.call("one")
    await before.until(4)
    control = service._ports.pop(0)
    await control.stopListening()
    await service.shared.stop()
    await deferLater(reactor, 0.7)  # long enough for the attempts to have slowed down

    again = RunningService(reactor, tmp_path)
    again.port = service.port
    await again.start()
    started = reactor.seconds()
    await again.settle(lambda: len(again.shared.registry) == 1)
    assert reactor.seconds() - started < 1.0
    after = await again.call("one")
    assert await after.until(4) == PREAMBLE_ACK + b"one"
    before.send(b"the old connection")
    await again.settle(lambda: factory.connections[0].received.endswith(b"old connection"))
    await service.stop()
    await again.stop()


async def test_an_in_process_factory(service: RunningService) -> None:
    """An embedder's Factory and a worker share a port."""
    local = AcknowledgingFactory("local")
    port = await service.shared.endpointFor(service.address("here")).listen(local)
    await service.worker("there", AcknowledgingFactory("there"))
    here, there = await service.call("here"), await service.call("there")
    assert await here.until(6) == PREAMBLE_ACK + b"local"
    assert await there.until(6) == PREAMBLE_ACK + b"there"
    assert service.count(Outcome.LOCAL) == 1
    port.stopListening()
    late = await service.call("here")
    assert await late.end() == Fault.ENDPOINT_NOT_FOUND.record


async def test_a_reserved_address_is_unavailable_not_unknown(service: RunningService) -> None:
    """An address that is known, but not up, is refused with another fault than an unknown one."""
    await service.worker("other", AcknowledgingFactory("other"))
    from netshare.addresses import parse_base_address

    service.shared.registry.supervise(parse_base_address(service.address("down")))
    client = await service.call("down")
    assert await client.end() == Fault.ENDPOINT_UNAVAILABLE.record


async def test_a_stuck_worker_slows_nobody_else(service: RunningService) -> None:
    """Connections for a worker that does not answer time out; another worker's are served."""
    await service.worker("quick", AcknowledgingFactory("quick"))

    class Silent(ControlProtocol):
        """Takes connections and says nothing."""

        @commands.Duplicate.responder
        def duplicate(self, **arguments: Any) -> Any:
            os.close(self.claim(arguments["socket"]))
            from twisted.internet.defer import Deferred

            return Deferred()

    link = await connectProtocol(UNIXClientEndpoint(reactor, str(service.control)), Silent())
    await link.callRemote(
        commands.Register,
        version=commands.PROTOCOL_VERSION,
        baseAddress=f"net.tcp://+:{service.port}/stuck",
        maxOutstanding=2,
    )
    held = [await service.call("stuck") for _ in range(5)]
    started = reactor.seconds()
    quick = await service.call("quick")
    assert await quick.until(6) == PREAMBLE_ACK + b"quick"
    assert reactor.seconds() - started < 1.0
    await service.settle(lambda: service.count(Outcome.DISPATCH_TIMEOUT) == 2)
    await service.settle(lambda: service.count(Outcome.SERVER_TOO_BUSY) == 3)
    for client in held[2:]:
        assert await client.end() == Fault.SERVER_TOO_BUSY.record
    link.transport.loseConnection()
    await service.settle(service.balanced)


async def test_a_worker_lost_between_hand_over_and_answer(service: RunningService) -> None:
    """The connection is closed, since the worker may have it; it is not tried again."""

    class Dying(ControlProtocol):
        """Goes away instead of answering."""

        @commands.Duplicate.responder
        def duplicate(self, **arguments: Any) -> Any:
            os.close(self.claim(arguments["socket"]))
            self.transport.abortConnection()
            from twisted.internet.defer import Deferred

            return Deferred()

    link = await connectProtocol(UNIXClientEndpoint(reactor, str(service.control)), Dying())
    await link.callRemote(
        commands.Register,
        version=commands.PROTOCOL_VERSION,
        baseAddress=f"net.tcp://+:{service.port}/dying",
    )
    client = await service.call("dying")
    assert await client.end() == b""
    assert service.count(Outcome.WORKER_LOST) == 1
    await service.settle(service.balanced)
