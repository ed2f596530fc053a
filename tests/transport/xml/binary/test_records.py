"""Sizes in binary XML."""

from __future__ import annotations

import pytest

from netshare.transport.xml.binary.records import multibyte, read_multibyte


@pytest.mark.parametrize(
    ("value", "raw"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16384, "808001"), (0x7FFFFFFF, "ffffffff07")],
)
def test_multibyte(value: int, raw: str) -> None:
    """Numbers of 31 bits take seven bits a byte, the lowest first."""
    assert multibyte(value) == bytes.fromhex(raw)
    assert read_multibyte(b"?" + bytes.fromhex(raw) + b"?", 1) == (value, 1 + len(raw) // 2)


def test_longer_than_needed() -> None:
    """Longer forms than needed are accepted."""
    assert read_multibyte(bytes.fromhex("8180808000"), 0) == (1, 5)


@pytest.mark.parametrize("raw", ["", "80", "80808080"])
def test_cut_off(raw: str) -> None:
    """A number that is not complete is an IndexError."""
    with pytest.raises(IndexError):
        read_multibyte(bytes.fromhex(raw), 0)


def test_too_many_bits() -> None:
    """More than 31 bits are refused."""
    with pytest.raises(OverflowError):
        read_multibyte(bytes.fromhex("ffffffff08"), 0)
