"""The rest of a document as tokens."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.xml import ReaderQuotas
from netshare.transport.xml.binary import scanned as module
from netshare.transport.xml.binary.arrays import ARRAY
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.recordreader import Progress
from netshare.transport.xml.binary.records import multibyte
from netshare.transport.xml.binary.rows import MARK, Member, row_maker
from netshare.transport.xml.binary.scanned import Scanned, scan
from netshare.transport.xml.binary.scanner import WINDOW, scanner

SCOPE = Scope({"": ""})
LEAF = b"\x40\x01a\x99\x03xyz"


def scanned(data: bytes, quotas: ReaderQuotas | None = None, extra: int = 0) -> Scanned | None:
    progress = Progress(SCOPE, (SCOPE, SCOPE), extra)
    return scan(data, 0, progress, NameMemory(10), quotas or ReaderQuotas())


def test_tokens() -> None:
    """A short document is cut at once."""
    found = scanned(b"\x40\x01b" + LEAF + b"\x01\x01\x01")
    assert found is not None
    assert found.tokens == [
        (b"\x40\x01b", b"", b"", b""),
        (b"\x40\x01a", b"", b"\x99\x03xyz", b""),
        (b"", b"", b"", b"\x01\x01\x01"),
    ]
    assert (found.open, found.left) == (2, 126)


@pytest.mark.parametrize("before", range(20))
def test_ends_of_windows(before: int) -> None:
    """Where a window ends does not show."""
    first = b"\x40" + bytes((before + 1,)) + b"n" * (before + 1) + b"\x01"
    count = 2 * WINDOW // len(LEAF)
    found = scanned(first + LEAF * count + b"\x01\x01")
    assert found is not None
    assert found.tokens[1:-1] == [(b"\x40\x01a", b"", b"\x99\x03xyz", b"")] * count


@pytest.mark.parametrize(
    "rest", [b"\x03" + LEAF, b"\x02\x01x", b"\x99\x01x", b"\x40\x05a", b"\xff"]
)
def test_other_things(rest: bytes) -> None:
    """A document with something else in it has no tokens."""
    assert scanned(LEAF + rest + b"\x01\x01") is None


@pytest.mark.parametrize(
    "quotas",
    [
        ReaderQuotas(max_depth=2),
        ReaderQuotas(max_string_content_length=100),
        ReaderQuotas(max_array_length=100),
        ReaderQuotas(max_name_table_char_count=100_000),
        ReaderQuotas(max_nodes=2),
    ],
)
def test_limits(quotas: ReaderQuotas) -> None:
    """Where a limit is near there are no tokens."""
    assert scanned(LEAF + b"\x01\x01") is not None
    assert scanned(LEAF + b"\x01\x01", quotas) is None
    assert scanned(LEAF + b"\x01\x01", extra=2_000_000) is None


def long_text(size: int) -> bytes:
    if size < 1 << 16:
        return b"\x9b" + size.to_bytes(2, "little") + b"y" * size
    return b"\x9d" + size.to_bytes(4, "little") + b"y" * size


@pytest.mark.parametrize("size", [256, 5000, WINDOW - 10, WINDOW, 65535, 65536, 200_000])
@pytest.mark.parametrize("before", [0, WINDOW // len(LEAF) - 1, WINDOW // len(LEAF)])
def test_long_texts(size: int, before: int) -> None:
    """A text may be longer than the scanner knows texts to be, and than a window."""
    text = long_text(size)
    found = scanned(LEAF * before + b"\x40\x01a" + text + LEAF + b"\x01\x01")
    assert found is not None
    assert found.tokens[before] == (b"\x40\x01a", b"", text, b"")
    assert [token[2] for token in found.tokens[before + 1 :]] == [LEAF[3:], b""]


@pytest.mark.parametrize("kept", [1, 2, 3, 4, 300])
def test_long_texts_that_are_cut_off(kept: int) -> None:
    """A document that ends inside of a text has no tokens."""
    assert scanned(LEAF + b"\x40\x01a" + long_text(1000)[:kept]) is None
    assert scanned(LEAF + b"\x40\x01a" + long_text(70_000)[:kept]) is None


def test_large_documents() -> None:
    """Of a document with more bytes than there may be nodes the nodes are counted."""
    data = LEAF * 1000 + b"\x01\x01"
    assert scanned(data, ReaderQuotas(max_nodes=1003)) is not None
    assert scanned(data, ReaderQuotas(max_nodes=1002)) is None
    assert scanned(data, ReaderQuotas(max_nodes=1003), extra=1) is None


def test_too_large_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document with far more nodes than there may be is not cut to its end."""
    cut: list[int] = []

    def split(data: bytes, pos: int, stop: int) -> Any:
        cut.append(pos)
        return scanner()(data, pos, stop)

    monkeypatch.setattr(module, "scanner", lambda: split)
    assert scanned(LEAF * 100_000, ReaderQuotas(max_nodes=3000)) is None
    assert len(cut) == 3


def test_texts_over_the_quota() -> None:
    """A text longer than texts may be is the ordinary reader's matter."""
    quotas = ReaderQuotas(max_string_content_length=2000)
    assert scanned(b"\x40\x01a" + long_text(2000) + b"\x01\x01", quotas) is not None
    assert scanned(b"\x40\x01a" + long_text(2001) + b"\x01\x01", quotas) is None


