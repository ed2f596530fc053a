"""Services and clients of one process, over connections in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from netshare.testing.wire import Wire
from netshare.transport.calls.context import OperationContext
from netshare.transport.channels.errors import (
    CommunicationError,
    EndpointNotFoundError,
    ProtocolError,
)
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channel import CommunicationState
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.behavior import (
    AddressFilterMode,
    ConcurrencyMode,
    InstanceContextMode,
    ServiceBehavior,
    ServiceThrottle,
)
from netshare.transport.contracts.binding import (
    NetTcpBinding,
    SecurityMode,
    SecurityNotAvailable,
    TransferMode,
)
from netshare.transport.contracts.decorators import SessionMode, operation, service_contract
from netshare.transport.contracts.description import ContractError
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.hosting.ownport import AddressInUseError, OwnPorts
from netshare.transport.soap.message import MessageHeader
from tests.peers.contracts import ISession, IStreams
from tests.peers.services import Session, Streams, pattern

HERE = "net.tcp://127.0.0.1:9000/here"
MODES, CONCURRENCY = InstanceContextMode, ConcurrencyMode


class ICallback:
    @operation
    def Ask(self, question: str) -> str: ...
    @operation(one_way=True)
    def Tell(self, note: str) -> None: ...


@service_contract(namespace="urn:test", callback=ICallback)
class ITest:
    @operation
    def Count(self) -> int: ...
    @operation
    def Wait(self, name: str) -> str: ...
    @operation
    def Relay(self, question: str) -> str: ...
    @operation
    def Lie(self) -> int: ...
    @operation
    def Break(self) -> None: ...
    @operation(one_way=True)
    def BreakQuietly(self) -> None: ...
    @operation
    def Headers(self) -> str: ...


class Counting:
    """Counts its calls, waits when it is told to, and remembers what became of it."""

    made: list[Counting] = []
    waiting: dict[str, Deferred[str]] = {}

    def __init__(self) -> None:
        self.count = 0
        self.disposed = False
        self.made.append(self)

    def dispose(self) -> None:
        self.disposed = True

    def Count(self) -> int:
        self.count += 1
        self.kept = OperationContext.current().callback
        return self.count

    def Wait(self, name: str) -> Deferred[str]:
        self.waiting[name] = waiting = Deferred()
        return waiting

    async def Relay(self, question: str) -> str:
        callback = OperationContext.current().callback
        answer: str = await callback.Ask(question)
        return answer

    def Lie(self) -> str:
        return "no number"

    def Break(self) -> None:
        raise ValueError("a secret")

    def BreakQuietly(self) -> None:
        raise ValueError("a secret")

    def Headers(self) -> str:
        context = OperationContext.current()
        context.outgoing_headers.append(MessageHeader("Out", "urn:h", "there"))
        assert OperationContext.current() is context
        found = context.header("In", "urn:h")
        return f"{context.session_id} {None if found is None else found.text}"


class Answering:
    def Ask(self, question: str) -> str:
        return f"re: {question}"

    def Tell(self, note: str) -> None:
        pass


def binding(**options: Any) -> NetTcpBinding:
    return NetTcpBinding(security=SecurityMode.NONE, **options)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects to what listens on a port of the world's."""

    def __init__(self, world: World, port: int) -> None:
        self.world, self.port = world, port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        made: Deferred[Any] = Deferred()
        server = self.world.listening(self.port).buildProtocol(None)
        client = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.world.wires.append(Wire(client, server))
        made.callback(client)
        return made


class World:
    """A reactor in memory, with hosts and clients."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.wires: list[Wire] = []
        self.hosts: list[ServiceHost] = []
        Counting.made, Counting.waiting = [], {}

    def listening(self, port: int) -> Any:
        return next(one[1] for one in self.reactor.tcpServers if one[0] == port)

    def host(self, service: Any = Counting, throttle: Any = None, **behavior: Any) -> ServiceHost:
        made = ServiceHost(
            service,
            self.reactor,
            "net.tcp://127.0.0.1:9000/",
            behavior=ServiceBehavior(**behavior),
            throttle=throttle,
        )
        self.hosts.append(made)
        return made

    def serve(
        self, contract: type = ITest, service: Any = Counting, **behavior: Any
    ) -> ServiceHost:
        of_binding = behavior.pop("binding", None) or binding()
        host = self.host(service, **behavior)
        host.add_endpoint(contract, of_binding, "here")
        self.now(host.open())
        return host

    def client(self, contract: type = ITest, **options: Any) -> ChannelFactory:
        of_binding = options.pop("binding", None) or binding()
        pool = ConnectionPool(self.reactor, endpoint_for=lambda host, port: Endpoint(self, port))
        callback = options.pop("callback", Answering() if contract is ITest else None)
        return ChannelFactory(contract, of_binding, self.reactor, pool=pool, callback=callback)

    def channel(self, address: str = HERE, via: str | None = None, **options: Any) -> Any:
        return self.client(**options).create_channel(address, via)

    def flow(self) -> None:
        """Let everything happen that happens at once."""
        for _ in range(5):
            for wire in self.wires:
                wire.flow()
            self.reactor.advance(0)

    def now(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred fires with, which it has to do at once."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.flow()
        assert results, "it has not fired"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def start(self, deferred: Deferred[Any]) -> list[Any]:
        """Where the result of a Deferred will be."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.flow()
        return results


