"""DateTimeOffset."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    UnencodableValue,
)
from tests.helpers.serializing import (
    through_binary,
    to_text,
)

BAD: list[tuple[Any, Any, str]] = [
    (DateTimeOffset, DateTimeOffset(0, 900), "DateTimeOffset|14 hours"),
    (DateTimeOffset, datetime.datetime(2020, 1, 1), "time zone"),
]


@pytest.mark.parametrize(("hint", "value", "message"), BAD)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """A value that the type cannot have is an error naming both, in binary and in text."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)
