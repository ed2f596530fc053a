"""
Recorded conversations of .NET's client with CoreWCF's services, replayed in both roles: our service
answers what the client said, our client calls and is answered what the service said.

All of tests/vectors/dotnet but those of ``FRAMING_ONLY``, which test_framing_session.py reads at
the level of records: their messages need what is not there yet.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from netshare.framing.records import Mode
from netshare.testing.wire import MemoryTransport, Wire
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.binding import (
    BinaryEncoding,
    Compression,
    NetTcpBinding,
    SecurityMode,
    TextEncoding,
    TransferMode,
)
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream
from netshare.transport.datacontracts import Single, serializer_for
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.soap import MessageHeader
from tests.helpers.conversations import VECTORS
from tests.helpers.replaying import (
    LARGE,
    Identifiers,
    Item,
    Listener,
    RecordedService,
    RecordedServiceFactory,
    Recording,
    XmlReader,
    recording,
    without_ids,
)
from tests.peers import services
from tests.peers.contracts import UploadReply, UploadRequest
from tests.peers.json_values import from_json
from tests.peers.services import SERVICES, Basic, pattern

#: What the bindings of the recordings differ in from the default.
BINDINGS: dict[str, dict[str, Any]] = {
    "basic": {},
    "data": {},
    "default-limit": {"max_received_message_size": 65536},
    "duplex": {},
    "gzip": {"encoding": BinaryEncoding(Compression.GZIP)},
    "pooled-two-services": {},
    "session": {},
    "streamed": {"transfer_mode": TransferMode.STREAMED},
    "streamed-request": {"transfer_mode": TransferMode.STREAMED_REQUEST},
    "streamed-response": {"transfer_mode": TransferMode.STREAMED_RESPONSE},
    "tasks": {},
    "text11": {"encoding": TextEncoding.soap11()},
    "text12": {"encoding": TextEncoding()},
    "text12-utf16": {"encoding": TextEncoding(charset="utf-16LE")},
    "tls-decrypted": {},
    "xml": {},
}
FRAMING_ONLY = {
    "tls": "it is encrypted; tls-decrypted is the same",
    "twmc-certificate": "message credentials are not implemented",
    "twmc-refused": "message credentials are not implemented",
    "twmc-username": "message credentials are not implemented",
}
SOAP = {
    "http://www.w3.org/2003/05/soap-envelope",
    "http://schemas.xmlsoap.org/soap/envelope/",
}
OF_SOAP11 = {"Client": "Sender", "Server": "Receiver"}
#: Where nothing is recorded from which the service's answer can be told.
UNANSWERED = "default-limit"


def binding(name: str) -> NetTcpBinding:
    options = {"max_received_message_size": LARGE, **BINDINGS[name]}
    return NetTcpBinding(security=SecurityMode.NONE, **options)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MemoryReactorClock:
    """The reactor, in memory; services sleep by it."""
    reactor = MemoryReactorClock()
    monkeypatch.setattr(services, "_reactor", lambda: reactor)
    return reactor


def test_every_recording_is_replayed() -> None:
    """Each file of tests/vectors/dotnet is replayed, or has a reason why it is not."""
    names = {path.stem for path in (VECTORS / "dotnet").glob("*.json")}
    assert names == BINDINGS.keys() | FRAMING_ONLY.keys()
    assert not BINDINGS.keys() & FRAMING_ONLY.keys()


# ---- our service, the recorded client


class ReplayedClient:
    """Says to our service what a client said, and hears what the service says."""

    def __init__(self, recorded: Recording, clock: MemoryReactorClock) -> None:
        self.recorded = recorded
        self.clock = clock
        self.hosts = list(self._hosts())
        factory: Any = clock.tcpServers[0][1]
        protocol = factory.buildProtocol(None)
        self.transport = MemoryTransport(protocol)
        protocol.makeConnection(self.transport)
        self.listener = Listener()
        self.answered: list[Item] = []
        self.ids = Identifiers()

    def _hosts(self) -> Iterator[ServiceHost]:
        contract, service = SERVICES[self.recorded.contract]
        if issubclass(service, Basic):
            service = type("Basic", (service,), {"name": "core", "notes": []})
        for via in dict.fromkeys(session.via for session in self.recorded.sessions):
            host = ServiceHost(service, self.clock)
            host.add_endpoint(contract, binding(self.recorded.name), via)
            opened = host.open()
            assert opened.called
            yield host

    def run(self) -> None:
        """Say it all. The service is never later than the recorded one was."""
        for session in self.recorded.sessions:
            before = len(self.answered)
            due: list[Item] = []
            said, was = (XmlReader(session.content_type) for _ in range(2))
            for item in session.items:
                if item.who == "s":
                    due.append(item)
                    assert len(self.answered) >= before + len(due), f"no answer: {item}"
                    answer = self.answered[before + len(due) - 1]
                    assert answer.kind == item.kind
                    if item.kind == "message":
                        now, then = said.read(answer.payload), was.read(item.payload)
                        alike = self.recorded.alike
                        assert without_ids(alike(now)) == without_ids(alike(then))
                        self.ids.learn(then, now)
                    continue
                raw = self.ids.exchange(item, session)
                self.listener.hear("c", raw)
                self.transport.receive(raw)
                self.settle()
            assert len(self.answered) == before + len(due), "it said more than was recorded"

    def settle(self) -> None:
        """Let happen what happens within a second."""
        for _ in range(4):
            self.clock.advance(0.25)
            self.hear(self.transport.take())

    def hear(self, data: bytes) -> None:
        """The service has said something."""
        for byte in data:
            self.answered += self.listener.hear("s", bytes((byte,)))


@pytest.mark.parametrize("name", BINDINGS)
def test_our_service_answers_recorded_clients(name: str, clock: MemoryReactorClock) -> None:
    """Every reply, fault and callback of our service has the recorded envelope."""
    recorded = recording(name)
    client = ReplayedClient(recorded, clock)
    if name == UNANSWERED:
        # CoreWCF sent nothing and reset the connection when its service ended.
        (session,) = recorded.sessions
        for item in session.items:
            if item.who == "c":
                client.transport.receive(item.raw)
                client.clock.advance(0)
        client.listener.hear("c", session.items[0].raw)
        client.hear(client.transport.take())
        assert [item.kind for item in client.answered] == ["open", "fault"]
        assert b"MaxMessageSizeExceededFault" in client.answered[1].raw
        assert client.transport.halfClosed
        client.transport.receiveEof()
    else:
        client.run()
        assert client.transport.state == "open"
    for host in client.hosts:
        host.close(None)
        client.transport.settle()


# ---- our client, the recorded service


@implementer(IStreamClientEndpoint)
class Recorded:
    """Connects clients to the service of a recording, once."""

    def __init__(self, factory: RecordedServiceFactory) -> None:
        self.factory = factory
        self.wire: Wire | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        client: Any = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.wire = Wire(client, self.factory.buildProtocol(None))
        made: Deferred[Any] = Deferred()
        made.callback(client)
        return made

    @property
    def service(self) -> RecordedService:
        """What speaks for the service."""
        (service,) = self.factory.made
        return service


class Progress:
    """The callbacks, as the recorded client had them."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def Progress(self, percent: int, note: str) -> None:
        self.calls.append({"op": "Progress", "args": [percent, note]})

    def Ask(self, question: str) -> str:
        self.calls.append({"op": "Ask", "args": [question]})
        return f"re: {question}"


