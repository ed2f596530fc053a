"""KeyValuePair, Tuple and ValueTuple."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    KeyValuePair,
    UnencodableValue,
    ValueTuple,
    serializer_for,
)
from tests.helpers.serializing import from_text, through_binary, to_text

NAMESPACE = "http://schemas.datacontract.org/2004/07/System"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (tuple[int], (1,)),
        (tuple[int, str | None], (1, None)),
        (tuple[int, ...], [1, 2]),
        (tuple[int, int, int, int, int, int, int], (1, 2, 3, 4, 5, 6, 7)),
        (tuple[(int,) * 16], tuple(range(16))),
        (ValueTuple[int, list[int]], (1, [2])),
        (ValueTuple[(str,) * 9], tuple("abcdefghi")),
        (ValueTuple[int, int] | None, None),
        (tuple[int, str] | None, None),
        (list[tuple[int, str]], [(1, "a")]),
        (KeyValuePair[str, tuple[int, int]], KeyValuePair("k", (1, 2))),
    ],
)
def test_round_trip(hint: Any, value: Any) -> None:
    """A tuple is the same after a round trip, in binary and in text."""
    assert through_binary(hint, value) == value
    assert from_text(hint, to_text(hint, value)) == value


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (tuple[int, str], (1,), "a tuple of 2 is expected"),
        (tuple[int, str], [1, "a"], "a tuple of 2 is expected"),
        (tuple[int, str], (1, 2), r"r\.m_Item2: 2 .int. is no String"),
        (tuple[(int,) * 9], (1,) * 8, "a tuple of 9 is expected"),
        (tuple[(int,) * 9], (*range(8), "x"), r"r\.m_Rest\.m_Item2: 'x'"),
        (ValueTuple[int, str], None, "None is no ValueTuple<Int32, String>"),
        (KeyValuePair[int, str], None, "None is no KeyValuePair"),
    ],
)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """Anything else is an error that says what is expected."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)


def test_what_is_missing() -> None:
    """An item that is missing has .NET's default, but the parts of a pair have to be there."""
    assert from_text(tuple[int, str], "<r/>") == (0, None)
    assert serializer_for(ValueTuple[int, str]).default == (0, None)
    with pytest.raises(DeserializationFailed, match=r"value\.key: the required member"):
        from_text(KeyValuePair[str, int], "<r/>")
    with pytest.raises(DeserializationFailed, match="rest of the tuple is null"):
        from_text(tuple[(int,) * 8], "<r/>")
