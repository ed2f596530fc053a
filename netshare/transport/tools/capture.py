"""
What tools that take conversations apart are given, and what they find.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from netshare.framing.records import RecordType
from netshare.transport.tools.payload import Content

__all__ = ["Piece", "Record", "Side", "side_of"]


class Side(Enum):
    """Who wrote something."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Piece:
    """
    What one side wrote at a time.

    :param side: who
    :param data: the bytes
    """

    side: Side
    data: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """
    A record of the framing, or something else that was found in its place.

    :param side: who wrote it
    :param session: of the connection's sessions, which one this belongs to, from 1
    :param offset: of its first byte in what this side wrote
    :param size: its bytes, header included
    :param name: as [MC-NMF] has it; ``TLS`` and ``Encrypted`` for what an upgrade hides,
        ``Malformed`` where no record could be read
    :param text: what it says, for people
    :param content: of an envelope: what is in it
    :param problem: why it, or what is in it, is refused; empty: it is not
    """

    side: Side
    session: int
    offset: int
    size: int
    name: str
    text: str = ""
    content: Content | None = None
    problem: str = ""


def side_of(data: bytes) -> Side | None:
    """:returns: which side must have written these bytes, by the first of them; None: neither"""
    first = data[:1]
    if first == b"\0":
        return Side.CLIENT
    answers = (RecordType.FAULT, RecordType.UPGRADE_RESPONSE, RecordType.PREAMBLE_ACK)
    return Side.SERVER if first and first[0] in answers else None
