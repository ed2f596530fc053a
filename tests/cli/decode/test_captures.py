"""What ``netshare decode`` takes for a capture."""

from __future__ import annotations

import json

import pytest

from netshare.cli.decode.captures import (
    Capture,
    CaptureError,
    from_bytes,
    from_sides,
    hexadecimal,
    plain,
)
from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.transport.tools import Side

CLIENT = preamble("net.tcp://host/p")


def said(capture: Capture) -> list[tuple[Side, bytes]]:
    """Who wrote what."""
    return [(piece.side, piece.data) for piece in capture.pieces]


def test_a_side_can_be_said() -> None:
    """Who wrote something need not be guessed."""
    (capture,) = from_bytes(b"\x0b", Side.CLIENT, False)
    assert capture.pieces[0].side is Side.CLIENT
    (capture,) = from_bytes(b"0b\n\t00\n", Side.SERVER)
    assert [(p.side, p.data) for p in capture.pieces] == [
        (Side.SERVER, b"\x0b"),
        (Side.CLIENT, b"\0"),
    ]


def test_hexadecimal() -> None:
    """Other blanks than those of text are bytes, not blanks."""
    assert hexadecimal(b"\x0b") is None
    assert hexadecimal(b" 0B:0c\r\n") == b"\x0b\x0c"
    with pytest.raises(CaptureError):
        hexadecimal(b"0")


def test_plain() -> None:
    """What came is taken for hexadecimal text if it looks like it, unless it is said."""
    assert plain(b"0b", None) == b"\x0b"
    assert plain(b"0b", False) == b"0b"
    assert plain(b"\xff", None) == b"\xff"
    with pytest.raises(CaptureError, match="no hexadecimal text"):
        plain(b"\xff", True)


def test_two_sides() -> None:
    """Two inputs are the two sides; one of them may be empty."""
    assert said(from_sides(CLIENT.hex().encode(), PREAMBLE_ACK)) == [
        (Side.CLIENT, CLIENT),
        (Side.SERVER, PREAMBLE_ACK),
    ]
    assert said(from_sides(b"", b"\x0b"))[0] == (Side.CLIENT, b"")
    with pytest.raises(CaptureError, match="nothing to decode"):
        from_sides(b"", b"")


def test_recordings() -> None:
    """A recording has a capture for each connection, without how sockets ended and upgrades."""
    steps = [["c", CLIENT.hex()], ["-", "upgrade"], ["s", "0b"], ["s", "error Reset"]]
    (alone,) = from_bytes(json.dumps({"steps": steps}).encode())
    assert (alone.name, said(alone)) == ("", [(Side.CLIENT, CLIENT), (Side.SERVER, b"\x0b")])
    many = from_bytes(json.dumps({"connections": [{"steps": steps}] * 2}).encode())
    assert [capture.name for capture in many] == ["connection 1", "connection 2"]
