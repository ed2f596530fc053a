"""DateTimeOffset."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    DeserializationFailed,
    UnencodableValue,
)
from tests.helpers.serializing import (
    inner,
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


@pytest.mark.parametrize("missing", ["DateTime", "OffsetMinutes"])
def test_both_members_are_required(missing: str) -> None:
    """Half of a DateTimeOffset is an error that names the other half."""
    parts = {"DateTime": "2020-01-01T00:00:00Z", "OffsetMinutes": "60"}
    del parts[missing]
    content = "".join(f'<{name} xmlns="">{text}</{name}>' for name, text in parts.items())
    with pytest.raises(DeserializationFailed, match=f"'{missing}' is not there"):
        inner(DateTimeOffset, content)