@pytest.fixture
def world() -> World:
    """A world in memory."""
    return World()


# ---- instances and concurrency


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        (MODES.PER_CALL, [[1, 1], [1]]),
        (MODES.PER_SESSION, [[1, 2], [1]]),
        (MODES.SINGLE, [[1, 2], [3]]),
    ],
)
def test_instances(world: World, mode: InstanceContextMode, counts: list[list[int]]) -> None:
    """An instance lives as long as a call, a session, or the host, and is told when it is over."""
    world.serve(instance_context_mode=mode)
    one, two = world.channel(), world.channel()
    assert [world.now(one.operations.Count()) for _ in counts[0]] == counts[0]
    assert [world.now(two.operations.Count()) for _ in counts[1]] == counts[1]
    world.now(one.close())
    world.now(two.close())
    assert all(made.disposed for made in Counting.made) == (mode is not MODES.SINGLE)
    assert len(Counting.made) == {MODES.PER_CALL: 3, MODES.PER_SESSION: 2, MODES.SINGLE: 1}[mode]


def test_an_instance_is_a_service_for_all(world: World) -> None:
    """A host that is given an instance makes none."""
    service = Counting()
    world.serve(service=service)
    assert world.now(world.channel().operations.Count()) == 1
    assert world.now(world.channel().operations.Count()) == 2
    assert Counting.made == [service]


@pytest.mark.parametrize("mode", [MODES.PER_CALL, MODES.PER_SESSION])
def test_calls_of_a_session_do_not_overlap(world: World, mode: InstanceContextMode) -> None:
    """With concurrency Single a session's calls are served one after the other."""
    world.serve(instance_context_mode=mode)
    channel = world.channel()
    first = world.start(channel.operations.Wait("one"))
    second = world.start(channel.operations.Wait("two"))
    assert list(Counting.waiting) == ["one"]
    Counting.waiting["one"].callback("1")
    world.flow()
    assert (first, second) == (["1"], [])
    Counting.waiting["two"].callback("2")
    world.flow()
    assert second == ["2"]


def test_calls_overlap_with_concurrency_multiple(world: World) -> None:
    """With concurrency Multiple they overlap, and replies find their calls."""
    world.serve(concurrency_mode=CONCURRENCY.MULTIPLE)
    channel = world.channel()
    results = [world.start(channel.operations.Wait(name)) for name in ("one", "two")]
    assert list(Counting.waiting) == ["one", "two"]
    for name in ("two", "one"):
        Counting.waiting[name].callback(name)
    world.flow()
    assert results == [["one"], ["two"]]


@pytest.mark.parametrize("mode", [CONCURRENCY.REENTRANT, CONCURRENCY.MULTIPLE])
def test_callbacks_inside_calls(world: World, mode: ConcurrencyMode) -> None:
    """A callback is answered inside the call that makes it."""
    world.serve(concurrency_mode=mode)
    assert world.now(world.channel().operations.Relay("what")) == "re: what"


def test_another_call_comes_while_a_reentrant_one_asks(world: World) -> None:
    """With concurrency Reentrant a call is served while another waits for its callback."""
    asked: Deferred[str] = Deferred()

    class Slow(Answering):
        def Ask(self, question: str) -> Any:
            return asked

    world.serve(concurrency_mode=CONCURRENCY.REENTRANT)
    channel = world.channel(callback=Slow())
    relayed = world.start(channel.operations.Relay("what"))
    assert world.now(channel.operations.Count()) == 1
    assert relayed == []
    asked.callback("at last")
    world.flow()
    assert relayed == ["at last"]