NUMBERS = b"\x03\x40\x01n\x01\x8b\x03\x01\x00\x02\x00\x03\x00"


@pytest.mark.parametrize("before", [0, 1, WINDOW // len(LEAF) - 1, WINDOW // len(LEAF)])
def test_arrays(before: int) -> None:
    """An array is one token, wherever windows end."""
    found = scanned(LEAF * before + b"\x40\x01b" + NUMBERS + b"\x01" + LEAF + b"\x01\x01")
    assert found is not None
    header, attributes, text, array = found.tokens[before + 1]
    assert (header, attributes, text) == (b"\x40\x01n", b"", ARRAY)
    assert array.values() == (1, 2, 3)
    assert found.tokens[before + 2 :] == [
        (b"", b"", b"", b"\x01"),
        (b"\x40\x01a", b"", LEAF[3:], b""),
        (b"", b"", b"", b"\x01\x01"),
    ]


def test_an_array_that_is_longer_than_a_window() -> None:
    """Its items are no matter of the scanner's; they count as nodes."""
    count = WINDOW
    data = b"\x03\x40\x01n\x01\x8b" + multibyte(count) + bytes(2 * count) + b"\x01\x01"
    found = scanned(data)
    assert found is not None
    assert len(found.tokens) == 2
    assert scanned(data, ReaderQuotas(max_nodes=count)) is None


# ---- rows

ROW = b"\x5e\x03Row"
ONE = ROW + LEAF + b"\x01"
SHAPE = row_maker.find(ROW, (Member(b"\x40\x01a", False),), 10**9)


def with_rows(data: bytes, quotas: ReaderQuotas | None = None) -> list[Any]:
    """The tokens where rows are known, runs as the scanner cuts them; and how long those are."""
    assert SHAPE is not None
    memory = NameMemory(10)
    memory.rows[ROW] = SHAPE
    progress = Progress(SCOPE, (SCOPE, SCOPE), 0)
    found = scan(data, 0, progress, memory, quotas or ReaderQuotas())
    assert found is not None
    tokens: list[Any] = []
    runs = []
    for token in found.tokens:
        if token[2] == MARK:
            runs.append(len(token[3].texts))
            for text, _ in token[3].texts:
                tokens += [
                    (ROW, b"", b"", b""),
                    (LEAF[:3], b"", text, b""),
                    (b"",) * 3 + (b"\x01",),
                ]
        else:
            tokens.append(token)
    return [tokens, runs]


def ends_apart(tokens: list[Any]) -> list[Any]:
    """Each end by itself: those of a run are cut off."""
    apart: list[Any] = []
    for token in tokens:
        ends = token[3] or b""
        apart += [(*token[:3], b"\x01")] * len(ends) if ends else [token]
    return apart


OTHER = b"\x40\x01z\x99\x03abc"


@pytest.mark.parametrize(
    ("data", "runs"),
    [
        (b"\x40\x01b" + ONE * 20 + b"\x01\x01\x01", [20]),
        (ONE * 5 + OTHER * 5 + ONE * 6 + b"\x01\x01", [5, 6]),
        (OTHER * 30 + ONE * 6 + b"\x01\x01", [6]),
        (OTHER * 100 + ONE * 6 + b"\x01\x01", [6]),
        # They are not looked for any longer,
        (OTHER * 1000 + ONE * 6 + b"\x01\x01", []),
        # nor where there were few.
        (ONE * 3 + OTHER * 5 + ONE * 6 + b"\x01\x01", [3]),
        (ROW + OTHER + b"\x01" + ONE * 6 + b"\x01\x01", []),
        (ROW + b"\x01" + ONE * 6 + b"\x01\x01", [6]),
        (ROW + b"\x40\x01a" + long_text(700) + b"\x01" + ONE * 6 + b"\x01\x01", []),
        (b"\x40\x01a" + long_text(700) + ONE * 6 + b"\x01\x01", [6]),
        (b"\x40\x7f" + b"n" * 127 + b"\x99\xff" + b"x" * 255 + ONE * 6 + b"\x01\x01", []),
        # Windows end inside of one.
        (ONE * 3000 + b"\x01\x01", None),
        (ONE + b"\x01\x01", [1]),
        (OTHER + b"\x01\x01", []),
    ],
)
def test_rows(data: bytes, runs: list[int] | None) -> None:
    """Runs of rows are one token each, and what they are made of is the same."""
    plain = scanned(data)
    assert plain is not None
    tokens, found = with_rows(data)
    assert ends_apart(tokens) == ends_apart(plain.tokens)
    assert found == runs if runs is not None else sum(found) == 3000


def test_nodes_of_rows() -> None:
    """They count, and rather too much than too little."""
    data = ONE * 50 + b"\x01\x01"
    refused = 0
    for nodes in range(50, 900, 25):
        quotas = ReaderQuotas(max_nodes=nodes)
        if scanned(data, quotas) is None:
            refused += 1
            with pytest.raises(AssertionError):
                with_rows(data, quotas)
    assert 0 < refused < 34
