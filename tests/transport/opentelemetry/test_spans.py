"""Spans of calls."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from netshare.transport.calls.context import OperationContext
from netshare.transport.channels.errors import ChannelClosedError
from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.binding import TransferMode
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.opentelemetry import Tracing, spans
from netshare.transport.soap import FaultCode, Message, MessageHeader
from netshare.transport.xml import parse
from tests.helpers.world import Answering, Counting, ITest, World, binding
from tests.peers.contracts import IStreams
from tests.peers.services import Streams

trace = pytest.importorskip("opentelemetry.trace", reason="pip install -e '.[test]'")
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="pip install -e '.[test]'")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


class Recorded:
    """A tracer provider, and the spans that have ended."""

    def __init__(self) -> None:
        self.provider = sdk.TracerProvider()
        self._exporter = in_memory.InMemorySpanExporter()
        self.provider.add_span_processor(export.SimpleSpanProcessor(self._exporter))

    def spans(self) -> list[Any]:
        ended = list(self._exporter.get_finished_spans())
        self._exporter.clear()
        return ended

    def server(self) -> list[Any]:
        return [one for one in self.spans() if one.kind is trace.SpanKind.SERVER]

    def client(self) -> list[Any]:
        return [one for one in self.spans() if one.kind is trace.SpanKind.CLIENT]


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def serve(world: World, recorded: Recorded, service: Any = Counting, **options: Any) -> None:
    """Serve with spans."""
    contract, of_binding = options.pop("contract", ITest), options.pop("binding", binding())
    tracing = Tracing(recorded.provider, options.pop("carry_context", False))
    host = world.host(service, tracing=tracing, **options)
    host.add_endpoint(contract, of_binding, "here")
    world.now(host.open())


def test_a_request(world: World, recorded: Recorded) -> None:
    """A service's span has the operation, the address, the peer, and lasts as long as the call."""
    serve(world, recorded)
    assert world.now(world.channel().operations.Count()) == 1
    (span,) = recorded.spans()
    assert span.name == "ITest/Count"
    assert span.kind is trace.SpanKind.SERVER
    assert span.parent is None
    assert span.start_time <= span.end_time
    assert span.status.status_code is trace.StatusCode.UNSET
    assert dict(span.attributes) == {
        "rpc.system": "dotnet_wcf",
        "rpc.service": "ITest",
        "rpc.method": "Count",
        "server.address": "127.0.0.1",
        "server.port": 9000,
        "wcf.channel.scheme": "net.tcp",
        "wcf.channel.path": "/here",
    } | {name: span.attributes[name] for name in span.attributes if name.startswith("network.")}


def test_a_call(world: World, recorded: Recorded) -> None:
    """A client's span belongs to what is current where the call is made."""
    world.serve()
    channel = world.channel(tracing=Tracing(recorded.provider))
    with recorded.provider.get_tracer("test").start_as_current_span("outer"):
        world.now(channel.operations.Count())
    span, outer = recorded.spans()
    assert (span.name, span.kind) == ("ITest/Count", trace.SpanKind.CLIENT)
    assert span.parent.span_id == outer.context.span_id
    assert span.attributes["server.port"] == 9000


@pytest.mark.parametrize(
    ("method", "kind", "recorded_as"),
    [
        ("Break", "ValueError", ["ValueError"]),
        ("Lie", "UnencodableValue", ["UnencodableValue"]),
        ("Refuse", "Teapot", []),
    ],
)
def test_outcomes_of_services(
    world: World, recorded: Recorded, method: str, kind: str, recorded_as: list[str]
) -> None:
    """A fault is an error by its code, an unexpected exception by its class, with its traceback."""

    class Refusing(Counting):
        def Headers(self) -> str:
            raise FaultError(reason="no tea", code=FaultCode("Sender", "", FaultCode("Teapot", "")))

    serve(world, recorded, Refusing)
    channel = world.channel(tracing=Tracing(recorded.provider))
    with pytest.raises(FaultError) as caught:
        world.now(getattr(channel.operations, "Headers" if method == "Refuse" else method)())
    made = recorded.spans()
    server = next(one for one in made if one.kind is trace.SpanKind.SERVER)
    client = next(one for one in made if one.kind is trace.SpanKind.CLIENT)
    for span in (server, client):
        assert span.status.status_code is trace.StatusCode.ERROR
    assert server.attributes["error.type"].rpartition(".")[2] == kind
    events = [one.attributes["exception.type"].rpartition(".")[2] for one in server.events]
    assert events == recorded_as
    assert client.status.description == str(caught.value)
    assert not client.events


