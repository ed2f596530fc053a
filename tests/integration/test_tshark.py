"""What Wireshark's dissector of [MC-NMF] makes of conversations of our clients and services."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.cli.decode.captures import from_bytes
from netshare.framing.faults import Fault
from netshare.framing.records import SSL_TLS_UPGRADE, Mode, preamble
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
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.tools import Piece, Record, Side, decode
from tests.helpers import pcap
from tests.helpers.conversations import conversations
from tests.integration.recording import Recorder
from tests.peers.drivers import free_port
from tests.peers.programs import find_tshark
from tests.peers.services import SERVICES

pytestmark = pytest.mark.peer("tshark")

#: The record types by their numbers, which is how the dissector prints them.
TYPES = (
    "Version Mode Via KnownEncoding ExtensibleEncoding UnsizedEnvelope SizedEnvelope End Fault "
    "UpgradeRequest UpgradeResponse PreambleAck PreambleEnd"
).split()
#: Which of its fields has the text of which record.
TEXTS = {
    "Via": "mc-nmf.via",
    "ExtensibleEncoding": "mc-nmf.encoding_type",
    "Fault": "mc-nmf.fault",
    "UpgradeRequest": "mc-nmf.upgrade",
}
#: What the dissector complains about. Wireshark's severities: 0x600000 is a warning, 0x800000 an
#: error.
WRONG = "mc-nmf && (_ws.malformed || _ws.expert.severity >= 0x600000 || mc-nmf.size_too_big)"


def tshark(path: Path, port: int, *arguments: str) -> str:
    """Run it on a capture file."""
    program = find_tshark()
    assert program is not None
    ran = subprocess.run(
        [program, "-r", path, "-d", f"tcp.port=={port},mc-nmf", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def named(path: Path, port: int) -> dict[tuple[int, Side], list[tuple[str, list[str]]]]:
    """What the dissector finds in each direction of each stream: records, then their texts."""
    fields = ["tcp.stream", "tcp.dstport", "mc-nmf.record_type", *TEXTS.values()]
    options = [option for field in fields for option in ("-e", field)]
    out = tshark(path, port, "-Y", "mc-nmf", "-T", "fields", "-E", "aggregator=|", *options)
    found: dict[tuple[int, Side], list[tuple[str, list[str]]]] = {}
    for line in out.splitlines():
        stream, to, types, *texts = line.split("\t")
        side = Side.CLIENT if to == str(port) else Side.SERVER
        records = [TYPES[int(number)] for number in types.split("|")]
        split = [text for joined in texts for text in joined.split("|") if text]
        found.setdefault((int(stream), side), []).extend((name, split) for name in records)
    return found


def check(path: Path, port: int, connections: list[list[Piece]]) -> list[Record]:
    """
    Have conversations dissected, and compare what is found with what ``decode`` finds.

    :returns: all records
    """
    pcap.write(path, port, connections)
    everything: list[Record] = []
    theirs = named(path, port)
    for stream, pieces in enumerate(connections):
        records = decode(pieces)
        everything += records
        assert not [r.problem for r in records if r.problem]
        for side in {record.side for record in records}:
            ours = [record for record in records if record.side is side]
            assert [name for name, _ in theirs[stream, side]] == [r.name for r in ours]
            for record, (_, texts) in zip(ours, theirs[stream, side], strict=True):
                if record.name in TEXTS:
                    assert record.text.split(": ")[0] in texts
        followed = tshark(path, port, "-q", "-z", f"follow,tcp,raw,{stream}")
        (capture,) = from_bytes(followed.encode())
        for side in Side:
            assert written(list(capture.pieces), side) == written(pieces, side)
    assert tshark(path, port, "-Y", WRONG) == ""
    return everything


def written(pieces: list[Piece], side: Side) -> bytes:
    return b"".join(piece.data for piece in pieces if piece.side is side)


class Talking:
    """A service, and clients whose connections are recorded."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.port = free_port()
        self.address = f"net.tcp://127.0.0.1:{self.port}/tested"
        self.recorder = Recorder(reactor, self.port)
        self.pool = ConnectionPool(reactor, endpoint_for=self.recorder.endpoint)
        self._hosts: list[ServiceHost] = []

    async def client(self, contract: str, **options: Any) -> ChannelFactory:
        """Serve a contract; gives what makes channels to it."""
        binding = NetTcpBinding(security=SecurityMode.NONE, **options)
        declared, service = SERVICES[contract]
        host = ServiceHost(service, self.reactor)
        host.add_endpoint(declared, binding, self.address)
        await host.open()
        self._hosts.append(host)
        return ChannelFactory(declared, binding, self.reactor, pool=self.pool)

    async def stop(self) -> list[list[Piece]]:
        """End everything; gives what was said."""
        await self.pool.close()
        for host in self._hosts:
            await host.close(timeout=5)
        self._hosts.clear()
        return self.recorder.connections


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def talking() -> AsyncIterator[Talking]:
    """A recorded service."""
    from twisted.internet import reactor

    talking = Talking(reactor)
    yield talking
    await talking.stop()
    await talking.recorder.close()


