"""
.NET's DateTime: moments in units of 100 ns, and the kind of clock that shows them.

It and :class:`~.timespan.TimeSpan` count like Python's own ``datetime`` and ``timedelta``, and with
them: ``+``, ``-`` and comparisons take either. What is finer than a microsecond is lost only where
``to_datetime`` and ``to_timedelta`` say so.
"""

from __future__ import annotations

import datetime
import re
from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.timespan import (
    MAX_TEXT,
    TICKS_PER_DAY,
    TICKS_PER_SECOND,
    TimeSpan,
    TimeSpanLike,
    span_ticks,
)

__all__ = [
    "MAX_TICKS",
    "DateTime",
    "DateTimeKind",
    "DateTimeLike",
    "local_offset",
]

MAX_TICKS: Final = 3155378975999999999
_TICKS_CEILING: Final = 1 << 62
_TICKS_MASK: Final = _TICKS_CEILING - 1
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,7}+)[0-9]*+)?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)


class DateTimeKind(IntEnum):
    """What a DateTime's clock time refers to."""

    UNSPECIFIED = 0
    UTC = 1
    LOCAL = 2


class _DateTime(NamedTuple):
    ticks: int
    kind: DateTimeKind


class DateTime(_DateTime):
    """
    A .NET DateTime.

    Two are equal that mean the same moment: of UTC and local time the same ticks, and of an
    unspecified kind the same ticks and no kind either. So it is with a ``datetime`` with a time
    zone, and without one.

    :param ticks: 100 ns since 0001-01-01; for the kind ``LOCAL`` counted in UTC, as on the wire
    :param kind: what it refers to
    :raises TypeError: the kind is none, as in ``DateTime(2026, 1)``
    """

    __slots__ = ()

    def __new__(cls, ticks: int, kind: DateTimeKind = DateTimeKind.UNSPECIFIED) -> DateTime:
        if type(kind) is not DateTimeKind or type(ticks) is not int:
            raise TypeError(
                f"DateTime(ticks, kind) has ticks of 100 ns and a DateTimeKind, not {ticks!r} and "
                f"{kind!r}; DateTime.from_datetime(datetime.datetime(2026, 1, 31)) makes one of "
                "year, month and day"
            )
        return tuple.__new__(cls, (ticks, kind))

    @classmethod
    def from_binary(cls, binary: int) -> DateTime:
        """
        :param binary: the 64 bits of ``DateTime.ToBinary``, signed or not
        :returns: the value
        :raises XmlException: the ticks are outside of the years 1 to 9999
        """
        ticks = binary & _TICKS_MASK
        top = (binary >> 62) & 3
        if top >= 2:
            return cls(_local_ticks(ticks, binary), DateTimeKind.LOCAL)
        if ticks > MAX_TICKS:
            raise XmlException(f"The value '{binary}' cannot be parsed as the type 'DateTime'")
        return cls(ticks, DateTimeKind(top))

    def to_binary(self) -> int:
        """:returns: the 64 bits of ``DateTime.ToBinary``, unsigned."""
        return (self.ticks & _TICKS_MASK) | (self.kind << 62)

    @classmethod
    def from_datetime(cls, value: datetime.datetime) -> DateTime:
        """
        :param value: with a time zone it becomes UTC, without one ``UNSPECIFIED``
        :returns: the same moment
        """
        if value.tzinfo is None:
            return cls(_ticks_of(value), DateTimeKind.UNSPECIFIED)
        try:
            value = value.astimezone(datetime.UTC)
        except OverflowError as error:
            raise XmlException(f"{value} is not in the years 1 to 9999 of UTC") from error
        return cls(_ticks_of(value.replace(tzinfo=None)), DateTimeKind.UTC)

    def to_datetime(self) -> datetime.datetime:
        """
        :returns: a naive datetime for ``UNSPECIFIED``, else one in UTC; what is finer than a
            microsecond is cut off
        """
        ticks = min(max(self.ticks, 0), MAX_TICKS)
        naive = datetime.datetime.min + datetime.timedelta(microseconds=ticks // 10)
        if self.kind == DateTimeKind.UNSPECIFIED:
            return naive
        return naive.replace(tzinfo=datetime.UTC)

    @classmethod
    def fromisoformat(cls, text: str) -> DateTime:
        """
        :param text: such as ``2026-01-31T12:30:00.1234567``, with ``Z`` for UTC or an offset; with
            an offset the kind is ``LOCAL``, as in .NET
        :raises ValueError: it is no moment
        """
        match = _ISO.fullmatch(text) if len(text) <= MAX_TEXT else None
        if match is None:
            raise ValueError(f"{text[:60]!r} is no moment such as '2026-01-31T12:30:00'")
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        days = datetime.date(int(year), int(month), int(day)).toordinal() - 1
        h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
        if h > 23 or m > 59 or s > 59:
            raise ValueError(f"{text[:60]!r} is no time of day")
        ticks = (days * 86400 + h * 3600 + m * 60 + s) * TICKS_PER_SECOND
        ticks += int((fraction or "").ljust(7, "0"))
        kind = DateTimeKind.UNSPECIFIED
        if zone == "Z":
            kind = DateTimeKind.UTC
        elif zone:
            offset = int(zone[1:3]) * 60 + int(zone[4:6])
            if offset > 14 * 60:
                raise ValueError(f"the offset in {text[:60]!r} is more than 14 hours")
            moved = offset * 60 * TICKS_PER_SECOND
            ticks = min(max(ticks + (moved if zone[0] == "-" else -moved), 0), MAX_TICKS)
            kind = DateTimeKind.LOCAL
        return cls(ticks, kind)

    def isoformat(self) -> str:
        """:returns: its text in XML, such as ``2026-01-31T12:30:00.1234567Z``."""
        ticks, kind = self
        suffix = "Z" if kind == DateTimeKind.UTC else ""
        if kind == DateTimeKind.LOCAL:
            offset = local_offset(ticks)
            ticks += offset
            if ticks < 0:
                ticks += TICKS_PER_DAY
            minutes = abs(offset) // TICKS_PER_SECOND // 60
            suffix = f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
        seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
        moment = datetime.datetime.min + datetime.timedelta(seconds=seconds)
        dot = f".{fraction:07d}".rstrip("0") if fraction else ""
        return f"{moment.isoformat()}{dot}{suffix}"

    __str__ = isoformat

    def __eq__(self, other: object) -> bool:
        place = _place(other)
        return NotImplemented if place is None else self._place() == place

    def __ne__(self, other: object) -> bool:
        place = _place(other)
        return NotImplemented if place is None else self._place() != place

    def __hash__(self) -> int:
        # What is equal to a datetime has its hash.
        if self.ticks % 10 == 0 and 0 <= self.ticks <= MAX_TICKS:
            return hash(self.to_datetime())
        return hash(self._place())

    def __lt__(self, other: Any) -> bool:
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else self.ticks < ticks

    def __le__(self, other: Any) -> bool:
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else self.ticks <= ticks

    def __gt__(self, other: Any) -> bool:
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else self.ticks > ticks

    def __ge__(self, other: Any) -> bool:
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else self.ticks >= ticks

    def __add__(self, other: TimeSpanLike) -> DateTime:  # type: ignore[override]
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self._moved(ticks)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        ticks = span_ticks(other)
        if ticks is not None:
            return self._moved(-ticks)
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else TimeSpan(self.ticks - ticks)

    def __rsub__(self, other: datetime.datetime) -> TimeSpan:
        ticks = self._comparable(other)
        return NotImplemented if ticks is None else TimeSpan(ticks - self.ticks)

    def __mul__(self, other: Any) -> Any:
        return NotImplemented

    __rmul__ = __mul__

    def _place(self) -> tuple[bool, int]:
        """Whether it is a moment everywhere, and its ticks."""
        return self.kind is not DateTimeKind.UNSPECIFIED, self.ticks

    def _comparable(self, other: object) -> int | None:
        """
        :returns: the ticks of another moment; None: it is none
        :raises TypeError: only one of them is a moment everywhere
        """
        place = _place(other)
        if place is None:
            return None
        if place[0] is not self._place()[0]:
            raise TypeError("a moment of UTC or local time cannot be compared with one of no kind")
        return place[1]

    def _moved(self, by: int) -> DateTime:
        ticks = self.ticks + by
        if not 0 <= ticks <= MAX_TICKS:
            raise OverflowError("the moment is not in the years 1 to 9999")
        return DateTime(ticks, self.kind)


#: What may be given for a DateTime.
DateTimeLike: TypeAlias = DateTime | datetime.datetime


def _place(value: object) -> tuple[bool, int] | None:
    if type(value) is DateTime:
        return value._place()
    if isinstance(value, datetime.datetime):
        offset = value.utcoffset()
        naive = _ticks_of(value.replace(tzinfo=None))
        return (False, naive) if offset is None else (True, naive - offset // _MICROSECOND * 10)
    return None


def _ticks_of(value: datetime.datetime) -> int:
    return (value - datetime.datetime.min) // _MICROSECOND * 10


def _local_ticks(ticks: int, binary: int) -> int:
    # A local time west of Greenwich near year 1 is negative in UTC: kept at the top of the range.
    if ticks > _TICKS_CEILING - TICKS_PER_DAY:
        ticks -= _TICKS_CEILING
    local = ticks + local_offset(ticks)
    if local < 0:
        local += TICKS_PER_DAY
    if not 0 <= local <= MAX_TICKS:
        raise XmlException(f"The value '{binary}' cannot be parsed as the type 'DateTime'")
    return ticks


def local_offset(utc_ticks: int) -> int:
    """
    :param utc_ticks: a moment
    :returns: what this machine's time zone is ahead of UTC then, in ticks
    """
    seconds = utc_ticks // TICKS_PER_SECOND
    try:
        moment = datetime.datetime.min + datetime.timedelta(seconds=seconds)
        offset = moment.replace(tzinfo=datetime.UTC).astimezone().utcoffset()
    except (OverflowError, ValueError, OSError):  # the first and last day of the calendar
        return 0
    return 0 if offset is None else int(offset.total_seconds()) * TICKS_PER_SECOND
