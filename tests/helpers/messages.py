"""Messages that were recorded, and writing them again."""

from __future__ import annotations

import json
from typing import Any

from netshare.transport.soap import Message, MessageHeader, SoapFault, SoapVersion
from netshare.transport.xml.binary.records import read_multibyte
from tests.helpers.binary_vectors import conversations
from tests.helpers.places import VECTORS

#: Those with message security have headers that nobody could write again from their values.
RECORDED = {name: r for name, r in conversations() if not name.startswith("twmc")}


def again(message: Message) -> Message:
    """A new message with all that a received one has, its body as a tree or as a fault."""
    body: Any = message.body_element()
    if message.is_fault:
        fault = SoapFault.from_message(message)
        body = fault.to_message(version=message.version).body_content
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


def envelope(headers: str, body: str = "<x/>", soap: str = SoapVersion.SOAP12.namespace) -> bytes:
    """An envelope as text, with the prefixes s and a."""
    wsa = "http://www.w3.org/2005/08/addressing"
    return (
        f'<s:Envelope xmlns:s="{soap}" xmlns:a="{wsa}"><s:Header>{headers}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()
