"""
What people bring to be decoded: raw bytes, hexadecimal text, recordings.

============================  ====================================================================
raw                           one direction, as a proxy or ``tcpflow`` writes it
hexadecimal                   the same as text, with or without blanks, colons and line ends
hexadecimal, some lines       both directions, as ``tshark -q -z follow,tcp,raw,0`` prints them:
begin with a tab              the lines of the side that answers begin with a tab
JSON                          whole conversations: ``connections``, each with ``steps``, each a
                              pair of ``c`` or ``s`` and hexadecimal (as netshare's tests have them)
============================  ====================================================================
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from netshare.transport.tools import Piece, Side, side_of

__all__ = ["Capture", "CaptureError", "from_bytes", "from_sides", "hexadecimal"]

_HEX_TEXT: Final = re.compile(rb"[0-9A-Fa-f \t\r\n:]*\Z")
_SEPARATORS: Final = re.compile(r"[ \t\r\n:]+")
#: What tshark prints around the bytes of a stream that it follows.
_HEADING: Final = re.compile(rb"^(=+|Follow: .*|Filter: .*|Node [01]: .*)\r?$", re.MULTILINE)
_SIDES: Final = {"c": Side.CLIENT, "s": Side.SERVER}


class CaptureError(Exception):
    """The input is none of these."""


@dataclass(frozen=True, slots=True)
class Capture:
    """
    A connection, or what there is of it.

    :param name: for people; empty if it is the only one
    :param pieces: what was written, in order
    """

    name: str
    pieces: tuple[Piece, ...]


def hexadecimal(data: bytes) -> bytes | None:
    """:returns: the bytes that a hexadecimal text stands for, None: it is no such text."""
    if not _HEX_TEXT.match(data):
        return None
    digits = _SEPARATORS.sub("", data.decode("ascii"))
    if len(digits) % 2:
        raise CaptureError("the hexadecimal text has an odd number of digits")
    return bytes.fromhex(digits)


def plain(data: bytes, is_hex: bool | None) -> bytes:
    """
    :param data: what came
    :param is_hex: whether it is hexadecimal text; None: by its looks
    :returns: the bytes that are meant
    :raises CaptureError: it is no hexadecimal text and should be
    """
    if is_hex is False:
        return data
    meant = hexadecimal(data)
    if meant is None:
        if is_hex:
            raise CaptureError("the input is no hexadecimal text")
        return data
    return meant


def from_sides(client: bytes, server: bytes, is_hex: bool | None = None) -> Capture:
    """
    :param client: what the client wrote, raw or hexadecimal
    :param server: what the server wrote
    :param is_hex: as of :func:`plain`
    :returns: the conversation
    :raises CaptureError: as of :func:`plain`; or both are empty
    """
    if not client and not server:
        raise CaptureError("there is nothing to decode")
    return Capture(
        "",
        (Piece(Side.CLIENT, plain(client, is_hex)), Piece(Side.SERVER, plain(server, is_hex))),
    )


def from_bytes(data: bytes, side: Side | None = None, is_hex: bool | None = None) -> list[Capture]:
    """
    :param data: anything that the table above has
    :param side: who wrote it, where it is one direction; None: by its first byte
    :param is_hex: whether it is hexadecimal text; None: by its looks
    :returns: the connections in it
    :raises CaptureError: it is nothing of that
    """
    if not data:
        raise CaptureError("there is nothing to decode")
    if is_hex is None and data.lstrip()[:1] == b"{":
        return _recording(data)
    if is_hex is not False:
        text = _HEADING.sub(b"", data)
        lines = text.splitlines()
        if any(line.startswith(b"\t") for line in lines) and _HEX_TEXT.match(text):
            return [_followed([line for line in lines if line.strip()], side)]
        if text != data:
            data = text.strip()
    meant = plain(data, is_hex)
    side = side or side_of(meant)
    if side is None:
        begin = f"byte {meant[0]:#04x}" if meant else "nothing"
        raise CaptureError(
            f"the input begins with {begin}, as neither a client nor a server does; if you know "
            "who wrote it, say --client or --server"
        )
    return [Capture("", (Piece(side, meant),))]


def _followed(lines: list[bytes], side: Side | None) -> Capture:
    first = side or Side.CLIENT
    other = Side.SERVER if first is Side.CLIENT else Side.CLIENT
    pieces = []
    for line in lines:
        data = hexadecimal(line)
        assert data is not None  # the whole text was looked at
        pieces.append(Piece(other if line.startswith(b"\t") else first, data))
    return Capture("", tuple(pieces))


def _recording(data: bytes) -> list[Capture]:
    try:
        recording = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"the input looks like JSON, but is none: {error}") from None
    connections = recording.get("connections", [recording])
    if not isinstance(connections, list) or not connections:
        raise CaptureError("the recording has no connections")
    many = len(connections) > 1
    return [
        Capture(f"connection {number}" if many else "", _steps(connection))
        for number, connection in enumerate(connections, 1)
    ]


def _steps(connection: Any) -> tuple[Piece, ...]:
    steps = connection.get("steps") if isinstance(connection, dict) else None
    if not isinstance(steps, list):
        raise CaptureError("the recording has a connection without steps")
    pieces = []
    for step in steps:
        match step:
            case ["c" | "s" as who, str(text)]:
                if text.startswith("error"):  # how the socket ended
                    continue
                written = hexadecimal(text.encode("ascii", "replace"))
                if written is None:
                    raise CaptureError(f"a step of the recording has no hexadecimal: {text[:40]!r}")
                pieces.append(Piece(_SIDES[who], written))
            case ["-", *_]:
                pass  # an upgrade begins or ends; what is within it was recorded in the clear
            case _:
                raise CaptureError(f"the recording has a step that is none: {str(step)[:40]!r}")
    return tuple(pieces)
