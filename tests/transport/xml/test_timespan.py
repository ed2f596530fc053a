"""TimeSpan: lengths of time. How it counts with DateTime is in test_moments.py."""

from __future__ import annotations

import datetime

import pytest

from netshare.transport.xml import TimeSpan


@pytest.mark.parametrize("text", ["", "P", "PT", "1D", "P1DT", "P" + "9" * 70 + "D"])
def test_no_length(text: str) -> None:
    """So it is for lengths of time."""
    with pytest.raises(ValueError, match="no length of time"):
        TimeSpan.fromisoformat(text)
    with pytest.raises(OverflowError):
        TimeSpan.fromisoformat("P99999999999D")


def test_as_timedelta() -> None:
    """It is made of a timedelta, and one of it, without what is finer than a microsecond."""
    length = datetime.timedelta(days=-1, microseconds=5)
    assert TimeSpan.from_timedelta(length).to_timedelta() == length
    assert TimeSpan(-15).to_timedelta() == datetime.timedelta(microseconds=-1)
    assert TimeSpan(15).to_timedelta() == datetime.timedelta(microseconds=1)
