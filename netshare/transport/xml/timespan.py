"""
.NET's TimeSpan: lengths of time in units of 100 ns.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = [
    "MAX_TEXT",
    "TICKS_PER_DAY",
    "TICKS_PER_SECOND",
    "TimeSpan",
    "TimeSpanLike",
    "span_ticks",
]

TICKS_PER_SECOND: Final = 10_000_000
TICKS_PER_DAY: Final = 86_400 * TICKS_PER_SECOND
#: The longest text of a moment or a length of time.
MAX_TEXT: Final = 64
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_DURATION: Final = re.compile(
    r"(-?)P(?:([0-9]++)Y)?(?:([0-9]++)M)?(?:([0-9]++)D)?"
    r"(?:T(?:([0-9]++)H)?(?:([0-9]++)M)?(?:([0-9]++)(?:\.([0-9]++))?S)?)?"
)


class _TimeSpan(NamedTuple):
    ticks: int


class TimeSpan(_TimeSpan):
    """
    A .NET TimeSpan.

    :param ticks: of 100 ns, signed, 64 bits
    """

    __slots__ = ()

    @classmethod
    def from_timedelta(cls, value: datetime.timedelta) -> TimeSpan:
        """:returns: the same length of time."""
        return cls(value // _MICROSECOND * 10)

    def to_timedelta(self) -> datetime.timedelta:
        """:returns: the same length, what is finer than a microsecond cut off."""
        whole = -(-self.ticks // 10) if self.ticks < 0 else self.ticks // 10
        return datetime.timedelta(microseconds=whole)

    @classmethod
    def fromisoformat(cls, text: str) -> TimeSpan:
        """
        :param text: such as ``P1DT2H3.5S``; years and months count 365 and 30 days, as in .NET
        :raises ValueError: it is no length of time, or out of the range
        """
        match = _DURATION.fullmatch(text) if len(text) <= MAX_TEXT else None
        if match is None or text[-1] in "PT":
            raise ValueError(f"{text[:60]!r} is no length of time such as 'P1DT2H3.5S'")
        sign, *parts, fraction = match.groups()
        years, months, days, hours, minutes, seconds = (int(part or 0) for part in parts)
        ticks = (years * 365 + months * 30 + days) * TICKS_PER_DAY
        ticks += ((hours * 60 + minutes) * 60 + seconds) * TICKS_PER_SECOND
        ticks += int((fraction or "")[:7].ljust(7, "0"))
        return _span(-ticks if sign else ticks)

    def isoformat(self) -> str:
        """:returns: its text in XML, such as ``P1DT2H3.5S``."""
        ticks = abs(self.ticks)
        days, ticks = divmod(ticks, TICKS_PER_DAY)
        hours, ticks = divmod(ticks, 3600 * TICKS_PER_SECOND)
        minutes, ticks = divmod(ticks, 60 * TICKS_PER_SECOND)
        seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
        text = "-P" if self.ticks < 0 else "P"
        if days:
            text += f"{days}D"
        time = f"{hours}H" if hours else ""
        if minutes:
            time += f"{minutes}M"
        if seconds or fraction:
            time += str(seconds) + (f".{fraction:07d}".rstrip("0") if fraction else "") + "S"
        if time:
            return f"{text}T{time}"
        return text if days else "PT0S"

    __str__ = isoformat

    def __eq__(self, other: object) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks == ticks

    def __ne__(self, other: object) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks != ticks

    def __hash__(self) -> int:
        # What is equal to a timedelta has its hash.
        if self.ticks % 10 == 0:
            try:
                return hash(self.to_timedelta())
            except OverflowError:
                pass
        return hash(self.ticks)

    def __lt__(self, other: Any) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks < ticks

    def __le__(self, other: Any) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks <= ticks

    def __gt__(self, other: Any) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks > ticks

    def __ge__(self, other: Any) -> bool:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else self.ticks >= ticks

    def __add__(self, other: TimeSpanLike) -> TimeSpan:  # type: ignore[override]
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else _span(self.ticks + ticks)

    __radd__ = __add__

    def __sub__(self, other: TimeSpanLike) -> TimeSpan:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else _span(self.ticks - ticks)

    def __rsub__(self, other: TimeSpanLike) -> TimeSpan:
        ticks = span_ticks(other)
        return NotImplemented if ticks is None else _span(ticks - self.ticks)

    def __mul__(self, other: int) -> TimeSpan:  # type: ignore[override]
        return _span(self.ticks * other) if type(other) is int else NotImplemented

    __rmul__ = __mul__  # type: ignore[assignment]

    def __neg__(self) -> TimeSpan:
        return _span(-self.ticks)

    def __abs__(self) -> TimeSpan:
        return _span(abs(self.ticks))


#: What may be given for a TimeSpan.
TimeSpanLike: TypeAlias = TimeSpan | datetime.timedelta


def _span(ticks: int) -> TimeSpan:
    if not -(1 << 63) <= ticks < 1 << 63:
        raise OverflowError(f"{ticks} ticks are out of the range of TimeSpan")
    return TimeSpan(ticks)


def span_ticks(value: object) -> int | None:
    """:returns: the ticks of a length of time; None: it is none."""
    if type(value) is TimeSpan:
        return value.ticks
    if isinstance(value, datetime.timedelta):
        return value // _MICROSECOND * 10
    return None
