"""netshare.service.records: kinds of records, told apart by a word."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

from netshare.service.records import Record


def test_kinds_have_words_of_their_own() -> None:
    """No two kinds of records have the same word, and none has a field of that name."""
    kinds = get_args(Record)
    assert len({kind.kind for kind in kinds}) == len(kinds)
    assert not [kind for kind in kinds for one in fields(kind) if one.name == "kind"]