@pytest.mark.parametrize("mode", list(CONCURRENCY))
def test_a_callback_kept_for_later(world: World, mode: ConcurrencyMode) -> None:
    """A callback object asks when its call is over, too, also while another call waits."""
    world.serve(concurrency_mode=mode)
    channel = world.channel()
    assert world.now(channel.operations.Count()) == 1
    assert world.now(Counting.made[-1].kept.Ask("later")) == "re: later"
    waiting = world.start(channel.operations.Wait("one"))
    asked = world.start(Counting.made[-1].kept.Ask("meanwhile"))
    assert asked == ["re: meanwhile"]
    assert waiting == []
    Counting.waiting["one"].callback("1")
    world.flow()
    assert waiting == ["1"]


def test_a_callback_that_would_wait_for_ever(world: World) -> None:
    """With concurrency Single a two-way callback is refused, and the reason told if that is on."""
    world.serve(include_exception_detail_in_faults=True)
    with pytest.raises(FaultError, match="Ask would wait for ever"):
        world.now(world.channel().operations.Relay("what"))


def test_calls_over_the_throttle_wait(world: World) -> None:
    """A call more than the throttle allows is served when another has ended."""
    world.serve(
        concurrency_mode=CONCURRENCY.MULTIPLE, throttle=ServiceThrottle(max_concurrent_calls=1)
    )
    first = world.start(world.channel().operations.Wait("one"))
    second = world.start(world.channel().operations.Wait("two"))
    assert list(Counting.waiting) == ["one"]
    Counting.waiting["one"].callback("1")
    world.flow()
    Counting.waiting["two"].callback("2")
    world.flow()
    assert (first, second) == (["1"], ["2"])


# ---- what goes wrong


def test_an_unexpected_exception_ends_the_session(world: World) -> None:
    """The client gets WCF's internal fault, without the exception, and the channel is over."""
    world.serve()
    channel = world.channel()
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Break())
    assert "secret" not in str(caught.value)
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "InternalServiceFault"
    assert channel.state is CommunicationState.FAULTED
    with pytest.raises(CommunicationError):
        world.now(channel.operations.Count())


def test_exceptions_are_told_when_that_is_on(world: World) -> None:
    """With include_exception_detail_in_faults the client reads what happened."""
    world.serve(include_exception_detail_in_faults=True)
    with pytest.raises(FaultError, match="a secret"):
        world.now(world.channel().operations.Break())


def test_a_result_that_is_not_as_declared(world: World) -> None:
    """A reply that cannot be written is the service's failure, not silence."""
    world.serve()
    with pytest.raises(FaultError) as caught:
        world.now(world.channel().operations.Lie())
    assert caught.value.code.is_receiver


def test_nobody_is_told_what_became_of_a_one_way_call(world: World) -> None:
    """A one-way call that fails ends the session without a word."""
    world.serve()
    channel = world.channel()
    assert world.now(channel.operations.BreakQuietly()) is None
    assert channel.state is CommunicationState.FAULTED


def test_arguments_that_cannot_be_read(world: World) -> None:
    """A request that is not as declared is the fault DeserializationFailed; the session goes on."""

    @service_contract(name="ITest", namespace="urn:test")
    class IOther:
        @operation(name="Wait")
        def Wrong(self, name: list[int]) -> str: ...
        @operation
        def Count(self) -> int: ...

    @service_contract(name="ITest", namespace="urn:test")
    class IReal:
        @operation
        def Wait(self, name: int) -> str: ...
        @operation
        def Count(self) -> int: ...

    world.serve(IReal)
    channel = world.channel(contract=IOther)
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Wrong([1, 2]))
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "DeserializationFailed"
    assert world.now(channel.operations.Count()) == 1


def test_first_calls_have_to_be_initiating(world: World) -> None:
    """An operation that cannot begin a session is refused at its beginning, not later."""
    world.serve(ISession, Session)
    channel = world.channel(contract=ISession)
    with pytest.raises(FaultError, match="ContractFilter") as caught:
        world.now(channel.operations.Total())
    assert caught.value.action == "http://www.w3.org/2005/08/addressing/fault"
    assert world.now(channel.operations.Increment()) == 1
    assert world.now(channel.operations.Total()) == 1


def test_a_terminating_call_is_the_last(world: World) -> None:
    """After it the session is refused, and ended when the client does not."""
    world.serve(ISession, Session)
    channel = world.channel(contract=ISession)
    world.now(channel.operations.Increment())
    assert world.now(channel.operations.Finish()) == 1
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Total())
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "SessionTerminated"
    world.reactor.advance(61)
    world.flow()
    assert channel.state is CommunicationState.FAULTED


