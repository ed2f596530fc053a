"""What every type has: null, references."""

from __future__ import annotations

import uuid

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    DeserializationFailed,
    Uri,
)
from tests.helpers.sampletypes import (
    P,
)
from tests.helpers.serializing import (
    SERIALIZATION,
    from_text,
)
from tests.peers import datatypes as c


def test_nulls() -> None:
    """Null is None where there is a null, and an error where there is none."""
    null = '<r i:nil="true" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"/>'
    for hint in (str, int | None, P, list[int], object, bytes, dict[str, int], Uri):
        assert from_text(hint, null) is None
    for hint in (int, c.Colour, uuid.UUID, DateTimeOffset):
        with pytest.raises(DeserializationFailed, match="null is no"):
            from_text(hint, null)


def test_references_are_refused() -> None:
    """An object that stands elsewhere is refused with a sentence; an id alone does no harm."""
    z = f'xmlns:z="{SERIALIZATION}" xmlns="urn:t"'
    assert from_text(P, f'<r {z} z:Id="i1"><A>4</A></r>') == P(4)
    with pytest.raises(DeserializationFailed, match="references"):
        from_text(P, f'<r {z} z:Ref="i1"/>')