class ReplayedCalls:
    """Makes the recorded calls, and compares what they give."""

    def __init__(self, recorded: Recording, clock: MemoryReactorClock) -> None:
        self.recorded = recorded
        self.clock = clock
        self.contract = SERVICES[recorded.contract][0]
        self.endpoint = Recorded(RecordedServiceFactory(recorded))
        self.progress = Progress()
        self.factory = ChannelFactory(
            self.contract,
            binding(recorded.name),
            clock,
            callback=self.progress if recorded.contract == "IDuplex" else None,
            pool=ConnectionPool(clock, endpoint_for=lambda host, port: self.endpoint),
        )

    def run(self) -> None:
        """All calls, each on the channel on which it was made."""
        calls = iter(self.recorded.calls)
        if self.recorded.sessions[0].mode is Mode.SINGLETON:
            channel = self.factory.create_channel(self.recorded.sessions[0].via)
            for call in calls:
                self.call(channel, call)
            self.now(channel.close())
            return
        for session in self.recorded.sessions:
            channel = self.factory.create_channel(session.via)
            asked = [xml for xml in session.messages("c") if ":RelatesTo" not in xml]
            for _ in asked:
                self.call(channel, next(calls))
            if channel.state is CommunicationState.OPENED:
                self.now(channel.close())
        for call in calls:  # what never left the client, because the channel was gone
            self.call(channel, call)
            assert call["error"]["type"].endswith("CommunicationObjectFaultedException")

    def call(self, channel: Any, call: dict[str, Any]) -> None:
        """Make a call; it gives what it gave."""
        name = call["op"]
        stub = getattr(self.contract, name)
        hints = get_type_hints(getattr(stub, "__wrapped__", stub), include_extras=True)
        returned = hints.pop("return")
        arguments = [
            _argument(value, hint) for value, hint in zip(call["args"], hints.values(), strict=True)
        ]
        headers = []
        if name == "Header" and "result" in call:
            headers = [MessageHeader(call["args"][0], call["args"][1], call["result"])]
        calling = getattr(channel.using(headers=headers), name)
        if "error" in call:
            self.fails(calling, arguments, call["error"])
            return

        async def made() -> Any:
            result = await calling(*arguments)
            return await result.read() if isinstance(result, Stream) else result

        given = self.now(ensureDeferred(made()))
        if "out" in call:
            outs = call["out"]
            results = ([call["result"]] if call.get("result") is not None else []) + [
                *outs.values()
            ]
            assert given == tuple(results)
            return
        if isinstance(call.get("result"), dict) and "sha256" in call["result"]:
            assert call["result"] == {
                "length": len(given),
                "sha256": hashlib.sha256(given).hexdigest(),
            }
            return
        expected = _value(call.get("result"), returned)
        assert given == expected or (_nan(given) and _nan(expected)), call

    def fails(self, calling: Any, arguments: list[Any], error: dict[str, Any]) -> None:
        """A call fails, as it failed."""
        if "code" not in error:
            with pytest.raises(CommunicationError):
                self.now(calling(*arguments))
            return
        with pytest.raises(FaultError) as caught:
            self.now(calling(*arguments))
        fault = caught.value
        assert fault.reason == error["reason"]
        if error["codeNamespace"] in SOAP:
            assert fault.code.is_soap
            assert fault.code.name == OF_SOAP11.get(error["code"], error["code"])
        else:
            assert (fault.code.name, fault.code.namespace) == (
                error["code"],
                error["codeNamespace"],
            )
        subcode = fault.code.subcode
        assert (subcode and subcode.name, subcode and subcode.namespace) == (
            error["subcode"],
            error["subcodeNamespace"],
        )
        if "detail" in error:
            assert vars_of(fault.detail) == error["detail"]

    def now(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred fires with within a second."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        for _ in range(8):
            if self.endpoint.wire is not None:
                self.endpoint.wire.flow()
            self.clock.advance(0.125)
        if not results and self.recorded.name == UNANSWERED:
            assert self.endpoint.wire is not None
            self.endpoint.wire.ends[1].abortConnection()  # as the service did in the end
            self.endpoint.wire.flow()
        assert results, "it has not fired"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]


def vars_of(detail: Any) -> dict[str, Any]:
    return {name: getattr(detail, name) for name in detail.__dataclass_fields__}


def _argument(value: Any, hint: Any) -> Any:
    if hint is Stream:
        return pattern(value["size"])
    if hint is UploadRequest:
        return UploadRequest(**{**value, "Data": pattern(value["Data"]["size"])})
    return _value(value, hint)


def _value(value: Any, hint: Any) -> Any:
    if hint is UploadReply:
        return UploadReply(**value)
    made = from_json(value, hint)
    if hint is Single:  # what a float of 32 bits makes of it
        contract: Any = serializer_for(hint).contract
        return contract.scalar.from_wire(made)
    return made


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


@pytest.mark.parametrize("name", BINDINGS)
def test_our_client_calls_recorded_services(name: str, clock: MemoryReactorClock) -> None:
    """
    Our client says what the recorded client said, and its calls give the recorded results, out
    parameters and faults.
    """
    recorded = recording(name)
    calls = ReplayedCalls(recorded, clock)
    calls.run()
    assert calls.progress.calls == recorded.callbacks
    service = calls.endpoint.service
    assert service.heard == service.expected
