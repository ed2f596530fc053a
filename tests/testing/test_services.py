"""A service and its clients in memory, with real contracts."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.testing import MemoryService, operation_context
from netshare.transport import (
    FaultError,
    MessageHeader,
    NetTcpBinding,
    OperationContext,
    SecurityMode,
    ServiceBehavior,
    TextEncoding,
    TransferMode,
    errors,
    operation,
    service_contract,
)
from tests.peers.contracts import IBasic, IData, IDuplex, ISession, IStreams
from tests.peers.datatypes import Circle, Person
from tests.peers.services import Basic, Data, Duplex, Session, Streams

PLAIN = NetTcpBinding(security=SecurityMode.NONE)
STREAMED = NetTcpBinding(security=SecurityMode.NONE, transfer_mode=TransferMode.STREAMED)
TEXT = NetTcpBinding(security=SecurityMode.NONE, encoding=TextEncoding.soap11())


@pytest.mark.parametrize("binding", [None, STREAMED, TEXT], ids=["binary", "streamed", "text"])
def test_a_call(binding: NetTcpBinding | None) -> None:
    """A client's method returns what the service's returned, in every encoding and mode."""
    service_class = type("Basic", (Basic,), {"notes": []})  # others' notes are of no concern here
    with MemoryService(service_class, IBasic, binding) as service, service.client() as basic:
        assert basic.Who() == "python"
        assert basic.Echo("é\0"[:1]) == "é"
        assert basic.TryParse("17") == (True, 17)
        basic.Notify("a note")
        assert basic.Notified() == ["a note"]
    assert service.network.getDelayedCalls() == []


def test_data_contracts() -> None:
    """Values go through XML and come back as objects of their classes."""
    with MemoryService(Data, IData) as service, service.client() as data:
        person = Person(Name="Ada", Age=36)
        assert data.EchoPerson(person) == person
        assert data.EchoPerson(person) is not person
        assert isinstance(data.EchoShape(Circle(Label="o", Radius=1.5)), Circle)


def test_declared_faults() -> None:
    """A declared fault reaches the client with its detail."""
    with (
        MemoryService(Basic, IBasic) as service,
        service.client() as basic,
        pytest.raises(FaultError) as caught,
    ):
        basic.Fail("enough", 7)
    assert caught.value.detail.Code == 7


def test_sessions() -> None:
    """Each client has a session of its own."""
    with MemoryService(Session, ISession) as service:
        one, two = service.client(), service.client()
        assert [one.operations.Increment() for _ in range(3)] == [1, 2, 3]
        assert two.operations.Increment() == 1
        assert one.operations.SessionId() != two.operations.SessionId()


class Answers:
    """A callback."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def Progress(self, percent: int, note: str | None) -> None:
        self.told.append((percent, note))

    def Ask(self, question: str | None) -> str | None:
        return f"re: {question}"


def test_callbacks() -> None:
    """The service calls its client back in the middle of a call."""
    answers = Answers()
    with MemoryService(Duplex, IDuplex) as service, service.client(answers) as duplex:
        assert duplex.WorkAndAsk("it") == "it: re: how about it?"


def test_streams() -> None:
    """A stream arrives as a stream."""
    with MemoryService(Streams, IStreams, STREAMED) as service, service.client() as streams:
        received = streams.Download(5000)
        assert len(service.network.result(received.read())) == 5000


@service_contract(namespace="urn:test")
class ISlow:
    @operation
    def Wait(self) -> str: ...
    @operation
    def Thread(self) -> str: ...


class Slow:
    """Answers when it is told to; says where it was called."""

    waiting: Deferred[str]

    def Wait(self) -> Deferred[str]:
        self.waiting = Deferred()
        return self.waiting

    def Thread(self) -> str:
        OperationContext.current()
        return threading.current_thread().name


def test_calls_that_overlap_and_time() -> None:
    """With the channel's Deferreds a call can be open, and time passes only when it is told to."""
    slow = Slow()
    with MemoryService(slow, ISlow) as service:
        channel = service.client().channel
        answer = channel.operations.Wait()
        service.network.settle()
        assert not answer.called
        slow.waiting.callback("done")
        assert service.network.result(answer) == "done"
        late = channel.using(timeout=3).Wait()
        service.network.settle()
        service.network.advance(3)
        with pytest.raises(errors.TimeoutError):
            service.network.result(late)


def test_a_call_that_waits_is_no_hang() -> None:
    """A result that needs time to pass is an error that says so."""
    with MemoryService(Slow(), ISlow) as service:
        client = service.client()
        with pytest.raises(AssertionError, match="time to pass"):
            client.operations.Wait()


def test_threads() -> None:
    """A service whose methods may block has them called in threads, which the test waits for."""
    with MemoryService(Slow, ISlow, behavior=ServiceBehavior(threads=True)) as service:
        assert service.client().operations.Thread() != threading.current_thread().name


class Reading(Streams):
    """Reads as files are read."""

    def Upload(self, data: Any) -> int:
        assert isinstance(data, io.BufferedReader)
        return len(data.read())


def test_threads_that_ask_the_reactor() -> None:
    """A thread may read a stream that is still arriving."""
    behavior = ServiceBehavior(threads=True)
    with MemoryService(Reading, IStreams, STREAMED, behavior=behavior) as service:
        assert service.client().operations.Upload(b"x" * 50_000) == 50_000


def test_an_address_that_is_not_served() -> None:
    """What a real service would refuse is refused with the same error."""
    with MemoryService(Slow, ISlow) as service:
        client = service.client(address="net.tcp://localhost/elsewhere")
        with pytest.raises(errors.EndpointNotFoundError):
            client.operations.Wait()


def test_after_the_block_nothing_is_served() -> None:
    """The host is closed with the block, and a later client is refused."""
    with MemoryService(Slow, ISlow) as service:
        pass
    with pytest.raises(errors.EndpointNotFoundError):
        service.client().operations.Wait()


class Tenants:
    """Looks at its caller."""

    def Name(self) -> str:
        context = OperationContext.current()
        context.outgoing_headers.append(MessageHeader("Served", "urn:t", "yes"))
        found = context.header("Tenant", "urn:t")
        return f"{found.text if found else None} in {context.session_id}"


def test_a_method_without_a_client() -> None:
    """A method that needs its OperationContext gets one, and what it added can be seen."""
    header = MessageHeader("Tenant", "urn:t", "7")
    with operation_context(headers=[header], session_id="urn:uuid:1") as context:
        assert Tenants().Name() == "7 in urn:uuid:1"
    assert [header.name for header in context.outgoing_headers] == ["Served"]
    with pytest.raises(RuntimeError):
        OperationContext.current()