def test_a_silent_session_is_ended(world: World) -> None:
    """A client that sends nothing for receive_timeout loses its session."""
    world.serve(binding=binding(receive_timeout=5))
    channel = world.channel()
    world.now(channel.operations.Count())
    world.reactor.advance(4)
    world.now(channel.operations.Count())
    world.reactor.advance(4)
    assert channel.state is CommunicationState.OPENED
    world.reactor.advance(2)
    world.flow()
    assert channel.state is CommunicationState.FAULTED


# ---- contexts


def test_headers_and_the_session(world: World) -> None:
    """An operation sees headers and session, and its own headers go out with the reply."""
    world.serve()
    channel, replies = world.channel(), []
    calls = channel.using(headers=[MessageHeader("In", "urn:h", "here")], replies=replies)
    session, text = world.now(calls.Headers()).split()
    assert session.startswith("uuid:")
    assert text == "here"
    assert replies[0].header("Out", "urn:h").text == "there"


def test_there_is_no_context_outside_of_a_call() -> None:
    """Asking for the current call where none is served is an error."""
    with pytest.raises(RuntimeError, match="no operation"):
        OperationContext.current()


# ---- addresses


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


# ---- closing


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


# ---- streams


def test_streams_flow_while_they_are_read(world: World) -> None:
    """A streamed request reaches its method before it is complete."""
    seen: list[Stream] = []

    class Taking(Streams):
        async def Upload(self, data: Stream) -> Any:
            seen.append(data)
            return len(await data.read())

    of_binding = binding(transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 30)
    world.serve(IStreams, Taking, binding=of_binding)
    channel = world.channel(contract=IStreams, binding=of_binding)
    more: list[Deferred[bytes]] = []

    async def source() -> Any:
        yield pattern(1000)
        more.append(Deferred())
        yield await more[0]

    result = world.start(channel.operations.Upload(source()))
    assert (len(seen), result) == (1, [])
    more[0].callback(pattern(500))
    world.flow()
    assert result == [1500]
    stream = world.now(channel.operations.Download(200_000))
    assert world.now(stream.read()) == pattern(200_000)


def test_a_source_that_fails_is_no_shorter_stream(world: World) -> None:
    """When bytes cannot be had the call fails, and the service sees no end."""
    of_binding = binding(transfer_mode=TransferMode.STREAMED)
    world.serve(IStreams, Streams, binding=of_binding)
    channel = world.channel(contract=IStreams, binding=of_binding)

    def source() -> Any:
        yield b"some"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        world.now(channel.operations.Upload(source()))


# ---- what cannot be served


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: NetTcpBinding(), SecurityNotAvailable, "security=SecurityMode.NONE"),
        (lambda: binding(max_received_message_size=0), ValueError, "more than 0"),
        (lambda: binding(max_buffer_size=100), ValueError, "must be the same"),
        (lambda: binding(max_connections=0), ValueError, "max_connections"),
        (lambda: ServiceThrottle(max_concurrent_calls=0), ValueError, "more than 0"),
    ],
)
def test_bindings_that_cannot_be(
    build: Callable[[], Any], error: type[Exception], message: str
) -> None:
    """A binding that cannot work is refused when it is made, with a sentence."""
    with pytest.raises(error, match=message):
        build()


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


def test_wrong_arguments(world: World) -> None:
    """Arguments that are not the operation's, or of another type, never leave the client."""
    world.serve()
    channel = world.channel()
    with pytest.raises(TypeError, match="Wait: missing a required argument: 'name'"):
        world.now(channel.operations.Wait())
    with pytest.raises(Exception, match="name"):
        world.now(channel.operations.Wait(5))
    with pytest.raises(AttributeError, match="ITest has no operation Wiat"):
        channel.operations.Wiat("x")
    assert world.now(channel.operations.Count()) == 1


def test_the_operations_of_a_channel(world: World) -> None:
    """They are there under their names, the same object each time, and nothing else is."""
    world.serve()
    operations = world.channel().operations
    assert set(dir(operations)) > {"Count", "Wait", "Relay", "BreakQuietly"}
    assert operations.Count is operations.Count
    assert operations.Count.__name__ == "Count"
    with pytest.raises(AttributeError, match="ITest has no operation Missing"):
        _ = operations.Missing
    assert world.now(operations.Count()) == 1


def test_a_client_with_another_mode(world: World) -> None:
    """A streamed client of a buffered service is told in what they differ."""
    world.serve(ISession, Session)
    streamed = binding(transfer_mode=TransferMode.STREAMED)

    @service_contract(name="ISession", namespace="urn:peers:session")
    class ISessionless:
        @operation
        def Increment(self) -> int: ...

    with pytest.raises(ProtocolError, match="buffered, or both streamed"):
        world.now(world.channel(contract=ISessionless, binding=streamed).operations.Increment())
