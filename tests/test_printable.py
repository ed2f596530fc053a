"""Text that others chose does nothing to the one who reads it."""

from __future__ import annotations

import pytest

from netshare.printable import printable

HOSTILE = [
    ("\x1b[2J", r"\x1b[2J"),
    ("a\r\nb", r"a\r\nb"),
    ("\x9b31m", r"\x9b31m"),
    ("\u202egnp", r"\u202egnp"),
    ("\u2066x\u2069", r"\u2066x\u2069"),
    ("\u200b", r"\u200b"),
    ("\u2028", r"\u2028"),
    ("\ud800", r"\ud800"),
    ("\0\x7f", r"\x00\x7f"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_what_is_not_printable(text: str, shown: str) -> None:
    """It is shown as an escape."""
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["", "plain text", "Grüße, 世界", "\u05e9\u05dc\u05d5\u05dd"])
def test_what_is_printable(text: str) -> None:
    """Letters of any language stay what they are."""
    assert printable(text) == text