ENCODINGS = {
    "binary": BinaryEncoding(),
    "gzip": BinaryEncoding(compression=Compression.GZIP),
    "deflate": BinaryEncoding(compression=Compression.DEFLATE),
    "text": TextEncoding(),
    "text11": TextEncoding.soap11(),
    "utf16": TextEncoding(charset="utf-16LE"),
}


@pytest.mark.parametrize("name", ENCODINGS)
async def test_buffered(name: str, talking: Talking, tmp_path: Path) -> None:
    """Calls, faults, one-way messages and a second session on the same socket are well-formed."""
    factory = await talking.client("IBasic", encoding=ENCODINGS[name])
    for _ in range(2):
        channel = factory.create_channel(talking.address)
        assert await channel.operations.Add(2, 40) == 42
        assert await channel.operations.Echo("<é>") == "<é>"
        await channel.operations.Notify("one way")
        assert len(await channel.operations.Bytes(20_000)) == 20_000
        with pytest.raises(FaultError):
            await channel.operations.Fail("why", 7)
        await channel.close()
    connections = await talking.stop()
    assert len(connections) == 1
    records = check(tmp_path / "buffered.pcap", talking.port, connections)
    assert {record.session for record in records} == {1, 2}
    assert [r.name for r in records].count("SizedEnvelope") == 2 * 9
    assert [r.name for r in records].count("End") == 2 * 2


async def test_streamed(talking: Talking, tmp_path: Path) -> None:
    """Streamed messages of many chunks both ways are well-formed."""
    factory = await talking.client("IStreams", transfer_mode=TransferMode.STREAMED)
    channel = factory.create_channel(talking.address)
    assert await channel.operations.Echo("a") == "a"
    assert await channel.operations.Upload([b"abc"] * 1000) == 3000
    answer = await channel.operations.Reverse([bytes(100)] * 100 + [b"end"])
    assert await answer.read() == b"dne" + bytes(10_000)
    await channel.close()
    records = check(tmp_path / "streamed.pcap", talking.port, await talking.stop())
    assert [r.name for r in records].count("UnsizedEnvelope") == 6
    assert any(r.text.endswith("chunks") and int(r.text.split()[0]) > 2 for r in records)


async def test_refusals(talking: Talking, tmp_path: Path) -> None:
    """Faults, and requests for upgrades, are well-formed."""
    await talking.client("IBasic")
    offers: list[tuple[str, dict[str, Any], Fault]] = [
        ("x", {}, Fault.ENDPOINT_NOT_FOUND),
        ("", {"mode": Mode.SINGLETON}, Fault.UNSUPPORTED_MODE),
        ("", {"content_type": "text/xml; charset=utf-8"}, Fault.CONTENT_TYPE_INVALID),
        ("", {"content_type": "a/b"}, Fault.CONTENT_TYPE_INVALID),
        ("", {"upgrade": SimpleNamespace(name=SSL_TLS_UPGRADE)}, Fault.UPGRADE_INVALID),
    ]
    for path, options, fault in offers:
        with pytest.raises(CommunicationError, match=fault.value):
            await talking.pool.open_channel(talking.address + path, None, **options)
    connections = await talking.stop()
    assert len(connections) == len(offers)
    records = check(tmp_path / "refusals.pcap", talking.port, connections)
    told = [record.text.partition(": ")[0] for record in records if record.name == "Fault"]
    assert told == [fault.uri for _, _, fault in offers]
    assert [r.text for r in records if r.name == "UpgradeRequest"] == [SSL_TLS_UPGRADE]


def test_the_dissector_complains(tmp_path: Path) -> None:
    """Of what is malformed the dissector says so, where the other tests look for it."""
    for number, data in enumerate((b"\x06\x05abc", b"\x06\xff\xff\xff\xff\x7f", b"\x05\x05abc")):
        path = tmp_path / f"{number}.pcap"
        pcap.write(path, 808, [[Piece(Side.CLIENT, preamble("net.tcp://h/") + data)]])
        assert tshark(path, 808, "-Y", WRONG) != ""


def test_recorded_conversations(tmp_path: Path) -> None:
    """The dissector agrees about what .NET and Mono say, so it is fit to judge what we say."""
    connections = [
        [Piece(Side.CLIENT if who == "c" else Side.SERVER, data) for who, data in steps if data]
        for steps in (
            conversation.steps
            for conversation in conversations()
            # It knows no decrypted streams, nor envelopes of more than a segment.
            if not conversation.name.startswith(("dotnet-tls", "dotnet-twmc", "dotnet-default"))
        )
    ]
    check(tmp_path / "recorded.pcap", 9401, connections)
