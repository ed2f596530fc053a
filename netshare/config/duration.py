"""
Times as WCF's configuration writes them.
"""

from __future__ import annotations

import math
import re


def parse_duration(value: str | int | float) -> float | None:
    """
    Seconds: a number of them, ``hh:mm:ss`` as WCF's configuration writes it, or ``Infinite``.

    :returns: the seconds, or None for Infinite
    :raises ValueError: it is none of these, or negative
    """
    if isinstance(value, str):
        if value.lower() == "infinite":
            return None
        match = re.fullmatch(r"(?:(\d+)\.)?(\d+):([0-5]?\d):([0-5]?\d(?:\.\d+)?)", value)
        if match is not None:
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a time")
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a time: write seconds, or hh:mm:ss") from None
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{value!r} is not a time: it has to be 0 or more, or Infinite")
    return seconds
