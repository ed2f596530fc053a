"""Python services of every contract of Contracts.cs, called by real clients of WCF."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import gatherResults

from netshare.transport.contracts.behavior import ServiceThrottle
from netshare.transport.contracts.binding import (
    BinaryEncoding,
    Compression,
    TextEncoding,
    TransferMode,
)
from tests.helpers.conversations import VECTORS
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.peers.child import PeerError
from tests.peers.conversing import assert_basic
from tests.peers.drivers import DotNetClient, MonoClient
from tests.peers.services import pattern

LARGE: dict[str, Any] = {"maxReceivedMessageSize": 1 << 26}
STREAMED = {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 40}
DISPATCHER = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


def described(data: bytes) -> dict[str, object]:
    """A stream result as the clients report it."""
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


# ---- what CoreWCF answered, we answer

RECORDINGS: dict[str, dict[str, Any]] = {
    "basic": {},
    "data": {},
    "tasks": {},
    "duplex": {},
    "session": {},
    "xml": {},
    "text11": {"encoding": TextEncoding.soap11()},
    "text12": {"encoding": TextEncoding()},
    "text12-utf16": {"encoding": TextEncoding(charset="utf-16LE")},
    "gzip": {"encoding": BinaryEncoding(Compression.GZIP)},
    "streamed": {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 30},
    "streamed-request": {"transfer_mode": TransferMode.STREAMED_REQUEST},
    "streamed-response": {"transfer_mode": TransferMode.STREAMED_RESPONSE},
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_answers_are_those_that_corewcf_gave(
    hosting: Hosting, dotnet_client: DotNetClient, name: str
) -> None:
    """Every recorded call of .NET's client has the same result, outs and error here as it had."""
    recording = json.loads((VECTORS / "dotnet" / f"{name}.json").read_text("utf-8"))
    address = await hosting.serve(recording["contract"], name="core", **RECORDINGS[name])
    channel = await dotnet_client.open(
        recording["contract"], address, binding=recording["binding"] | LARGE
    )
    for call in recording["calls"]:
        headers = []
        if call["op"] == "Header" and "error" not in call:
            headers = [{"name": "Tag", "ns": "urn:h", "value": call["result"]}]
        answer = await dotnet_client.ask(
            "call", channel=channel.name, op=call["op"], args=call["args"], headers=headers
        )
        where = f"{call['op']}({json.dumps(call['args'])[:200]})"
        if "error" in call:
            assert not answer["ok"], where
            assert comparable(answer["error"]) == comparable(call["error"]), where
            continue
        assert answer["ok"], (where, answer)
        expected = call.get("result")
        if call["op"] == "Where":
            expected = f"to={address} via={address} action=urn:peers:basic/IBasic/Where"
        elif call["op"] == "SessionId":
            assert answer["result"].startswith("uuid:")
            continue
        assert answer.get("result") == expected, where
        assert answer.get("out") == call.get("out"), where
    if recording["callbacks"]:
        for op in sorted({call["op"] for call in recording["callbacks"]}):
            expected = [call["args"] for call in recording["callbacks"] if call["op"] == op]
            assert await dotnet_client.callbacks(op, len(expected)) == expected
    if (await channel.state()) == "Opened":
        assert (await channel.close())["state"] == "Closed"


def comparable(error: dict[str, Any]) -> dict[str, Any]:
    """What of an error does not depend on the machine."""
    return {key: value for key, value in error.items() if key not in ("trace", "inner")}


# ---- addresses, actions, headers


