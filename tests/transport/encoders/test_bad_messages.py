"""Damaged messages: whatever is changed in a recorded one, the errors are those declared."""

from __future__ import annotations

import random

import pytest

from netshare.transport.datacontracts import DeserializationFailed, serializer_for
from netshare.transport.encoders import encoder_for
from netshare.transport.encoders.streamed import stream_decoder
from netshare.transport.soap import MessageInvalid, SoapFault
from netshare.transport.xml import XmlException
from netshare.transport.xml.binary import ReaderSession
from tests.helpers.binary_vectors import conversations
from tests.helpers.messages import text_messages
from tests.helpers.streamed import recorded_messages
from tests.peers.contracts import DATA_TYPES
from tests.transport.datacontracts.test_recorded import CALLS, KNOWN

SESSIONS = dict(conversations())
DECLARED = (XmlException, MessageInvalid, DeserializationFailed)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with a few bytes changed, put in or taken out."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        what = chance.randrange(4)
        if what == 0:
            changed[at] = chance.randrange(256)
        elif what == 1:
            del changed[at : at + chance.randint(1, 8)]
        elif what == 2:
            changed[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        else:
            changed[at] ^= 1 << chance.randrange(8)
        if not changed:
            return b""
    return bytes(changed)


@pytest.mark.parametrize("side", "cs")
def test_damaged_binary(side: str) -> None:
    """Binary messages of every data contract."""
    chance = random.Random(1)
    session = SESSIONS[f"data-0-0-{side}"]
    known: list[str] = []
    survived = 0
    complaints: list[str] = []
    for number, (frame, strings) in enumerate(zip(session.frames, session.strings, strict=True)):
        hint = DATA_TYPES[CALLS[number]["op"]]
        for _ in range(20):
            encoder = encoder_for("binary-session").session()
            encoder.know(ReaderSession.of(list(known)))  # type: ignore[attr-defined]
            try:
                message = encoder.decode(damaged(frame, chance))
                cursor = message.body()
                if message.is_fault:
                    SoapFault.from_message(message)
                elif cursor is not None:
                    cursor.enter()
                    while cursor.next() is not None:
                        serializer_for(hint, KNOWN).read(cursor)
                message.not_understood()
                survived += 1
            except DECLARED as error:
                complaints.append(str(error))
        known += strings
    assert survived > 100
    assert len(complaints) > 100
    assert all(complaints)


@pytest.mark.parametrize("name", ["text11", "text12", "text12-utf16"])
def test_damaged_text(name: str) -> None:
    """Messages as text, faults among them."""
    chance = random.Random(2)
    kind = "text/xml" if name == "text11" else "application/soap+xml"
    encoder = encoder_for(kind + ("; charset=utf-16LE" if "16" in name else ""))
    complaints: list[str] = []
    for frame in text_messages(name):
        for _ in range(60):
            try:
                message = encoder.decode(damaged(frame, chance))
                if message.is_fault:
                    SoapFault.from_message(message).detail_element()
            except DECLARED as error:
                complaints.append(str(error))
    assert len(complaints) > 50
    assert all(complaints)


@pytest.mark.parametrize("stream", [True, False])
def test_damaged_streams(stream: bool) -> None:
    """Streamed messages, cut anywhere."""
    chance = random.Random(3)
    encoder = encoder_for("binary")
    complaints: list[str] = []
    for _, data in recorded_messages():
        for _ in range(40):
            # The damage is to hit what is around the content, too.
            piece = damaged(data[:300], chance) + data[300:]
            cut = chance.choice([5, 100, 70_000])
            decoder = stream_decoder(encoder)
            decided = False
            try:
                for at in range(0, len(piece), cut):
                    decoder.feed(piece[at : at + cut])
                    if decoder.message is not None and not decided:
                        decided = True
                        if stream:
                            decoder.expect_stream()
                        else:
                            decoder.expect_body()
                decoder.finish()
            except DECLARED as error:
                complaints.append(str(error))
    assert len(complaints) > 100
    assert all(complaints)
