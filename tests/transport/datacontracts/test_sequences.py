"""Lists and dictionaries."""

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

BAD: list[tuple[Any, Any, str]] = [
    (list[int], 5, "list"),
    (list[int], [1, None], r"r\[1\]"),
    (list[int], "abc", "list"),
    (dict[str, int], [1], "dict"),
    (dict[str, int], {None: 1}, "key"),
]


WRONG: list[tuple[Any, str, str]] = [
    (list[int], "<y/>", "'y' from namespace '' is not expected"),
    (dict[str, int], "<y/>", "'y' from namespace '' is not expected"),
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
