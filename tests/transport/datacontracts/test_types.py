"""What every type has: null, references."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    DeserializationFailed,
    Uri,
    serializer_for,
)
from netshare.transport.xml import XmlCursor
from netshare.transport.xml.binary import BinaryWriter, read_events
from tests.helpers.sampletypes import (
    P,
    Page,
)
from tests.helpers.serializing import (
    SERIALIZATION,
    from_binary,
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
    with pytest.raises(DeserializationFailed, match="is_reference=True"):
        from_text(P, f'<r {z} z:Ref="i1"/>')


WRONG_FORM: list[tuple[Any, str]] = [
    (list[int], "7"),
    (list[str], "7"),
    (list[P], "x<P/>"),
    (dict[str, int], "x"),
    (P, "x"),
    (P, "<A>1</A>x"),
    (Page[int], "<Items>7</Items>"),
    (Page[P], "<Items><P>7</P></Items>"),
    (DateTimeOffset, "2020-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("hint", "content"), WRONG_FORM)
def test_text_where_an_element_is_expected(hint: Any, content: str) -> None:
    """Text in place of a structure is an error, in text and in binary; blanks are not."""
    text = f'<r xmlns="urn:t">{content}</r>'
    with pytest.raises(DeserializationFailed, match="Text was encountered where an element"):
        from_text(hint, text)
    with pytest.raises(DeserializationFailed, match="Text was encountered where an element"):
        from_binary(hint, text)
    if hint is not DateTimeOffset:
        from_text(hint, "<r> \r\n\t<!-- nothing --> </r>")


@pytest.mark.parametrize("value", [7, True, 1.5, b"x", "x"])
def test_values_of_binary_where_an_element_is_expected(value: Any) -> None:
    """So is a typed value in binary."""
    writer = BinaryWriter()
    writer.element("r", value, "urn:t", "")
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.root()
    with pytest.raises(DeserializationFailed, match="Text was encountered where an element"):
        serializer_for(P).read(cursor)
