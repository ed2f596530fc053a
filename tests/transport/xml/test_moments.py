"""DateTime and TimeSpan count as values do, with Python's own as well."""

from __future__ import annotations

import copy
import datetime
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml import DateTime, DateTimeKind, TimeSpan
from netshare.transport.xml.moments import MAX_TICKS

UTC, LOCAL = DateTimeKind.UTC, DateTimeKind.LOCAL
HOUR = datetime.timedelta(hours=1)
NOON = datetime.datetime(2026, 5, 17, 12)
AWARE = NOON.replace(tzinfo=datetime.UTC)
DURATIONS = st.timedeltas(datetime.timedelta(-100_000), datetime.timedelta(100_000))


@pytest.mark.parametrize(
    "arguments", [(2026, 1), (2026, 1, 31), (1.5,), ("2026-01-31",), (5, "UTC"), (True,)]
)
def test_no_silent_nonsense(arguments: tuple[Any, ...]) -> None:
    """Year and month are no ticks and kind; the error says what makes a DateTime of them."""
    with pytest.raises(TypeError, match=r"from_datetime|positional arguments"):
        DateTime(*arguments)


def test_arithmetic() -> None:
    """Lengths are added and subtracted, moments subtracted, with Python's types on either side."""
    moment, hour = DateTime.from_datetime(AWARE), TimeSpan.from_timedelta(HOUR)
    later = DateTime.from_datetime(AWARE + HOUR)
    assert moment + hour == moment + HOUR == hour + moment == HOUR + moment == later
    assert (moment + hour).kind is UTC
    assert later - hour == later - HOUR == moment
    assert later - moment == later - AWARE == (AWARE + HOUR) - moment == hour
    assert type(later - AWARE) is type((AWARE + HOUR) - moment) is TimeSpan
    assert hour + hour == hour + HOUR == HOUR + hour == hour * 2 == 2 * hour
    assert hour - HOUR == HOUR - hour == TimeSpan(0)
    assert -hour == TimeSpan(-hour.ticks)
    assert abs(-hour) == hour


def test_nothing_is_rounded() -> None:
    """The last digit, which Python's types do not have, counts."""
    moment = DateTime(1, UTC)
    assert (moment + HOUR).ticks == 36_000_000_001
    assert moment != moment.to_datetime()
    assert moment > moment.to_datetime()
    assert TimeSpan(1) != datetime.timedelta(0)
    assert TimeSpan(1) > datetime.timedelta(0)


def test_equality() -> None:
    """What means the same is equal and has one hash; no kind is no time zone."""
    assert DateTime.from_datetime(AWARE) == AWARE == DateTime.from_datetime(AWARE)
    assert DateTime.from_datetime(NOON) == NOON
    assert DateTime.from_datetime(NOON) != AWARE
    east = AWARE.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    assert DateTime.from_datetime(AWARE) == east
    assert DateTime(10, UTC) == DateTime(10, LOCAL) != DateTime(10)
    assert len({DateTime.from_datetime(AWARE), AWARE, east}) == 1
    assert len({DateTime(11, UTC), DateTime(11, LOCAL), DateTime(11)}) == 2
    assert len({TimeSpan.from_timedelta(HOUR), HOUR}) == 1
    assert DateTime(5) != 5
    assert TimeSpan(5) != 5


def test_order() -> None:
    """Moments are ordered, but not those of a kind with those of none."""
    moment = DateTime.from_datetime(AWARE)
    assert moment < AWARE + HOUR
    assert AWARE - HOUR < moment <= AWARE <= moment < moment + HOUR
    assert TimeSpan(1) < datetime.timedelta(microseconds=1) <= TimeSpan(10)
    assert sorted([DateTime(3), DateTime(1), DateTime(2)])[0] == DateTime(1)
    for other in (NOON, DateTime.from_datetime(NOON)):
        with pytest.raises(TypeError, match="no kind"):
            moment < other  # noqa: B015
        with pytest.raises(TypeError, match="no kind"):
            moment - other
    with pytest.raises(TypeError):
        moment < 5  # type: ignore[operator]  # noqa: B015


@pytest.mark.parametrize(
    "call",
    [
        lambda: DateTime(MAX_TICKS) + TimeSpan(1),
        lambda: DateTime(0) - TimeSpan(1),
        lambda: TimeSpan((1 << 63) - 1) + TimeSpan(1),
        lambda: -TimeSpan(-(1 << 63)),
    ],
)
def test_out_of_range(call: Any) -> None:
    """A result that .NET does not have is an error."""
    with pytest.raises(OverflowError):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: DateTime(1) + DateTime(1),
        lambda: DateTime(1) + 1,
        lambda: DateTime(1) * 2,
        lambda: TimeSpan(1) + 1,
        lambda: TimeSpan(1) * 1.5,
        lambda: TimeSpan(1) - DateTime(1),
    ],
)
def test_what_has_no_meaning(call: Any) -> None:
    """Other operations, such as those of tuples, are errors."""
    with pytest.raises(TypeError):
        call()


TEXTS = [
    (DateTime(0), "0001-01-01T00:00:00"),
    (DateTime(MAX_TICKS, UTC), "9999-12-31T23:59:59.9999999Z"),
    (DateTime.from_datetime(AWARE), "2026-05-17T12:00:00Z"),
    (TimeSpan(0), "PT0S"),
    (TimeSpan(-1), "-PT0.0000001S"),
    (TimeSpan.from_timedelta(datetime.timedelta(days=1, hours=2, seconds=3)), "P1DT2H3S"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_text(value: Any, text: str) -> None:
    """The ISO text is that of XML, both ways."""
    assert str(value) == value.isoformat() == text
    assert type(value).fromisoformat(text) == value


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13-01", "2026-01-01T24:00:00", "2026-01-01T00:00:00+15:00", "x" * 99]
)
def test_no_moment(text: str) -> None:
    """Other text is a ValueError, as with datetime."""
    with pytest.raises(ValueError, match=r"no moment|month|no time of day|14 hours"):
        DateTime.fromisoformat(text)


@given(st.datetimes(), DURATIONS, DURATIONS)
def test_as_python_counts(
    moment: datetime.datetime, one: datetime.timedelta, two: datetime.timedelta
) -> None:
    """Where Python has a result, it is the same."""
    value, span, other = (
        DateTime.from_datetime(moment),
        TimeSpan.from_timedelta(one),
        TimeSpan.from_timedelta(two),
    )
    assert value == moment
    assert hash(value) == hash(moment)
    assert span == one
    assert hash(span) == hash(one)
    assert span + other == one + two
    assert span - other == one - two
    assert (span < other) is (one < two)
    try:
        expected = moment + one
    except OverflowError:
        return
    assert value + span == expected
    assert (value + span) - value == one


def test_copies() -> None:
    """Copies and pickles are equal."""
    for value in (DateTime(17, LOCAL), TimeSpan(-5)):
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value
