"""
Recorded conversations of Mono's clients with Mono's services, and of .NET Framework's, replayed in
both roles as test_replays.py does with those of .NET 10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netshare.framing.events import PreambleRead, UpgradeAccepted, UpgradeAsked, ViaRead
from netshare.framing.records import END
from netshare.framing.session import ClientSession, ServerSession
from netshare.transport.channels.errors import EndpointNotFoundError, ProtocolError
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.binding import (
    NetTcpBinding,
    SecurityMode,
    TextEncoding,
    TransferMode,
)
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.soap import FaultCode
from tests.helpers.conversations import VECTORS
from tests.helpers.recordings import FRAMEWORK, MONO, framework_recording, mono_recording
from tests.helpers.replaying import RecordedServiceFactory, Recording
from tests.peers.recorded import INTERNAL_ERROR, SERVICES, EchoFault, person
from tests.transport.test_replays import Recorded, ReplayedClient

#: What the bindings of the recordings differ in from the default.
BINDINGS: dict[str, dict[str, Any]] = {
    "streamed-echo": {"transfer_mode": TransferMode.STREAMED},
    "text": {"encoding": TextEncoding()},
    "text11": {"encoding": TextEncoding.soap11()},
    # What Mono calls unicodeFFFE, which is big-endian, is little-endian.
    "text16le": {
        "encoding": TextEncoding(
            charset="utf-16LE", content_type="application/soap+xml; charset=unicodeFFFE"
        )
    },
}
REFUSED = "fault-EndpointNotFound"
REPLAYED = [*MONO, FRAMEWORK]
NOT_REPLAYED = {
    "wcf_session_negotiate_ntlm": "it is sealed with a key that nobody has; its upgrade is read",
}
Call = tuple[str, tuple[Any, ...], Any]
DECLARED = FaultError(
    EchoFault(Code=42, Reason="boom"), "typed fault: boom", FaultCode("Sender", "")
)
INTERNAL: FaultError[Any] = FaultError(
    None, INTERNAL_ERROR, FaultCode("InternalServiceFault", "http://www.w3.org/2005/08/addressing")
)
ALL: tuple[Call, ...] = (
    ("Echo", ("hello é中",), "hello é中"),
    ("Add", (40, 2), 42),
    ("Notify", ("ping",), None),
    ("GetPerson", ("Ann", 33), person("Ann", 33)),
    ("Fail", ("boom",), DECLARED),
    ("FailUntyped", ("boom",), INTERNAL),
    ("Where", (), "To=net.tcp://127.0.0.1:9000/echo Action=urn:demo:echo/IEcho/Where"),
)
#: The recorded calls: the operation, its arguments, and what it gives (how it begins, of Where).
CALLS: dict[str, tuple[Call, ...]] = {
    "default-port-808": (("Add", (40, 2), 42), ("Where", (), "To=net.tcp://127.0.0.1/svc/echo ")),
    "none-duplex": (
        ("Start", ("bg", 3), None),
        ("Work", ("fg", 4), "done:fg"),
        ("WorkAndAsk", ("it",), "answer=because of what about it?"),
    ),
    "none-echo": ALL,
    "none-open-only": (),
    "streamed-echo": (("Echo", ("hello stream",), "hello stream"),),
    "text": ALL,
    "text11": ALL,
    "text16le": ALL,
    "via-escaped": (("Add", (40, 2), 42), ("Where", (), "To=net.tcp://127.0.0.1:9000/a b/é ")),
    FRAMEWORK: (("Echo", ("hello0",), "hello0"), ("Echo", ("hello1",), "hello1")),
}
PROGRESS = [(33, "bg"), (66, "bg"), (100, "bg"), (25, "fg"), (50, "fg"), (75, "fg"), (100, "fg")]


def recording(name: str) -> Recording:
    return framework_recording() if name == FRAMEWORK else mono_recording(name)


def binding(name: str) -> NetTcpBinding:
    return NetTcpBinding(security=SecurityMode.NONE, **BINDINGS.get(name, {}))


def test_every_recording_is_replayed() -> None:
    """Each recording that is not of .NET 10 is replayed, or has a reason why it is not."""
    names = {path.name.split(".")[0] for path in (VECTORS / "mono").glob("*.bin")}
    names |= {path.stem for path in VECTORS.glob("wcf_session_*.json")}
    assert names == {*REPLAYED, *NOT_REPLAYED}
    assert {*CALLS, REFUSED} == {*REPLAYED}
    assert BINDINGS.keys() <= {*REPLAYED}


# ---- our service, the recorded client


class ReplayedOldClient(ReplayedClient):
    """Says to our service what a client said; the service is one of peers/recorded.py."""

    def _hosts(self) -> Iterator[ServiceHost]:
        (session,) = self.recorded.sessions
        contract, service = SERVICES[self.recorded.contract]
        via = session.via
        if self.recorded.name == REFUSED:
            via = via.replace("echo", "other")
        if self.recorded.contract == "IEcho":
            service = type("Echo", (service,), {"where": recorded_where(self.recorded)})
        host = ServiceHost(service, self.clock)
        host.add_endpoint(contract, binding(self.recorded.name), via)
        assert host.open().called
        yield host


def recorded_where(recorded: Recording) -> str:
    """What Where answered."""
    (session,) = recorded.sessions
    for xml in session.messages("s"):
        _, found, rest = xml.partition("WhereResult>")
        if found:
            return rest.partition("<")[0]
    return ""


@pytest.mark.parametrize("name", REPLAYED)
def test_our_service_answers_recorded_clients(name: str) -> None:
    """
    Every reply, fault and callback of our service has the recorded envelope, apart from what
    ``as_mono_says`` leaves out.
    """
    recorded = recording(name)
    clock = MemoryReactorClock()
    client = ReplayedOldClient(recorded, clock)
    (session,) = recorded.sessions
    if name != REFUSED and not said_end(session.items):
        # Mono's service said no End before its client was gone; ours says it.
        last = session.items.pop()
        assert (last.who, last.kind, last.raw) == ("c", "end", END)
        client.run()
        client.transport.receive(END)
        client.settle()
        assert [item.kind for item in client.answered].count("end") == 1
        assert client.answered[-1].kind == "end"
    else:
        client.run()
    if name == REFUSED:
        assert client.answered[-1].raw == session.items[-1].raw
    for host in client.hosts:
        host.close(None)
        client.transport.settle()


def said_end(items: list[Any]) -> bool:
    return any((item.who, item.kind) == ("s", "end") for item in items)


# ---- our client, the recorded service


class Progress:
    """The callbacks, as the recorded client had them."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str | None]] = []

    def Progress(self, percent: int, note: str | None) -> None:
        self.calls.append((percent, note))

    def Ask(self, question: str | None) -> str | None:
        return f"because of {question}"


