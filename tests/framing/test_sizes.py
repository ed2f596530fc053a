"""netshare.framing.sizes: the variable-length size of [MC-NMF]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.framing.sizes import MAX_SIZE, NEED_MORE, TOO_LARGE, decode_size, encode_size

FORMS = [
    (0, "00"),
    (1, "01"),
    (0x7F, "7f"),
    (0x80, "80 01"),
    (0x3FFF, "ff 7f"),
    (0x4000, "80 80 01"),
    (0x1FFFFF, "ff ff 7f"),
    (0x200000, "80 80 80 01"),
    (0xFFFFFFF, "ff ff ff 7f"),
    (0x10000000, "80 80 80 80 01"),
    (0x7FFFFFFF, "ff ff ff ff 07"),
]


@pytest.mark.parametrize(("size", "form"), FORMS)
def test_shortest_forms(size: int, form: str) -> None:
    """Each size is written in its shortest form and read back with the offset behind it."""
    encoded = bytes.fromhex(form)
    assert encode_size(size) == encoded
    assert decode_size(encoded) == (size, len(encoded))
    assert decode_size(b"??" + encoded + b"?", 2) == (size, 2 + len(encoded))


@pytest.mark.parametrize(
    ("form", "size"),
    [("80 00", 0), ("81 00", 1), ("81 80 80 80 00", 1), ("ff 80 00", 0x7F)],
)
def test_longer_forms_are_accepted(form: str, size: int) -> None:
    """A size with needless bytes is read as .NET reads it."""
    encoded = bytes.fromhex(form)
    assert decode_size(encoded) == (size, len(encoded))


@pytest.mark.parametrize(
    "form", ["ff ff ff ff 08", "80 80 80 80 10", "ff ff ff ff ff", "80 80 80 80 80 00"]
)
def test_too_large(form: str) -> None:
    """A fifth byte with more than three bits is beyond 0x7FFFFFFF, whatever follows."""
    assert decode_size(b"?" + bytes.fromhex(form), 1) == (TOO_LARGE, 1)


@pytest.mark.parametrize("form", ["", "80", "ff ff", "80 80 80 80"])
def test_need_more(form: str) -> None:
    """Bytes that stop inside a size, or before it, ask for more."""
    assert decode_size(bytes.fromhex(form)) == (NEED_MORE, 0)


def test_need_more_behind_the_end() -> None:
    """An offset at or behind the end of the bytes asks for more, too."""
    assert decode_size(b"\x01", 1) == (NEED_MORE, 1)
    assert decode_size(b"\x01", 7) == (NEED_MORE, 7)


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, 1 << 40])
def test_sizes_that_cannot_be_written(size: int) -> None:
    """A size outside the range is a ValueError that names the range."""
    with pytest.raises(ValueError, match="0x7fffffff"):
        encode_size(size)


@given(st.integers(0, MAX_SIZE), st.binary(max_size=8), st.binary(max_size=8))
def test_round_trip(size: int, before: bytes, after: bytes) -> None:
    """What is written is read back, wherever it stands and whatever type the buffer has."""
    encoded = encode_size(size)
    data = before + encoded + after
    expected = (size, len(before) + len(encoded))
    assert decode_size(data, len(before)) == expected
    assert decode_size(bytearray(data), len(before)) == expected
    assert decode_size(memoryview(data), len(before)) == expected
    for cut in range(len(encoded)):
        assert decode_size(data[: len(before) + cut], len(before)) == (NEED_MORE, len(before))


@given(st.binary(max_size=7))
def test_any_bytes(data: bytes) -> None:
    """Any bytes give a size in range, a need for more, or the verdict that it is too large."""
    size, at = decode_size(data)
    assert NEED_MORE >= size >= TOO_LARGE or 0 <= size <= MAX_SIZE
    assert (at == 0) == (size < 0)
    assert at <= min(5, len(data))
