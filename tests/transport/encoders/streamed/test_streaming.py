"""Streamed messages: recorded ones, both encodings, any cuts, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.framing.chunked import MESSAGE_START
from netshare.transport.encoders.encoders import MessageEncoder, UnknownContentType, encoder_for
from netshare.transport.encoders.streamed.streaming import encode_stream, stream_decoder
from netshare.transport.soap.faults import FaultCode, SoapFault
from netshare.transport.soap.message import (
    SOAP11_WSA10,
    Message,
    MessageInvalid,
    StreamBody,
    new_message_id,
)
from netshare.transport.xml import QuotaExceeded, XmlException
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
    decoder = encoder.stream_decoder()
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


@pytest.mark.parametrize("cut", [1, 7, 65536])
def test_recorded_streams(cut: int) -> None:
    """Every stream of the recordings comes out with its headers, however it is cut."""
    encoder = encoder_for("binary")
    seen = set()
    for side, data in recorded_messages():
        action = encoder.decode(data).action or ""
        operation = action.rpartition("/")[2]
        stream = operation in ("Upload", "UploadFile", "Reverse", "DownloadResponse")
        message, content, path = receive(encoder, data, cut, stream)
        assert message.action == action
        assert (message.message_id is None) == (side == "s")
        assert (message.relates_to is None) == (side == "c")
        if stream:
            expected = pattern(3000 if operation == "Reverse" else 5000)
            assert content in (expected, b"")
            assert path[0][1] == "urn:peers:stream"
        else:
            assert content == b""
            element = message.body_element()
            assert element is not None
            assert element == encoder.decode(data).body_element()
        seen.add(operation)
    assert len(seen) == 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, 300_000])
def test_round_trip(kind: str, size: int) -> None:
    """What is sent in any encoding and in any chunks is received, with its path."""
    encoder = encoder_for(kind, max_message_size=10_000_000)
    content = pattern(size)
    message = Message(
        "urn:a", StreamBody(PATH), version=encoder.version, message_id=new_message_id()
    )
    for chunk in (1 if size < 1000 else 4001, 70_000):
        chunks = [content[at : at + chunk] for at in range(0, size, chunk)]
        data = b"".join(encode_stream(encoder, message, chunks))
        for cut in (1 if size < 1000 else 999, 65536):
            received, out, path = receive(encoder, data, cut)
            assert out == content
            assert path == list(PATH)
            assert received.message_id == message.message_id
        # It is an ordinary message, too.
        element = encoder.decode(data).body_element()
        assert element is not None
        assert element.local == "Echo"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.binary(max_size=300), max_size=8),
    st.integers(1, 400),
)
def test_any_chunks(kind: str, chunks: list[bytes], cut: int) -> None:
    """Whatever the chunks sent and received, the content is the same."""
    encoder = encoder_for(kind)
    message = Message("urn:a", StreamBody(PATH[:1]), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, chunks))
    assert receive(encoder, data, cut)[1] == b"".join(chunks)


@pytest.mark.parametrize("kind", ["binary", "text", "application/soap+msbin1+gzip"])
def test_bounded_memory(kind: str) -> None:
    """64 MiB pass through both directions without more than 8 MiB being held."""
    encoder = encoder_for(kind, max_message_size=1 << 30)
    decoder = encoder.stream_decoder()
    # Nothing that compression makes small: a piece of the wire is at most this large, then.
    chunk = os.urandom(1 << 20)
    digest, expected = hashlib.md5(), hashlib.md5()
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    tracemalloc.start()
    decided = False
    for piece in encode_stream(encoder, message, (chunk for _ in range(64))):
        for at in range(0, len(piece), 65536):
            for out in decoder.feed(piece[at : at + 65536]):
                digest.update(out)
            if decoder.message is not None and not decided:
                decided = True
                for out in decoder.expect_stream():
                    digest.update(out)
    decoder.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for _ in range(64):
        expected.update(chunk)
    assert digest.digest() == expected.digest()
    assert peak < 8 << 20


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off(kind: str) -> None:
    """A message that ends too early is an error wherever it ends, never something shorter."""
    encoder = encoder_for(kind)
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [pattern(50)]))
    for end in range(len(data) - 1):
        with pytest.raises((XmlException, MessageInvalid)):
            receive(encoder, data[:end], 16)
    for stream in (True, False):
        receive(encoder, data, 16, stream)


@pytest.mark.parametrize("kind", KINDS)
def test_fault_instead_of_stream(kind: str) -> None:
    """That the body is a fault is known before the body is read."""
    encoder = encoder_for(kind)
    fault = SoapFault(FaultCode.sender(), "no")
    data = encoder.encode(fault.to_message(version=encoder.version))
    message, _, _ = receive(encoder, data, 10, stream=False)
    assert message.is_fault
    assert SoapFault.from_message(message).reason == "no"


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_headers_too_large(kind: str) -> None:
    """Headers that never end are refused at the limit."""
    encoder = encoder_for(kind)
    message = Message("urn:" + "a" * 5000, StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [b"x"]))
    decoder = stream_decoder(encoder, 1000)
    for at in range(0, 1000, 100):
        assert decoder.feed(data[at : at + 100]) == []
    with pytest.raises(QuotaExceeded):
        decoder.feed(data[1000:1100])


def test_body_too_large() -> None:
    """A collected body is refused at the limit of the message."""
    for kind in ("binary", "text"):
        encoder = encoder_for(kind, max_message_size=100_000)
        message = Message("urn:a", StreamBody(PATH), version=encoder.version)
        data = b"".join(encode_stream(encoder, message, [bytes(200_000)]))
        with pytest.raises(QuotaExceeded):
            receive(encoder, data, 5000, stream=False)


@pytest.mark.parametrize(
    "body",
    [
        "<x>AAAA<y/></x>",
        "<x><y>AAAA</y><z/></x>",
        "<x><y>AAAA</y>more</x>",
        "<x>A?AA</x>",
        "<x>AAA</x>",
        "<x>AA==AAAA</x>",
    ],
)
def test_no_stream(body: str) -> None:
    """A body that is not base64 in one innermost element is an error."""
    encoder = encoder_for("text/xml")
    envelope = SOAP11_WSA10.soap.namespace
    text = f'<s:Envelope xmlns:s="{envelope}"><s:Body>{body}</s:Body></s:Envelope>'
    for cut in (1, 1000):
        with pytest.raises(XmlException):
            receive(encoder, text.encode(), cut)


def test_not_for_sessions() -> None:
    """Messages with string tables of a session cannot be streamed."""
    for make in ("stream_encoder", "stream_decoder"):
        with pytest.raises(UnknownContentType, match="msbinsession1"):
            getattr(encoder_for("binary-session"), make)()


def test_expansion_of_a_stream() -> None:
    """A compressed stream may not become more than the limit."""
    encoder = encoder_for("application/soap+msbin1+gzip", max_message_size=1_000_000)
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [bytes(5_000_000)]))
    assert len(data) < 20_000
    with pytest.raises(QuotaExceeded):
        receive(encoder, data, 1000)
