"""Elements that are alike, cut at once: into what the scanner cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text
from netshare.transport.xml.binary.rows import (
    ENOUGH_SEEN,
    MOST_MEMBERS,
    Member,
    RowMaker,
    Rows,
    cut,
)
from netshare.transport.xml.binary.scanner import scanner

ROW, NAME, NUMBER = b"\x5e\x03Row", b"\x40\x04Name", b"\x42\x81\x02"
#: ``i:nil="true"``.
NIL = b"\x2e\x03nil\x86"
MEMBERS = Member(NAME, False, (NIL,)), Member(NUMBER, True)


def made(header: bytes = ROW, members: tuple[Member, ...] = MEMBERS) -> Rows:
    """The rows of a shape."""
    found = RowMaker().find(header, members, 10**9)
    assert found is not None
    return found


def row(name: bytes, number: bytes) -> bytes:
    """One row."""
    return ROW + NAME + name + NUMBER + number + b"\x01"


TEXT = encode_text("ann", 1)
ONE = encode_text(1, 1)


def test_cutting() -> None:
    """What follows each other is cut, up to what is none, or not whole."""
    texts = [(TEXT, ONE), (b"\x01", encode_text(70_000, 1)), (NIL + b"\x01", encode_text(2.5, 1))]
    whole = b"".join(row(name, number) for name, number in texts)
    expected = [(name, number, b"") for name, number in texts]
    for before, behind in (
        (b"", b""),
        (b"xx", b"\x01\x01"),
        (b"", ROW),
        (b"", row(TEXT, ONE)[:-1]),
        (b"", ROW + NUMBER + ONE + NAME + TEXT + b"\x01"),
        (b"", ROW + b"\x08\x01x" + NAME),
    ):
        data = before + whole + behind
        assert cut(made(), data, len(before), len(data)) == (expected, len(before + whole))
    assert cut(made(), whole, 0, len(whole) - 1)[0] == expected[:-1]
    assert cut(made(), b"\x01" + whole, 0, len(whole)) == ([], 0)
    assert cut(made(), whole, 5, 5) == ([], 5)


VALUES = (
    st.text(max_size=70)
    | st.integers(-(1 << 64), 1 << 64)
    | st.floats()
    | st.booleans()
    | st.binary(max_size=200)
    | st.just((ROW + NAME).decode("latin-1"))
)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1), st.binary(max_size=40))
def test_the_scanner_cuts_the_same(values: list[tuple[object, object]], behind: bytes) -> None:
    """Rows are the scanner's tokens, whatever is in them and whatever comes behind."""
    records = [(encode_text(one, 1), encode_text(other, 1)) for one, other in values]
    data = b"".join(row(*both) for both in records) + behind
    texts, end = cut(made(members=(Member(NAME, False), Member(NUMBER, False))), data, 0, len(data))
    tokens = [
        token
        for name, number, _ in texts
        for token in (
            (ROW, b"", b"", b""),
            (NAME, b"", name, b""),
            (NUMBER, b"", number, b""),
            (b"", b"", b"", b"\x01"),
        )
    ]
    assert scanner()(data, 0, end) == tokens


def test_when_they_are_made() -> None:
    """It takes so many of them, more where it is dearer, and then no time any more."""
    maker = RowMaker()
    cheap, dear = (Member(NUMBER, True),), (Member(NAME, False),) * 3
    assert maker.find(ROW, cheap, ENOUGH_SEEN - 1) is None
    assert maker.find(ROW, dear, 3 * ENOUGH_SEEN) is None
    found = maker.find(ROW, cheap, ENOUGH_SEEN)
    assert found is not None
    assert maker.find(ROW, cheap, 1) is found
    assert maker.find(NAME, cheap, 1) is None
    assert maker.find(ROW, dear, 4 * ENOUGH_SEEN) is not None


@pytest.mark.parametrize("count", [0, MOST_MEMBERS + 1])
def test_how_many_members(count: int) -> None:
    """There are none without members, nor with very many."""
    assert RowMaker().find(ROW, (Member(NUMBER, True),) * count, 10**9) is None


def test_how_many_are_kept() -> None:
    """So many shapes are kept and no more."""
    maker = RowMaker(3)
    for number in range(10):
        maker.find(ROW, (Member(bytes((R.SHORT_ELEMENT, 1, number)), True),), 10**9)
        assert len(maker) <= 3