class Calling:
    """Our client, whose connections are to the service of a recording."""

    def __init__(self, recorded: Recording) -> None:
        self.clock = MemoryReactorClock()
        self.endpoint = Recorded(RecordedServiceFactory(recorded))
        self.progress = Progress()
        self.asked: list[tuple[str, int]] = []
        duplex = recorded.contract == "IDuplexEcho"
        factory = ChannelFactory(
            SERVICES[recorded.contract][0],
            binding(recorded.name),
            self.clock,
            callback=self.progress if duplex else None,
            pool=ConnectionPool(self.clock, endpoint_for=self._endpoint),
        )
        (session,) = recorded.sessions
        # Mono escapes the address, and does not escape the via.
        address = quote(session.via, safe="/:")
        self.channel = factory.create_channel(address, session.via)

    def _endpoint(self, host: str, port: int) -> Recorded:
        self.asked.append((host, port))
        return self.endpoint

    def lose(self) -> None:
        """The service closes the connection, after it has heard what is on its way."""
        wire = self.endpoint.wire
        assert wire is not None
        wire.flow()
        wire.ends[1].loseConnection()
        wire.flow()

    def now(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred fires with within a second."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        for _ in range(8):
            if self.endpoint.wire is not None:
                self.endpoint.wire.flow()
            self.clock.advance(0.125)
        assert results, "it has not fired"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]


@pytest.mark.parametrize("name", CALLS)
def test_our_client_calls_recorded_services(name: str) -> None:
    """Our client says what was recorded, and its calls give the recorded results and faults."""
    recorded = recording(name)
    calling = Calling(recorded)
    calling.now(calling.channel.open())
    for operation, arguments, expected in CALLS[name]:
        made = getattr(calling.channel.using(), operation)(*arguments)
        if isinstance(expected, FaultError):
            with pytest.raises(FaultError) as caught:
                calling.now(made)
            assert caught.value.detail == expected.detail
            assert caught.value.reason == expected.reason
            assert caught.value.code == expected.code
            continue
        given = calling.now(made)
        if operation == "Where":
            assert given == recorded_where(recorded)
            assert given.startswith(expected)
        else:
            assert given == expected
    closed = calling.channel.close()
    if not said_end(recorded.sessions[0].items):
        # Mono's service said no End.
        calling.lose()
    if CALLS[name]:
        calling.now(closed)
    else:
        # A session without a message that is cut off is a failure.
        with pytest.raises(ProtocolError, match="before the first message"):
            calling.now(closed)
    assert calling.progress.calls == (PROGRESS if name == "none-duplex" else [])
    service = calling.endpoint.service
    assert service.heard == service.expected
    port = {FRAMEWORK: 8898, "default-port-808": 808}.get(name, 9000)
    assert [asked for _, asked in calling.asked] == [port]


def test_a_refused_client() -> None:
    """Mono's EndpointNotFound fault fails our client's opening as such."""
    calling = Calling(recording(REFUSED))
    with pytest.raises(EndpointNotFoundError):
        calling.now(calling.channel.open())
    assert calling.endpoint.service.heard == 1


# ---- the conversation that was upgraded to negotiate


def test_the_request_for_negotiate_is_read() -> None:
    """Up to the upgrade, either side is read to its last byte before [MS-NNS] begins."""
    (name,) = NOT_REPLAYED
    read = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    server = ServerSession()
    server.feed(bytes.fromhex(read["c2s"]))
    events = [server.next_event() for _ in range(3)]
    assert [type(event) for event in events] == [ViaRead, PreambleRead, UpgradeAsked]
    asked = events[1]
    assert isinstance(asked, PreambleRead)
    assert events[2] == UpgradeAsked("application/negotiate")
    server.accept_upgrade()
    client = ClientSession(
        asked.via, asked.mode, asked.content_type, "application/negotiate", 65536
    )
    client.feed(bytes.fromhex(read["s2c"]))
    assert isinstance(client.next_event(), UpgradeAccepted)
    assert token_counts(server.take_rest()) == (2, 4)
    assert token_counts(client.take_rest()) == (2, 4)


def token_counts(stream: bytes) -> tuple[int, int]:
    """How many messages of the handshake ([MS-NNS] 2.2.1) and of data (2.2.2) a stream is."""
    at = handshakes = data = 0
    while stream[at : at + 3] in (b"\x16\x01\x00", b"\x14\x01\x00"):
        handshakes += 1
        at += 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
    while at < len(stream):
        data += 1
        at += 4 + int.from_bytes(stream[at : at + 4], "little")
    assert at == len(stream), "cut off"
    return handshakes, data
