"""Streamed messages: recorded ones, and sending and receiving them in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from netshare.framing.chunked import MESSAGE_START
from netshare.transport.encoders import MessageEncoder
from netshare.transport.encoders.streamed import stream_decoder, stream_encoder
from netshare.transport.soap import Message
from netshare.transport.xml.binary.records import read_multibyte
from tests.helpers.places import VECTORS as ALL_VECTORS

VECTORS = ALL_VECTORS / "dotnet"
KINDS = [
    "binary",
    "application/soap+msbin1+gzip",
    "application/soap+msbin1+deflate",
    "application/soap+xml; charset=utf-8",
    "text/xml; charset=utf-16LE",
    "application/soap+xml; charset=utf-16BE",
]
PATH = (("Echo", "urn:s"), ("data", "urn:s"))


def pattern(count: int) -> bytes:
    """What the test services' streams contain."""
    return bytes((i * 31) & 0xFF for i in range(count))


def recorded_messages() -> list[tuple[str, bytes]]:
    """The streamed messages of .NET and CoreWCF, out of their chunks: (side, document)."""
    found = []
    for name in ("streamed", "streamed-request", "streamed-response"):
        recording = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
        for connection in recording["connections"]:
            for side in "cs":
                data = b"".join(
                    bytes.fromhex(raw)
                    for who, raw in connection["steps"]
                    if who == side and not raw.startswith("error")
                )
                found += [(side, document) for document in documents(data)]
    return found


def documents(data: bytes) -> list[bytes]:
    """The unsized envelopes of one direction."""
    found, pos = [], 0
    while pos < len(data):
        kind = data[pos]
        pos += 1
        if kind == MESSAGE_START[0]:
            pieces = []
            while True:
                size, pos = read_multibyte(data, pos)
                if not size:
                    break
                pieces.append(data[pos : pos + size])
                pos += size
            found.append(b"".join(pieces))
        elif kind == 0x02:
            size, pos = read_multibyte(data, pos)
            pos += size
        else:
            pos += {0x00: 2, 0x01: 1, 0x03: 1}.get(kind, 0)
    return found


def receive(
    encoder: MessageEncoder, data: bytes, cut: int, stream: bool = True
) -> tuple[Message, bytes, list[tuple[str, str]]]:
    """Receive a message in pieces of *cut* bytes."""
    decoder = stream_decoder(encoder)
    out: list[bytes] = []
    decided = False
    for at in range(0, len(data), cut):
        out += decoder.feed(data[at : at + cut])
        if decoder.message is not None and not decided:
            decided = True
            if stream:
                out += decoder.expect_stream()
            else:
                decoder.expect_body()
    out += decoder.finish()
    assert decoder.message is not None
    return decoder.message, b"".join(out), decoder.path


def encode_stream(
    encoder: MessageEncoder, message: Message, chunks: Iterable[bytes]
) -> Iterator[bytes]:
    """A whole streamed message, in pieces about as large as the chunks."""
    stream = stream_encoder(encoder)
    pending = stream.start(message)
    for data in chunks:
        pending += stream.chunk(data)
        if pending:
            yield pending
            pending = b""
    yield pending + stream.finish()
