"""
netshare.control.boxes: the same boxes as Twisted's AMP reads and writes.
"""

from __future__ import annotations

from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp

from netshare.control.boxes import BadBox, Box, BoxReader
from netshare.control.commands import Duplicate

BOXES = st.lists(
    st.dictionaries(st.binary(min_size=1, max_size=255), st.binary(max_size=300), min_size=1),
    max_size=4,
)


class Descriptors:
    """What an AMP protocol does for descriptors, as far as a command needs it."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def _sendFileDescriptor(self, descriptor: int) -> int:
        self.sent.append(descriptor)
        return len(self.sent) - 1


@given(BOXES)
def test_written_as_amp_does(contents: list[dict[bytes, bytes]]) -> None:
    """A box has the bytes that AMP's own has."""
    for content in contents:
        assert Box(content).serialize() == amp.AmpBox(content).serialize()


@given(BOXES, st.lists(st.integers(0, 5000)))
def test_read_in_any_pieces(contents: list[dict[bytes, bytes]], cuts: list[int]) -> None:
    """However the bytes are cut, the boxes are those that were written."""
    written = b"".join(amp.AmpBox(content).serialize() for content in contents)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(written)), len(written)]
    reader = BoxReader(10_000_000)
    read = [box for a, b in pairwise(edges) for box in reader.feed(written[a:b])]
    assert read == contents
    assert all(isinstance(box, amp.AmpBox) for box in read)


@pytest.mark.parametrize(
    ("content", "isLocal"), [({b"k" * 256: b""}, True), ({b"key": b"x" * 65536}, False)]
)
def test_too_long_to_write(content: dict[bytes, bytes], isLocal: bool) -> None:
    """Keys and values that AMP has no room for are refused as AMP does."""
    with pytest.raises(amp.TooLong) as ours:
        Box(content).serialize()
    with pytest.raises(amp.TooLong) as theirs:
        amp.AmpBox(content).serialize()
    assert ours.value.isKey == theirs.value.isKey == isLocal
    assert ours.value.args == theirs.value.args


def test_a_key_that_is_too_long() -> None:
    """What does not begin as a box does is none."""
    with pytest.raises(BadBox, match="a key of 18245 bytes"):
        list(BoxReader(1000).feed(b"GET / HTTP/1.1"))


@pytest.mark.parametrize("piece", [1, 7, 5000])
def test_a_box_that_never_ends(piece: int) -> None:
    """A box is bounded, however it comes; the next one may be as long again."""
    pair = b"\0\1k\0\5value"
    reader = BoxReader(50 * len(pair))
    for _ in range(3):
        assert len(list(reader.feed(pair * 50 + b"\0\0"))) == 1
    endless = pair * 51
    pieces = [endless[at : at + piece] for at in range(0, len(endless), piece)]
    with pytest.raises(BadBox, match="more than 500 bytes"):
        list(chain.from_iterable(map(reader.feed, pieces)))


@given(
    st.tuples(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20)),
    st.sampled_from([0, 1, 65534, 65535, 65536, 200_000]),
)
def test_duplicate_is_written_as_declared(texts: tuple[str, str, str], size: int) -> None:
    """The short cut for Duplicate makes the very box that its declaration means."""
    via, address, peer = texts
    objects = {
        "via": via,
        "baseAddress": address,
        "peer": peer,
        "local": "127.0.0.1:808",
        "readData": b"x" * size,
        "socket": 7,
    }
    declared = amp.Command.makeArguments.__func__(Duplicate, dict(objects), Descriptors())  # type: ignore[attr-defined]
    assert Duplicate.makeArguments(objects, Descriptors()) == declared
