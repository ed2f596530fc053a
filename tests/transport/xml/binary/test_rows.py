"""Elements that are alike, cut at once: into what the scanner cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text
from netshare.transport.xml.binary.rows import (
    ENOUGH_SEEN,
    MOST_TEXTS,
    Member,
    Nested,
    Null,
    Part,
    RowMaker,
    Rows,
    Several,
    count_texts,
    cut,
)
from netshare.transport.xml.binary.scanner import scanner

ROW, NAME, NUMBER = b"\x5e\x03Row", b"\x40\x04Name", b"\x42\x81\x02"
#: ``i:nil="true"``.
NIL = b"\x2e\x03nil\x86"
MEMBERS = Member(NAME, False, (NIL,)), Member(NUMBER, True)


def made(header: bytes = ROW, members: tuple[Part, ...] = MEMBERS) -> Rows:
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


# ---- with others in them

PLACE, TAGS, TAG = b"\x5e\x05Place", b"\x5e\x04Tags", b"\x5f\x01t"
#: ``xmlns:b="..."``, by its number.
DECLARED = b"\x0b\x01b\x02"
LISTS = Several(TAGS, (DECLARED,), Member(TAG, False, (NIL,)), (NIL + DECLARED,))
TREE: tuple[Part, ...] = (
    Member(NAME, False),
    Nested(PLACE, (b"", DECLARED), (Member(NUMBER, True), LISTS), (NIL,)),
    LISTS,
)


def tags(*texts: bytes) -> bytes:
    """A list of texts."""
    return TAGS + DECLARED + b"".join(TAG + text for text in texts) + b"\x01"


NO_TAGS = TAGS + NIL + DECLARED + b"\x01"


@pytest.mark.parametrize(
    ("place", "several", "expected"),
    [
        (
            PLACE + NUMBER + ONE + tags(TEXT, NIL + b"\x01") + b"\x01",
            tags(TEXT, TEXT),
            (ONE, TAG + TEXT + TAG + NIL + b"\x01\x01", TAG + TEXT + TAG + TEXT + b"\x01"),
        ),
        (
            PLACE + DECLARED + NUMBER + ONE + tags() + b"\x01",
            tags(),
            (ONE, b"\x01", b"\x01"),
        ),
        (PLACE + NUMBER + ONE + NO_TAGS + b"\x01", NO_TAGS, (ONE, b"", b"")),
        (PLACE + NIL + b"\x01", tags(ONE), (b"", b"", TAG + ONE + b"\x01")),
    ],
)
def test_others_in_them(place: bytes, several: bytes, expected: tuple[bytes, ...]) -> None:
    """Nested elements are cut with the rest, lists as one text; what is null has no texts."""
    rows = made(members=TREE)
    whole = ROW + NAME + TEXT + place + several + b"\x01"
    for behind in (b"", b"\x01\x01", ROW + NAME + TEXT + PLACE):
        data = whole * 3 + behind
        assert cut(rows, data, 0, len(data)) == ([(TEXT, *expected, b"")] * 3, 3 * len(whole))
    for at in range(1, len(whole)):
        assert cut(rows, whole + whole[:at], 0, len(whole) + at)[1] == len(whole)


def test_items_of_lists() -> None:
    """Of each list there is what cuts it."""
    rows = made(members=TREE)
    assert len(rows.items) == 2
    for split in rows.items:
        items = [TEXT, NIL + b"\x01", ONE, b"\x01"]
        assert split(b"".join(TAG + one for one in items) + b"\x01") == items
        assert split(b"\x01") == []


def test_what_was_always_null() -> None:
    """It has as many texts, and lists, as it would have."""
    always = Null(PLACE, (NIL,), 2, 1)
    rows = made(members=(Member(NAME, False), always, LISTS))
    data = (ROW + NAME + TEXT + PLACE + NIL + b"\x01" + tags(ONE) + b"\x01") * 2
    assert cut(rows, data, 0, len(data))[0] == [(TEXT, b"", b"", TAG + ONE + b"\x01", b"")] * 2
    assert len(rows.items) == 2
    assert count_texts(rows.members) == count_texts(TREE) == 4


@given(st.lists(st.binary(max_size=12) | st.sampled_from([TAG, TAG + ONE, b"\x01", NIL])))
def test_any_bytes_in_a_list(pieces: list[bytes]) -> None:
    """What was cut as a list is the items that the scanner finds there."""
    data = TAGS + DECLARED + b"".join(pieces) + b"\x01"
    rows = made(members=(LISTS,))
    whole = ROW + data + b"\x01"
    texts, end = cut(rows, whole, 0, len(whole))
    if not texts:
        return
    tokens = scanner()(whole, 0, end)
    found = [a + t for h, a, t, _ in tokens if h == TAG]
    assert rows.items[0](texts[0][0]) == found


def test_a_list_without_end() -> None:
    """A list that does not end is no row."""
    rows = made(members=TREE)
    endless = ROW + NAME + TEXT + PLACE + NUMBER + ONE + TAGS + DECLARED + (TAG + TEXT) * 3000
    assert cut(rows, endless, 0, len(endless)) == ([], 0)


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
    assert maker.find(ROW, TREE, 4 * ENOUGH_SEEN - 1) is None
    assert maker.find(ROW, TREE, 4 * ENOUGH_SEEN) is not None


@pytest.mark.parametrize("count", [0, MOST_TEXTS + 1])
def test_how_many_members(count: int) -> None:
    """There are none without members, nor with very many."""
    assert RowMaker().find(ROW, (Member(NUMBER, True),) * count, 10**9) is None


def test_how_many_are_kept() -> None:
    """So many shapes are kept and no more."""
    maker = RowMaker(3)
    for number in range(10):
        maker.find(ROW, (Member(bytes((R.SHORT_ELEMENT, 1, number)), True),), 10**9)
        assert len(maker) <= 3
