"""``netshare call`` as a process of its own, with services in Python and on Mono."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.cli.exits import Exit
from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.contracts.binding import (
    BinaryEncoding,
    Compression,
    NetTcpBinding,
    SecurityMode,
    TextEncoding,
    TransferMode,
)
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.soap import SOAP11_WSA10
from tests.integration.test_cli import Ran, netshare
from tests.peers.drivers import MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer
from tests.peers.services import SERVICES

BASIC = "urn:peers:basic/IBasic/"
ADDED = '<AddResponse xmlns="urn:peers:basic">\n  <AddResult>42</AddResult>\n</AddResponse>\n'

Serve = Callable[..., Any]


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def serve() -> AsyncIterator[Serve]:
    """Serves IBasic: ``await serve(option=…)`` with options of the binding gives the address."""
    hosts: list[ServiceHost] = []

    async def start(**options: Any) -> str:
        contract, service = SERVICES["IBasic"]
        service = type("Basic", (service,), {"name": "python", "notes": []})
        host = ServiceHost(service, _reactor())
        address = f"net.tcp://127.0.0.1:{free_port()}/basic"
        host.add_endpoint(contract, NetTcpBinding(security=SecurityMode.NONE, **options), address)
        await host.open()
        hosts.append(host)
        return address

    yield start
    for host in hosts:
        await host.close(timeout=5)


def call(address: str, action: str, *arguments: str) -> Any:
    """Run the command; gives a Deferred-like of how it ended."""
    return netshare("call", address, action, *arguments)


SOAP11 = TextEncoding(version=SOAP11_WSA10)
BINDINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"encoding": TextEncoding()}, ["--encoding", "text"]),
    ({"encoding": SOAP11}, ["--encoding", "text11"]),
    ({"encoding": TextEncoding(charset="utf-16LE")}, ["--encoding", "text-utf16"]),
    ({"encoding": BinaryEncoding(compression=Compression.GZIP)}, ["--encoding", "binary+gzip"]),
    (
        {"encoding": BinaryEncoding(compression=Compression.DEFLATE)},
        ["--encoding", "binary+deflate"],
    ),
    ({"transfer_mode": TransferMode.STREAMED}, ["--streamed"]),
    (
        {"transfer_mode": TransferMode.STREAMED, "encoding": TextEncoding()},
        ["--streamed", "--encoding", "text"],
    ),
]


@pytest.mark.parametrize(
    ("options", "arguments"), BINDINGS, ids=lambda v: "-".join(v).strip("-") if v else "default"
)
async def test_every_binding(options: dict[str, Any], arguments: list[str], serve: Serve) -> None:
    """A request is answered in every encoding and transfer mode."""
    ran = await call(await serve(**options), BASIC + "Add", "a=2", "b=40", *arguments)
    assert ran == Ran(Exit.OK, ADDED, "")


async def test_bodies_and_headers(serve: Serve, tmp_path: Path) -> None:
    """A body can be given as XML or in a file, a header is sent, names can be others."""
    address = await serve()
    body = '<Renamed xmlns="urn:peers:basic"><Question>why</Question></Renamed>'
    path = tmp_path / "body.xml"
    path.write_text(body)
    for arguments in (["--body", body], ["--body-file", str(path)]):
        ran = await call(address, "urn:custom/in", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "<Answer>answer to why</Answer>" in ran.out
    ran = await call(address, BASIC + "Header", "--header", "{u}n=v", "name=n", "ns=u")
    assert "<HeaderResult>v</HeaderResult>" in ran.out
    ran = await call(address, BASIC + "Add", "--namespace", "urn:other", "a=1", "b=1")
    assert ran.code == Exit.FAULT


async def test_json(serve: Serve) -> None:
    """Programs get action, headers and body, and of a fault codes, reason and detail."""
    address = await serve()
    ran = await call(address, BASIC + "Echo", "--json", "text=<é>")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["action"] == BASIC + "EchoResponse"
    assert ran.json["fault"] is None
    assert ran.json["body"] == [
        '<EchoResponse xmlns="urn:peers:basic"><EchoResult>&lt;é&gt;</EchoResult></EchoResponse>'
    ]
    ran = await call(address, BASIC + "Fail", "--json", "reason=no", "code=7")
    assert ran.code == Exit.FAULT
    assert ran.json["body"] is None
    assert ran.json["fault"]["reason"] == "declared: no"
    assert ran.json["fault"]["codes"] == [{"name": "Sender", "namespace": ""}]
    assert "<Code>7</Code><Reason>no</Reason>" in ran.json["fault"]["detail"]


async def test_faults(serve: Serve) -> None:
    """A SOAP fault ends with 8: detail, codes and reason on standard error."""
    address = await serve()
    ran = await call(address, BASIC + "Fail", "reason=no", "code=7")
    assert (ran.code, ran.out) == (Exit.FAULT, "")
    assert "  <Code>7</Code>\n  <Reason>no</Reason>\n</Problem>\n" in ran.err
    assert ran.err.endswith("netshare: fault Sender: declared: no\n")
    ran = await call(address, "urn:x/y/Z")
    assert ran.code == Exit.FAULT
    assert "netshare: fault Sender/ActionNotSupported: The message with" in ran.err


async def test_one_way(serve: Serve) -> None:
    """A one-way message is taken, and nothing is printed."""
    address = await serve()
    ran = await call(address, BASIC + "Notify", "--one-way", "text=hello")
    assert ran == Ran(0, "", "")
    ran = await call(address, BASIC + "Notified")
    assert ">hello</" in ran.out


async def test_to_and_elsewhere(serve: Serve) -> None:
    """Where to connect, and what the message says it is for, can be others than the address."""
    address = await serve()
    port = address.split(":")[2].partition("/")[0]
    elsewhere = f"net.tcp://no-such-host.invalid:{port}/basic"
    where = ("--host", "127.0.0.1", "--port", port, "--to", address)
    ran = await call(elsewhere, BASIC + "Where", *where)
    assert (ran.code, ran.err) == (0, "")
    assert f"to={address} via={elsewhere} " in ran.out


async def test_refusals(serve: Serve) -> None:
    """Each way of not being served has its exit code and a sentence."""
    address = await serve()
    cases: list[tuple[str, list[str], Exit, str]] = [
        (address + "x", [], Exit.NO_ENDPOINT, "(fault EndpointNotFound)"),
        (address, ["--streamed"], Exit.REFUSED, "(fault UnsupportedMode)"),
        (address, ["--encoding", "text"], Exit.REFUSED, "(fault ContentTypeInvalid)"),
        ("net.tcp://127.0.0.1:1/x", [], Exit.UNREACHABLE, "Connection refused"),
        ("net.tcp://nobody.invalid/x", [], Exit.UNREACHABLE, "nothing could be reached"),
        ("http://127.0.0.1/x", [], Exit.USAGE, "only net.tcp is spoken here"),
        (address, ["a"], Exit.USAGE, "'a' is not name=value"),
        (address, ["--body", "<a/>", "a=1"], Exit.USAGE, "there cannot be parameters as well"),
        (address, ["--body-file", "/nowhere"], Exit.USAGE, "No such file"),
        (address, ["--max-size", "100"], Exit.NOT_NET_TCP, "max_received_message_size"),
    ]
    for where, arguments, code, says in cases:
        ran = await call(where, BASIC + "Who", *arguments)
        assert (ran.code, ran.out) == (code, ""), ran.err
        assert says in ran.err
        assert ran.err.startswith("netshare: ")
        assert ran.err.count("\n") == 1


class Odd:
    """A channel server that answers each message in one odd way."""

    def __init__(self, answer: Callable[[Any], None]) -> None:
        self._answer = answer

    def channelOpening(self, via: str, mode: Mode, contentType: str, peer: Any) -> None:
        """Takes every channel."""

    def channelOpened(self, channel: Any) -> Any:
        self._channel = channel
        return self

    def messageReceived(self, payload: bytes) -> None:
        self._answer(self._channel)

    def endReceived(self) -> None:
        self._channel.close()

    def channelClosed(self, reason: Any) -> None:
        """Nothing follows from it."""


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (lambda channel: None, Exit.NO_ANSWER, "there was no reply within 0.5 s"),
        (lambda channel: channel.send(b"\xff"), Exit.NOT_NET_TCP, "the reply cannot be read"),
        (lambda channel: channel.send(b"\0\x40\x01a\x01"), Exit.NOT_NET_TCP, "cannot be read"),
        (lambda channel: channel.close(), Exit.NOT_NET_TCP, "ended the session without a reply"),
        (lambda channel: channel.abort(), Exit.NO_ANSWER, "the connection was lost"),
        (lambda channel: channel.fault(Fault.SERVER_TOO_BUSY), Exit.REFUSED, "ServerTooBusy"),
    ],
    ids=["silence", "noise", "no message", "end", "reset", "fault"],
)
async def test_odd_services(answer: Callable[[Any], None], code: Exit, says: str) -> None:
    """Whatever a service does instead of replying, the command ends in time and says it."""
    factory = FramingServerFactory(Odd(answer), _reactor(), ChannelSettings(close_timeout=5))
    port = _reactor().listenTCP(0, factory, interface="127.0.0.1")
    try:
        address = f"net.tcp://127.0.0.1:{port.getHost().port}/odd"
        ran = await call(address, "urn:x/y/Z", "--timeout", "0.5" if "0.5" in says else "10")
        assert (ran.code, ran.out) == (code, "")
        assert says in ran.err
    finally:
        await port.stopListening()
        factory.abort()
        await factory.close()


@pytest.mark.peer("mono")
@pytest.mark.parametrize(
    ("binding", "arguments"),
    [
        ("none", []),
        ("text", ["--encoding", "text"]),
        # Mono calls its UTF-16 in this order by the name of the other.
        (
            "text16",
            [
                *("--encoding", "text-utf16"),
                *("--content-type", "application/soap+xml; charset=unicodeFFFE"),
            ],
        ),
        ("text11", ["--encoding", "text11"]),
        ("streamed", ["--streamed"]),
    ],
)
async def test_mono(binding: str, arguments: list[str], mono_server: StartMonoServer) -> None:
    """A service on Mono is called in each of its encodings; its faults come through."""
    where = f"net.tcp://127.0.0.1:{free_port()}/basic"
    await mono_server(MonoEndpoint("IBasic", where), name="monday", binding=binding)
    ran = await call(where, BASIC + "Add", "a=2", "b=40", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "<AddResult>42</AddResult>" in ran.out
    ran = await call(where, BASIC + "Fail", "reason=no", "code=7", *arguments)
    assert ran.code == Exit.FAULT
    assert "declared: no" in ran.err
