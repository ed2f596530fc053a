"""Messages and their encodings, tested with what .NET, CoreWCF and Mono wrote."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from netshare.transport.binary import (
    DictionaryString,
    Element,
    QuotaExceeded,
    SessionInvalid,
    UniqueId,
    WriterSession,
    XmlException,
)
from netshare.transport.binary.dictionary import STATIC_IDS
from netshare.transport.binary.records import read_multibyte
from netshare.transport.encoders import (
    BinarySessionEncoder,
    UnknownContentType,
    encoder_for,
)
from netshare.transport.messages import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11_AUGUST2004,
    SOAP11_WSA10,
    SOAP12,
    SOAP12_AUGUST2004,
    Message,
    MessageHeader,
    MessageInvalid,
    MessageVersion,
    SoapVersion,
    StreamBody,
    new_message_id,
)
from netshare.transport.soapfaults import SoapFault
from netshare.transport.xmltext import to_xml

from .binary_vectors import RecordedSession, conversations

VECTORS = Path(__file__).parent / "vectors"
#: Those with message security have headers that nobody could write again from their values.
RECORDED = {name: r for name, r in conversations() if not name.startswith("twmc")}


def again(message: Message) -> Message:
    """A new message with all that a received one has, its body as a tree or as a fault."""
    body: Any = message.body_element()
    if message.is_fault:
        fault = SoapFault.from_message(message)
        body = fault.write11 if message.version.soap is SoapVersion.SOAP11 else fault.write12
    return Message(
        message.action,
        body,
        version=message.version,
        headers=[
            MessageHeader(h.name, h.namespace, h.value, h.must_understand, prefix=h.prefix)
            for h in message.headers
        ],
        message_id=message.message_id,
        relates_to=message.relates_to,
        reply_to=message.reply_to,
        to=message.to,
        is_fault=message.is_fault,
    )


def envelopes(data: bytes) -> list[bytes]:
    """What the sized envelopes of one direction of a recorded connection carry."""
    pos, frames = 0, []
    while pos < len(data):
        kind = data[pos]
        pos += 1
        if kind in (0x02, 0x04, 0x06):
            size, pos = read_multibyte(data, pos)
            if kind == 0x06:
                frames.append(data[pos : pos + size])
            pos += size
        else:
            pos += {0x00: 2, 0x01: 1, 0x03: 1}.get(kind, 0)
    return frames


def text_messages(name: str) -> list[bytes]:
    """The messages of a conversation recorded with .NET, both directions."""
    recording = json.loads((VECTORS / "dotnet" / f"{name}.json").read_text("utf-8"))
    frames = []
    for connection in recording["connections"]:
        for side in "cs":
            steps = [raw for who, raw in connection["steps"] if who == side]
            frames += envelopes(b"".join(bytes.fromhex(s) for s in steps if s[:5] != "error"))
    return frames


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_envelopes_written_again(name: str) -> None:
    """The headers of every envelope of .NET, and bodies of plain names, come out byte by byte."""
    recorded: RecordedSession = RECORDED[name]
    encoder = encoder_for("binary-session")
    known: list[str] = []
    for frame, strings in zip(recorded.frames, recorded.strings, strict=True):
        message = encoder.decode(frame)
        # Give the strings the ids they have in the recording, whatever the body needs them for.
        known += strings
        writing = WriterSession()
        for string in known:
            writing._add(string)
        writing.take_table()
        own = BinarySessionEncoder("x", MESSAGE_VERSION_DEFAULT, encoder.quotas, 0)
        own._writing = writing
        written = own.encode(again(message))
        size, start = read_multibyte(written, 0)
        written = written[start + size :]
        size, start = read_multibyte(frame, 0)
        expected = frame[start + size :]
        begin = expected.index(b"\x56\x0e")
        assert written[: begin + 2] == expected[: begin + 2]
        if message.is_fault and not any(s in STATIC_IDS for s in strings):
            assert written == expected


@pytest.mark.parametrize("name", ["text11", "text12", "text12-utf16"])
def test_recorded_text_written_again(name: str) -> None:
    """Text of .NET in any version and charset comes out byte by byte."""
    kind = {
        "text11": "text/xml; charset=utf-8",
        "text12": "application/soap+xml; charset=utf-8",
        "text12-utf16": "application/soap+xml; charset=utf-16LE",
    }[name]
    encoder = encoder_for(kind)
    frames = text_messages(name)
    assert len(frames) == 10
    for frame in frames:
        message = encoder.decode(frame)
        assert encoder.encode(again(message)) == frame