async def test_headers_reach_the_service(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A header is found by name and namespace, and is absent when it was not sent."""
    channel = await dotnet_client.open("IBasic", await hosting.serve("IBasic"))
    header = {"name": "Tag", "ns": "urn:h", "value": "grün & <klein>"}
    assert await channel.call("Header", "Tag", "urn:h", headers=[header]) == header["value"]
    assert await channel.call("Header", "Tag", "urn:other", headers=[header]) is None
    assert await channel.call("Header", "Tag", "urn:h") is None
    await channel.close()


async def test_headers_that_must_be_understood(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """An unknown header that must be understood makes WCF's fault, and the channel goes on."""
    channel = await dotnet_client.open("IBasic", await hosting.serve("IBasic"))
    header = {"name": "Tag", "ns": "urn:h", "value": "v", "mustUnderstand": True}
    with pytest.raises(PeerError, match="'Tag' from the namespace 'urn:h' was not understood"):
        await channel.call("Echo", "x", headers=[header])
    await channel.close()


async def test_messages_to_another_address(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """To has to be the endpoint's address, port included; its host does not matter."""
    address = await hosting.serve("IBasic")
    for other in (address + "/more", address.replace(f":{hosting.port}", ":1")):
        with pytest.raises(PeerError) as caught:
            await dotnet_client.once("IBasic", other, "Who", via=address)
        assert caught.value.type == "System.ServiceModel.EndpointNotFoundException"
        assert "AddressFilter mismatch" in caught.value.message
    elsewhere = address.replace("127.0.0.1", "some.where")
    assert await dotnet_client.once("IBasic", elsewhere, "Who", via=address) == "python"


async def test_unknown_actions(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """An action that the contract has not is the fault ActionNotSupported."""
    address = await hosting.serve("IBasic")
    with pytest.raises(PeerError) as caught:
        await dotnet_client.once("IData", address, "EchoInt", 1)
    assert caught.value.type == "System.ServiceModel.ActionNotSupportedException"


async def test_unknown_paths(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """Where nobody listens, Open says that there is no endpoint."""
    await hosting.serve("IBasic")
    with pytest.raises(PeerError) as caught:
        await dotnet_client.open("IBasic", hosting.address("nothing"))
    assert caught.value.type == "System.ServiceModel.EndpointNotFoundException"


@pytest.mark.parametrize(
    ("binding", "error"),
    [
        ({"transferMode": "Streamed"}, "mode"),
        ({"encoding": "text"}, "content type"),
    ],
    ids=["mode", "encoding"],
)
async def test_other_bindings(
    hosting: Hosting, dotnet_client: DotNetClient, binding: dict[str, str], error: str
) -> None:
    """A client whose binding differs is told in what."""
    address = await hosting.serve("IBasic")
    with pytest.raises(PeerError) as caught:
        await dotnet_client.once("IBasic", address, "Who", binding=binding)
    assert caught.value.type == "System.ServiceModel.ProtocolException"
    assert error in caught.value.message.lower()


async def test_untyped_messages(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """Messages reach operations as they are, those of any action the one with Action="*"."""
    channel = await dotnet_client.open("IUntyped", await hosting.serve("IUntyped"))
    body = '<what xmlns="urn:x"><is>it</is></what>'
    message = {"action": "urn:peers:untyped/Process", "body": body}
    answer = await channel.call("Process", message)
    assert "urn:peers:untyped/Processed" in answer
    assert "<is>it</is>" in answer
    answer = await channel.call("Anything", {"action": "urn:any/thing", "body": body})
    assert "urn:any/thingReply" in answer
    assert "<is>it</is>" in answer
    await channel.close()


# ---- sessions, instances, limits


async def test_sessions_have_their_own_instances(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """Two sessions count apart, and their identifiers differ."""
    address = await hosting.serve("ISession")
    one, two = [await dotnet_client.open("ISession", address) for _ in range(2)]
    assert [await one.call("Increment") for _ in range(3)] == [1, 2, 3]
    assert await two.call("Increment") == 1
    assert await one.call("SessionId") != await two.call("SessionId")
    assert await one.call("Finish") == 3
    assert await two.call("Total") == 1
    await one.close()
    await two.close()


async def test_sixty_four_channels_at_once(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """64 channels with calls that overlap get each its own answers."""
    address = await hosting.serve("IBasic")
    answer = await dotnet_client.command(
        "bench", contract="IBasic", address=address, op="Add", args=[40, 2], channels=64, calls=20
    )
    assert (answer["done"], answer["failed"]) == (64 * 20, 0), answer["first_error"]


async def test_replies_are_prompt(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """.NET on the same machine, with its small receive buffer, waits for no timer of TCP."""
    address = await hosting.serve("IBasic")
    limit = {"maxReceivedMessageSize": 1 << 26}
    for size in (7_000, 12_000, 20_000, 40_000, 9_000, 30_000):
        answer = await dotnet_client.command(
            "bench",
            contract="IBasic",
            address=address,
            op="Bytes",
            args=[size],
            calls=9,
            binding=limit,
        )
        assert answer["failed"] == 0
        assert answer["p50_ms"] < 150, size


async def test_calls_overlap_on_one_channel(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """Replies come in the order in which calls end, each to its own call."""
    channel = await dotnet_client.open("IBasic", await hosting.serve("IBasic"))
    slept = await gatherResults([_deferred(channel.call("Sleep", ms)) for ms in (200, 50, 120, 1)])
    assert slept == [200, 50, 120, 1]
    await channel.close()


async def test_sessions_over_the_limit_wait(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A session more than the throttle allows opens when another ends."""
    address = await hosting.serve("IBasic", throttle=ServiceThrottle(max_concurrent_sessions=1))
    first = await dotnet_client.open("IBasic", address)
    second = _deferred(dotnet_client.open("IBasic", address))
    assert await first.call("Who") == "python"
    assert not second.called
    await first.close()
    channel = await second
    assert await channel.call("Who") == "python"
    await channel.close()


async def test_messages_over_the_limit(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A message over maxReceivedMessageSize faults the client's channel; others live on."""
    address = await hosting.serve("IBasic", max_received_message_size=65536)
    bystander = await dotnet_client.open("IBasic", address)
    channel = await dotnet_client.open("IBasic", address)
    with pytest.raises(PeerError) as caught:
        await channel.call("Echo", "x" * 70_000)
    assert caught.value.type == "System.ServiceModel.CommunicationException"
    assert await channel.state() == "Faulted"
    assert await bystander.call("Who") == "python"
    await bystander.close()


async def test_pooled_connections_cross_between_services(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """One connection carries sessions with two services in turn, behind a shared port as well."""
    one = await hosting.serve("IBasic", "one", name="one")
    two = await hosting.serve("IBasic", "two", name="two")
    factory = (await dotnet_client.command("factory", contract="IBasic", address=one))["factory"]
    for address, name in [(one, "one"), (two, "two")] * 4:
        channel = await dotnet_client.open("IBasic", address, factory=factory)
        assert await channel.call("Who") == name
        await channel.close()
    if hosting.shared:
        assert hosting.accepted == 1


async def test_closing_a_host_answers_what_was_asked(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """A call that is under way when its host closes is still answered."""
    address = await hosting.serve("IBasic")
    channel = await dotnet_client.open("IBasic", address)
    sleeping = _deferred(channel.call("Sleep", 300))
    assert await channel.call("Who") == "python"
    closing = hosting.hosts.pop().close()
    assert await sleeping == 300
    await closing
    with pytest.raises(PeerError):
        await dotnet_client.once("IBasic", address, "Who")


# ---- streams

MODES = {
    "Buffered": TransferMode.BUFFERED,
    "Streamed": TransferMode.STREAMED,
    "StreamedRequest": TransferMode.STREAMED_REQUEST,
    "StreamedResponse": TransferMode.STREAMED_RESPONSE,
}
SIZE = 3_000_001


@pytest.mark.parametrize("mode", MODES)
async def test_streams_in_all_transfer_modes(
    hosting: Hosting, dotnet_client: DotNetClient, mode: str
) -> None:
    """Streams of some megabytes go both ways, in every transfer mode."""
    size: dict[str, Any] = {"max_received_message_size": 1 << 24}
    if mode != "Buffered":
        size["max_buffer_size"] = 1 << 24
    address = await hosting.serve("IStreams", transfer_mode=MODES[mode], **size)
    channel = await dotnet_client.open(
        "IStreams", address, binding={"transferMode": mode, "maxReceivedMessageSize": 1 << 24}
    )
    data = pattern(SIZE)
    assert await channel.call("Echo", "text") == "text"
    assert await channel.call("Upload", {"size": SIZE}) == SIZE
    if mode in ("Buffered", "Streamed", "StreamedResponse"):
        assert await channel.call("Download", SIZE) == described(data)
        assert await channel.call("Reverse", {"size": SIZE}) == described(data[::-1])
    request = {"FileName": "a ü.bin", "Length": SIZE, "Data": {"size": SIZE}}
    assert await channel.call("UploadFile", request) == {
        "FileName": "a ü.bin",
        "Received": SIZE,
        "Checksum": sum(data),
    }
    assert await channel.call("Download", 0) == described(b"")
    await channel.close()


@pytest.mark.slow
@pytest.mark.parametrize("hosting", ["own-port"], indirect=True)
async def test_a_gibibyte_each_way_in_bounded_memory(
    hosting: Hosting, dotnet_client: DotNetClient
) -> None:
    """Streaming 1 GiB up and down takes this process no more than some megabytes."""
    huge = 1 << 30
    address = await hosting.serve(
        "IStreams", transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 40
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    channel = await dotnet_client.open("IStreams", address, binding=STREAMED | {"sendTimeout": 300})
    assert await channel.call("Upload", {"size": huge}, timeout=300) == huge
    assert (await channel.call("Download", huge, timeout=300))["length"] == huge
    await channel.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


# ---- the client on Mono

MONO_UTF16 = TextEncoding(
    charset="utf-16LE", content_type="application/soap+xml; charset=unicodeFFFE"
)
MONO_BINDINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "text": {"encoding": TextEncoding()},
    "text11": {"encoding": TextEncoding.soap11()},
    "text16": {"encoding": MONO_UTF16},
}


@pytest.mark.parametrize("name", MONO_BINDINGS)
async def test_mono_client_calls(hosting: Hosting, mono_client: MonoClient, name: str) -> None:
    """Mono's client calls IBasic over every encoding it has."""
    address = await hosting.serve("IBasic", **MONO_BINDINGS[name])
    channel = await mono_client.open("IBasic", address, binding=name)
    assert await channel.call("Custom", "why") == "answer to why"
    with pytest.raises(PeerError, match="declared: enough") as caught:
        await channel.call("Fail", "enough", 7)
    assert caught.value.error["detail"] == {"Reason": "enough", "Code": 7}
    await assert_basic(channel, "python", address)


async def test_mono_client_streams(hosting: Hosting, mono_client: MonoClient) -> None:
    """All four stream operations work with Mono's client."""
    address = await hosting.serve(
        "IStreams", transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 30
    )
    calls: list[tuple[str, Any, Any]] = [
        ("Echo", "text", "text"),
        ("Upload", {"size": 300_000}, 300_000),
        ("Download", 100_000, described(pattern(100_000))),
        ("Reverse", {"size": 50_000}, described(pattern(50_000)[::-1])),
    ]
    for op, argument, expected in calls:
        answer = await mono_client.once("IStreams", address, op, argument, binding="streamed")
        assert answer == expected, op


async def test_mono_client_is_called_back(hosting: Hosting, mono_client: MonoClient) -> None:
    """Callbacks reach Mono's client inside a call, and are answered."""
    channel = await mono_client.open("IDuplex", await hosting.serve("IDuplex"))
    assert await channel.call("Work", "job", 2) == "job done"
    assert await mono_client.callbacks("Progress", 2) == [[50, "job step 1"], [100, "job step 2"]]
    await mono_client.reply("Ask", "fine")
    assert await channel.call("WorkAndAsk", "it") == "it: fine"
    await channel.close(timeout=5)


def _deferred(coroutine: Any) -> Any:
    from twisted.internet.defer import ensureDeferred

    return ensureDeferred(coroutine)
