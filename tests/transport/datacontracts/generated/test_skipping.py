"""Passing over elements by their tokens."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts.generated.skipping import skip
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.xml import Name, XmlException
from netshare.transport.xml.binary.arrays import ARRAY, ArrayCut
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.rows import MARK

A, B, DECLARED = b"\x40\x01a", b"\x5f\x01b", b"\x09\x01b\x01u"
TEXT, END = b"\x99\x01t", b"\x01"
OUTER, INNER = Scope({"": ""}), Scope({"": "", "b": "u"})
OUTER.names[A] = Name("", "a", "")
OUTER.tags[A + DECLARED] = OUTER.names[A], (), INNER, 1
INNER.names[B] = Name("b", "b", "u")
MEMORY = NameMemory(10)
MEMORY.texts[b"\xab\x02"] = ("known",)


def start(header: bytes, attributes: bytes = b"", text: bytes = b"") -> Any:
    """The token of a start tag."""
    return header, attributes, text, b""


def ends(count: int) -> Any:
    """The token of so many ends."""
    return b"", b"", b"", END * count


INSIDE = start(A, DECLARED), start(B, b"", TEXT)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([start(A, b"", TEXT)], (1, 0)),
        ([start(A, b"", END), start(A)], (1, 0)),
        ([start(A, DECLARED, b"\xab\x02")], (1, 0)),
        ([(A, b"", ARRAY, ArrayCut(0x8B, b"\x01\x00", 1)), start(A)], (1, 0)),
        ([*INSIDE, ends(1)], (3, 0)),
        ([*INSIDE, ends(3)], (3, 2)),
        ([start(A), *INSIDE, ends(1), start(A, b"", TEXT), ends(2)], (6, 1)),
        ([start(A), *INSIDE, ends(2), start(A)], (4, 0)),
    ],
)
def test_passing_over(tokens: list[Any], expected: tuple[int, int]) -> None:
    """One element is passed over, and what is in it."""
    assert skip(tokens, 0, OUTER, MEMORY, 3) == expected


@pytest.mark.parametrize(
    "tokens",
    [
        [start(B, b"", TEXT)],  # not known here
        [start(A), start(B, b"", TEXT)],
        [*INSIDE, start(A, DECLARED)],
        [start(A, b"\x08\x01x", TEXT)],
        [start(A, b"", b"\xab\x04")],  # a string that was not met
        [start(A, b"", b"\x99\x01\xff")],
        [start(A, b"", MARK)],
        # No decimal has such flags.
        [(A, b"", ARRAY, ArrayCut(0x95, b"\xff" * 16, 1))],
        [start(A), (b"", b"", b"", b"\x02")],
        [start(A), start(A), start(A), ends(3)],  # too deep
        [start(A)],
    ],
)
def test_what_is_not_usual(tokens: list[Any]) -> None:
    """Whatever was not met, or cannot be, is the ordinary way's."""
    with pytest.raises((Unusual, LookupError, ValueError, XmlException)):
        skip(tokens, 0, OUTER, MEMORY, 3)
