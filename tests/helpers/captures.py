"""Conversations taken apart."""

from __future__ import annotations

from netshare.framing.records import (
    BINARY,
    Mode,
    preamble,
)
from netshare.transport.tools.capture import Piece, Record, Side
from netshare.transport.tools.decode import decode
from tests.helpers.conversations import Conversation

VIA = "net.tcp://host/p"
SIDES = {"c": Side.CLIENT, "s": Side.SERVER}
SOAP = "http://www.w3.org/2003/05/soap-envelope"
TEXT = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Header><Action>urn:é</Action></s:Header>'
    "<s:Body><x>é</x></s:Body></s:Envelope>"
)


def pieces(conversation: Conversation) -> list[Piece]:
    return [Piece(SIDES[who], data) for who, data in conversation.steps if who != "-"]


def client(data: bytes) -> list[Record]:
    return decode([Piece(Side.CLIENT, data)])


def server(data: bytes) -> list[Record]:
    return decode([Piece(Side.SERVER, data)])


def names(records: list[Record], side: Side | None = None) -> list[str]:
    return [record.name for record in records if side in (None, record.side)]


def problems(records: list[Record]) -> list[str]:
    return [record.problem for record in records if record.problem]


def covered(records: list[Record], side: Side) -> bytes:
    """The offsets that the records of one side cover, each byte counted."""
    count = bytearray(max((r.offset + r.size for r in records if r.side is side), default=0))
    for record in records:
        if record.side is side:
            for at in range(record.offset, record.offset + record.size):
                count[at] += 1
    return bytes(count)


PREAMBLE = preamble(VIA)
STREAMED = preamble(VIA, Mode.SINGLETON, BINARY)