def test_calls_that_cannot_be_made(world: World, recorded: Recorded) -> None:
    """Wrong arguments, and a channel that is closed, end the span of a call as well."""
    world.serve()
    channel = world.channel(tracing=Tracing(recorded.provider))
    with pytest.raises(TypeError):
        world.now(channel.operations.Wait())
    world.now(channel.operations.Count())
    with pytest.raises(TypeError):
        world.now(channel.operations.Wait())
    world.now(channel.close())
    with pytest.raises(ChannelClosedError):
        world.now(channel.operations.Count())
    kinds = [one.attributes.get("error.type") for one in recorded.spans()]
    assert kinds == ["TypeError", None, "TypeError", kinds[3]]
    assert kinds[3].endswith(".ChannelClosedError")


def test_requests_for_nothing(world: World, recorded: Recorded) -> None:
    """A request for no operation has one name, whatever its action is."""
    serve(world, recorded)

    @service_contract(name="ITest", namespace="urn:test")
    class IOther:
        @operation
        def Count(self) -> int: ...
        @operation
        def Missing(self) -> int: ...

    channel = world.channel(contract=IOther)
    with pytest.raises(FaultError):
        world.now(channel.operations.Missing())
    (span,) = recorded.spans()
    assert span.name == "unknown operation"
    assert span.attributes["error.type"] == "ActionNotSupported"


def test_a_body_that_cannot_be_read(world: World, recorded: Recorded) -> None:
    """A request whose body is damaged has a span with its operation."""
    serve(world, recorded)
    channel = world.channel()
    world.now(channel.operations.Count())
    conversation = channel._conversation

    wrong = parse("<Wait xmlns='urn:test'><name><b/></name></Wait>").root
    write = operator.methodcaller("node", wrong)
    reply = world.now(conversation.request(Message("urn:test/ITest/Wait", write), None))
    assert reply.is_fault
    _, span = recorded.spans()
    assert span.name == "ITest/Wait"
    assert span.attributes["error.type"] == "DeserializationFailed"


def test_what_a_method_does_belongs_to_its_request(world: World, recorded: Recorded) -> None:
    """In a method, and after it has waited, the request's span is the current one."""
    inner = recorded.provider.get_tracer("test")

    class Working(Counting):
        async def Wait(self, name: str) -> str:  # type: ignore[override]
            with inner.start_as_current_span("before"):
                pass
            answer: str = await Counting.Wait(self, name)
            with inner.start_as_current_span("after"):
                return answer

    serve(world, recorded, Working)
    results = world.start(world.channel().operations.Wait("one"))
    others = world.start(world.channel().operations.Wait("two"))
    Counting.waiting["one"].callback("1")
    Counting.waiting["two"].callback("2")
    world.flow()
    assert (results, others) == (["1"], ["2"])
    ended = recorded.spans()
    requests = {one.context.span_id for one in ended if one.name == "ITest/Wait"}
    for name in ("before", "after"):
        assert {one.parent.span_id for one in ended if one.name == name} == requests
    assert not trace.get_current_span().is_recording()


def test_callbacks(world: World, recorded: Recorded) -> None:
    """A callback is a call of the service's, below its request, and a request to the client."""
    mode = ConcurrencyMode.REENTRANT
    serve(world, recorded, carry_context=True, concurrency_mode=mode)
    tracing = Tracing(recorded.provider, carry_context=True)
    channel = world.channel(tracing=tracing, callback=Answering())
    assert world.now(channel.operations.Relay("who?")) == "re: who?"
    served, made, request, call = recorded.spans()
    assert [one.name for one in (served, made)] == ["ITest/Ask"] * 2
    assert [one.name for one in (request, call)] == ["ITest/Relay"] * 2
    assert served.kind is trace.SpanKind.SERVER
    assert served.parent.span_id == made.context.span_id
    assert made.parent.span_id == request.context.span_id
    assert request.parent.span_id == call.context.span_id


