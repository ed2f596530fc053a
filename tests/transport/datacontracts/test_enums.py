"""Enumerations."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
)
from tests.helpers.serializing import (
    inner,
    through_binary,
    to_text,
)
from tests.peers import datatypes as c

BAD: list[tuple[Any, Any, str]] = [
    (c.Colour, "Red", "Colour"),
    (c.Colour, None, "Colour"),
    (c.Rights, 8, "Rights"),
]


WRONG: list[tuple[Any, str, str]] = [
    (c.Colour, "Green", "no member of Colour"),
    (c.Rights, "Read Nothing", "no member of Rights"),
]


@pytest.mark.parametrize(("hint", "value", "message"), BAD)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """A value that the type cannot have is an error naming both, in binary and in text."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)


@pytest.mark.parametrize(("hint", "content", "message"), WRONG)
def test_wrong_content(hint: Any, content: str, message: str) -> None:
    """Content of another type is an error that says so."""
    with pytest.raises(DeserializationFailed, match=message):
        inner(hint, content)
