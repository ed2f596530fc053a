"""The static dictionary."""

from __future__ import annotations

from netshare.transport.xml.binary.dictionary import STATIC_STRINGS
from tests.helpers.binary_vectors import (
    VECTORS,
)


def test_static_dictionary_is_the_published_one() -> None:
    """All 487 strings stand at their places, the one with a leading blank included."""
    lines = (VECTORS / "static_dictionary_487.txt").read_text(encoding="utf-8").split("\n")
    assert [line[1:] for line in lines if line] == list(STATIC_STRINGS)
    assert STATIC_STRINGS[212].startswith(" http")