def test_the_context_is_carried_when_asked_for(world: World, recorded: Recorded) -> None:
    """Without carry_context requests carry nothing, and nothing of theirs is believed."""
    seen: list[list[str]] = []

    class Looking(Counting):
        def Count(self) -> int:
            seen.append([one.name for one in OperationContext.current().headers])
            return 1

    serve(world, recorded, Looking)
    for carry in (False, True):
        channel = world.channel(tracing=Tracing(recorded.provider, carry_context=carry))
        world.now(channel.operations.Count())
    assert seen == [[], ["traceparent"]]
    assert [one.parent for one in recorded.server()] == [None, None]


@pytest.mark.parametrize(
    "header",
    [
        MessageHeader("traceparent", spans.CONTEXT_NAMESPACE, "nonsense"),
        MessageHeader("traceparent", spans.CONTEXT_NAMESPACE, "x" * 10_000),
        MessageHeader("traceparent", spans.CONTEXT_NAMESPACE, parse("<a><b/></a>").root),
        MessageHeader("traceparent", "", f"00-{'1' * 32}-{'1' * 16}-01"),
    ],
)
def test_headers_that_carry_no_context(
    world: World, recorded: Recorded, header: MessageHeader
) -> None:
    """What is no context is passed over, and the call is served."""
    serve(world, recorded, carry_context=True)
    assert world.now(world.channel().using(headers=[header]).Count()) == 1
    (span,) = recorded.spans()
    assert span.parent is None


def test_a_context_of_dotnet(world: World, recorded: Recorded) -> None:
    """The header that OpenTelemetry's instrumentation of WCF sends is believed if asked for."""
    serve(world, recorded, carry_context=True)
    value = f"00-{'ab' * 16}-{'cd' * 8}-01"
    header = MessageHeader("traceparent", "https://www.w3.org/TR/trace-context/", value)
    world.now(world.channel().using(headers=[header]).Count())
    (span,) = recorded.spans()
    assert format(span.parent.span_id, "016x") == "cd" * 8
    assert format(span.context.trace_id, "032x") == "ab" * 16


def test_streamed_calls(world: World, recorded: Recorded) -> None:
    """Streamed calls have spans on both sides; the service's ends when its reply has been sent."""
    streamed = binding(transfer_mode=TransferMode.STREAMED)
    serve(world, recorded, Streams, contract=IStreams, binding=streamed)
    channel = world.channel(
        contract=IStreams, binding=streamed, tracing=Tracing(recorded.provider), callback=None
    )
    assert world.now(channel.operations.Upload(b"x" * 100)) == 100
    assert sorted(one.kind.name for one in recorded.spans()) == ["CLIENT", "SERVER"]


def test_one_way(world: World, recorded: Recorded) -> None:
    """A one-way request that fails is an error of the service's span only."""
    serve(world, recorded)
    channel = world.channel(tracing=Tracing(recorded.provider))
    world.now(channel.operations.BreakQuietly())
    kinds = {one.kind.name: one.attributes.get("error.type") for one in recorded.spans()}
    assert kinds == {"CLIENT": None, "SERVER": "ValueError"}


def test_a_client_that_leaves(world: World, recorded: Recorded) -> None:
    """A request whose client is gone before its answer ends with that."""
    serve(world, recorded)
    channel = world.channel()
    world.start(channel.operations.Wait("one"))
    channel.abort()
    world.flow()
    Counting.waiting["one"].callback("late")
    world.flow()
    (span,) = recorded.spans()
    assert span.attributes["error.type"].endswith(".ChannelClosedError")


def test_without_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenTelemetry's API the error says what to install."""
    monkeypatch.setattr(spans, "trace", None)
    with pytest.raises(ImportError, match=r"txnetshare\[opentelemetry\]"):
        Tracing()
