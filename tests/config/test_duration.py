"""Times as WCF's configuration writes them."""

from __future__ import annotations

import pytest

from netshare.config import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (5, 5.0),
        ("0.5", 0.5),
        ("00:00:20", 20.0),
        ("1.02:03:04.5", 93784.5),
        ("Infinite", None),
        ("infinite", None),
    ],
)
def test_times(text: str | float, seconds: float | None) -> None:
    """Seconds, hh:mm:ss with days and fractions, or Infinite."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "00:60:00", True, "", "1:2"])
def test_other_texts(text: str | float) -> None:
    """Anything else is no time."""
    with pytest.raises(ValueError, match="is not a time"):
        parse_duration(text)
