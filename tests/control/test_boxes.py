"""
netshare.control.boxes: the same boxes as Twisted's AMP reads and writes.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp

from netshare.control.boxes import BadBox, Box, BoxReader, QuickCommand
from netshare.control.commands import Duplicate, LargeBytes, Return

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

    def _getDescriptor(self, ordinal: int) -> int:
        return 100 + ordinal


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


class Everything(QuickCommand):
    """An argument of every kind that commands declare."""

    arguments: ClassVar = [
        (b"descriptor", amp.Descriptor()),
        (b"perhaps", amp.Unicode(optional=True)),
        (b"text", amp.Unicode()),
        (b"number", amp.Integer()),
        (b"large", LargeBytes()),
        (b"yes", amp.Boolean()),
        (b"none", amp.Integer(optional=True)),
    ]


DUPLICATE = {
    "via": "v",
    "baseAddress": "b",
    "peer": "p",
    "local": "l",
    "readData": b"",
    "socket": 7,
}

QUICK: list[tuple[type[QuickCommand], dict[str, Any]]] = [
    (Duplicate, DUPLICATE),
    (Duplicate, DUPLICATE | {"via": "net.tcp://ä/€", "readData": b"x" * 200_000}),
    (Return, {"readData": b"x" * 65535, "socket": 7}),
    (Return, {"readData": b"x", "socket": 7, "peer": "192.0.2.1:5"}),
    (Everything, {"descriptor": 3, "text": "t", "number": -5, "large": b"y" * 65536, "yes": True}),
    (Everything, {"descriptor": 3, "text": "", "number": 0, "large": b"", "yes": False, "none": 1}),
]


@pytest.mark.parametrize(("command", "objects"), QUICK)
def test_quick_commands(command: type[QuickCommand], objects: dict[str, Any]) -> None:
    """A quick command makes the very box that AMP makes of its declaration, and reads it alike."""
    declared: Any = amp.Command.makeArguments
    before = dict(objects)
    box = command.makeArguments(objects, Descriptors())
    assert box == declared.__func__(command, dict(objects), Descriptors())
    assert objects == before
    sent = amp.AmpBox(box)
    read: Any = amp.Command.parseArguments
    assert command.parseArguments(box, Descriptors()) == read.__func__(command, sent, Descriptors())
    assert box == sent


def test_no_argument_of_a_quick_command_is_forgotten() -> None:
    """One that is missing fails, and so does one that is not declared, before any is queued."""
    for name in DUPLICATE:
        descriptors = Descriptors()
        with pytest.raises(KeyError, match=name):
            Duplicate.makeArguments({k: v for k, v in DUPLICATE.items() if k != name}, descriptors)
        assert not descriptors.sent
        box = Duplicate.makeArguments(DUPLICATE, Descriptors())
        del box[name.encode()]
        with pytest.raises(KeyError):
            Duplicate.parseArguments(box, Descriptors())
    with pytest.raises(amp.InvalidSignature, match="colour"):
        Duplicate.makeArguments(DUPLICATE | {"colour": "red"}, Descriptors())
