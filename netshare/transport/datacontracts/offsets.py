"""
``System.DateTimeOffset``: a moment, and how far the clock there is ahead of UTC.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

from netshare.transport.xml import DateTime, DateTimeKind

__all__ = ["DateTimeOffset"]

_TICKS_PER_MINUTE = 600_000_000


class DateTimeOffset(NamedTuple):
    """
    A .NET DateTimeOffset.

    :param utc_ticks: the moment, 100 ns since 0001-01-01 in UTC
    :param offset_minutes: what the local clock is ahead of UTC
    """

    utc_ticks: int = 0
    offset_minutes: int = 0

    @classmethod
    def from_datetime(cls, value: datetime.datetime) -> DateTimeOffset:
        """
        :param value: with a time zone
        :returns: the same moment and offset
        :raises ValueError: it has no time zone
        """
        offset = value.utcoffset()
        if offset is None:
            raise ValueError("a datetime without a time zone is no DateTimeOffset")
        utc = DateTime.from_datetime(value)
        return cls(utc.ticks, offset // datetime.timedelta(minutes=1))

    def to_datetime(self) -> datetime.datetime:
        """:returns: the moment in that offset; less than a microsecond is cut off."""
        zone = datetime.timezone(datetime.timedelta(minutes=self.offset_minutes))
        return DateTime(self.utc_ticks, DateTimeKind.UTC).to_datetime().astimezone(zone)

    @property
    def local_ticks(self) -> int:
        """What the clock there shows, in ticks."""
        return self.utc_ticks + self.offset_minutes * _TICKS_PER_MINUTE
