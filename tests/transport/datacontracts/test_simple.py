"""Objects of no declared type."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    UnencodableValue,
)
from tests.helpers.sampletypes import (
    P,
)
from tests.helpers.serializing import (
    inner,
    through_binary,
    to_text,
)


def test_untyped_object() -> None:
    """An object that does not say its type is given as XML."""
    value = inner(object, "<y>1</y>")
    assert value.find("y", "").text == "1"


BAD: list[tuple[Any, Any, str]] = [
    (P, "x", "P"),
    (object, {1}, "set"),
    (object, 2**64, "UInt64"),
]


@pytest.mark.parametrize(("hint", "value", "message"), BAD)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """A value that the type cannot have is an error naming both, in binary and in text."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)
