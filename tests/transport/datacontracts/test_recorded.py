"""Data contracts against a conversation of .NET and CoreWCF: every type, every extreme value."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    Single,
    is_primitive,
    serializer_for,
)
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message
from netshare.transport.xml import XmlCursor, XmlWriter, to_xml
from netshare.transport.xml.binary import WriterSession, read_document
from tests.helpers.binary_vectors import conversations
from tests.helpers.places import VECTORS as ALL_VECTORS
from tests.peers import datatypes as c
from tests.peers.contracts import DATA_TYPES
from tests.peers.json_values import from_json

VECTORS = ALL_VECTORS / "dotnet"
DATA = "urn:peers:data"
KNOWN = (c.Person, c.Basket)
CALLS = json.loads((VECTORS / "data.json").read_text("utf-8"))["calls"]
_SESSIONS = dict(conversations())


def received(side: str) -> list[Message]:
    """The messages of one direction of the conversation."""
    encoder = encoder_for("binary-session", max_message_size=1 << 20)
    return [encoder.decode(frame) for frame in _SESSIONS[f"data-0-0-{side}"].frames]


REQUESTS, REPLIES = received("c"), received("s")
IDS = [f"{n}-{call['op']}" for n, call in enumerate(CALLS)]


def parameter(message: Message) -> XmlCursor:
    """A cursor on the one parameter of a recorded message."""
    cursor = message.body()
    assert cursor is not None
    cursor.enter()
    assert cursor.next() is not None
    return cursor


def same(a: Any, b: Any) -> bool:
    """Equal, and NaN equal to itself."""
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("number", range(len(CALLS)), ids=IDS)
def test_recorded_values_are_read(number: int) -> None:
    """Each argument and each result is the value the recording names."""
    call = CALLS[number]
    hint = DATA_TYPES[call["op"]]
    serializer = serializer_for(hint, KNOWN)
    given = from_json(call["args"][0], hint)
    if hint is Single and isinstance(given, float):
        # What a float of 32 bits makes of it.
        given = serializer.contract.scalar.from_wire(given)
    for message in (REQUESTS[number], REPLIES[number]):
        value = serializer.read(parameter(message))
        assert same(value, given)
        assert type(value) is type(given)


class DotNetSession(WriterSession):
    """
    Gives ids as .NET does: by the static dictionary only for strings that its program took from
    there, which those of data contracts are not, even if they are the same.
    """

    ENVELOPE = frozenset(
        (
            "Envelope Header Body mustUnderstand Action To MessageID RelatesTo ReplyTo Address "
            "http://www.w3.org/2003/05/soap-envelope http://www.w3.org/2005/08/addressing "
            "http://www.w3.org/2005/08/addressing/anonymous"
        ).split()
    )

    def known_id(self, text: str) -> int | None:
        return super().known_id(text) if text in self.ENVELOPE else self._ids.get(text)


def again(number: int, side: str) -> Message:
    """A recorded message written from the value that was read from it."""
    operation = CALLS[number]["op"]
    hint = DATA_TYPES[operation]
    serializer = serializer_for(hint, KNOWN, primitive=is_primitive(hint))
    message = (REQUESTS if side == "c" else REPLIES)[number]
    cursor = parameter(message)
    name = cursor.name.local
    value = serializer.read(cursor)

    def body(writer: XmlWriter) -> None:
        writer.start(operation + ("" if side == "c" else "Response"), DATA)
        serializer.write(writer, name, DATA, value)
        writer.end_element()

    return Message(
        message.action,
        body,
        message_id=message.message_id,
        relates_to=message.relates_to,
        reply_to=message.reply_to,
        to=message.to,
    )


@pytest.mark.parametrize("side", "cs")
@pytest.mark.parametrize("number", range(len(CALLS)), ids=IDS)
def test_recorded_values_are_written_again(number: int, side: str) -> None:
    """What was read is written as the same XML, element by element and prefix by prefix."""
    written = encoder_for("binary").encode(again(number, side))
    expected = _SESSIONS[f"data-0-0-{side}"].xml[number]
    assert to_xml(read_document(written)) == expected


@pytest.mark.parametrize("side", "cs")
def test_conversation_byte_by_byte(side: str) -> None:
    """With .NET's choice of dictionaries the whole conversation comes out byte by byte."""
    encoder = encoder_for("binary-session")
    encoder.know(writing=DotNetSession())
    differing = [
        CALLS[number]["op"]
        for number, frame in enumerate(_SESSIONS[f"data-0-0-{side}"].frames)
        if encoder.encode(again(number, side)) != frame
    ]
    assert differing == []


@pytest.mark.parametrize("number", range(len(CALLS)), ids=IDS)
def test_text(number: int) -> None:
    """As text the same value comes back, too."""
    encoder = encoder_for("text")
    message = encoder.decode(encoder.encode(again(number, "c")))
    serializer = serializer_for(DATA_TYPES[CALLS[number]["op"]], KNOWN)
    value = serializer.read(parameter(message))
    assert same(value, serializer.read(parameter(REQUESTS[number])))
