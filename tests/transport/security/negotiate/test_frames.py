"""The frames of application/negotiate, tested with what Windows wrote."""

from __future__ import annotations

import json

import pytest

from netshare.transport.security.negotiate.frames import (
    MAX_DATA_FRAME,
    MAX_TOKEN,
    DataReader,
    FrameInvalid,
    FrameKind,
    HandshakeFrame,
    HandshakeReader,
    data_frame,
    error_code,
    error_frame,
)
from tests.helpers.places import VECTORS

RECORDED = json.loads((VECTORS / "wcf_session_negotiate_ntlm.json").read_text())


def recorded(direction: str, opening: bytes) -> bytes:
    data = bytes.fromhex(RECORDED[direction])
    return data[data.index(opening) + len(opening) :]


@pytest.mark.parametrize("cut", [1, 3, 7, 100000])
@pytest.mark.parametrize(
    ("direction", "opening", "kinds", "tokens"),
    [
        ("c2s", b"application/negotiate", [FrameKind.IN_PROGRESS] * 2, 4),
        ("s2c", b"\x0a", [FrameKind.IN_PROGRESS, FrameKind.DONE], 3),
    ],
)
def test_a_recorded_stream(
    direction: str, opening: bytes, kinds: list[FrameKind], tokens: int, cut: int
) -> None:
    """The handshake and the sealed messages of a recorded session are read in any split."""
    data = recorded(direction, opening)
    handshake, frames = HandshakeReader(), []
    stream, sealed = DataReader(), []
    for at in range(0, len(data), cut):
        piece = data[at : at + cut]
        if len(frames) < len(kinds):
            handshake.feed(piece)
            while len(frames) < len(kinds) and (frame := handshake.next_frame()) is not None:
                frames.append(frame)
            if len(frames) < len(kinds):
                continue
            piece = handshake.take_rest()
        stream.feed(piece)
        while (token := stream.next_token()) is not None:
            sealed.append(token)
    assert [frame.kind for frame in frames] == kinds
    assert (
        b"".join(frame.encode() for frame in frames)
        == data[: sum(5 + len(frame.token) for frame in frames)]
    )
    assert len(sealed) >= tokens
    assert all(token.startswith(b"\x01\x00\x00\x00") for token in sealed)  # NTLM's signature
    assert stream.take_rest() == b""


def test_a_frame_at_its_limit() -> None:
    """A token of 65,535 bytes is carried, a longer one is refused before it is sent."""
    frame = HandshakeFrame(FrameKind.DONE, bytes(MAX_TOKEN))
    reader = HandshakeReader()
    reader.feed(frame.encode() + b"more")
    assert reader.next_frame() == frame
    assert reader.take_rest() == b"more"
    with pytest.raises(FrameInvalid, match="65536 bytes"):
        HandshakeFrame(FrameKind.DONE, bytes(MAX_TOKEN + 1)).encode()


def test_what_is_no_frame() -> None:
    """Another kind of frame, and a data frame longer than any, are refused by their first bytes."""
    reader = HandshakeReader()
    reader.feed(b"\x17")
    with pytest.raises(FrameInvalid, match="0x17"):
        reader.next_frame()
    stream = DataReader()
    stream.feed((MAX_DATA_FRAME + 1).to_bytes(4, "little"))
    with pytest.raises(FrameInvalid, match="65537"):
        stream.next_token()


def test_the_longest_data_frame() -> None:
    """A data frame of 65,536 bytes is read."""
    stream = DataReader()
    stream.feed(data_frame(bytes(MAX_DATA_FRAME)))
    assert stream.next_token() == bytes(MAX_DATA_FRAME)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("000000008009030c", 0x8009030C),  # [MS-NNS] 2.2.1
        ("0d030980ffffffff", 0x8009030D),  # as .NET writes it
        ("000006fe", None),
        ("", None),
    ],
)
def test_codes_of_refusals(payload: str, code: int | None) -> None:
    """Both layouts of a refusal are read."""
    assert error_code(bytes.fromhex(payload)) == code


def test_a_refusal_that_is_sent() -> None:
    """A refusal goes out in the specification's layout."""
    assert error_frame(0x8009030C).hex() == "1501000008" + "00000000" + "8009030c"
