"""
Options of bindings, behaviors and throttles: wrong kinds of values are told when they are given.
"""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Any

__all__ = ["check_counts", "check_enum", "check_flags", "check_times"]


def check_enum(owner: object, name: str, kind: type[Enum]) -> None:
    """
    :param owner: whose option it is
    :raises TypeError: its value is no member of the enumeration
    """
    value = getattr(owner, name)
    if isinstance(value, kind):
        return
    like = next((one for one in kind if value in (one.value, one.name)), next(iter(kind)))
    raise TypeError(
        f"{_name(owner)}: {name} is a {kind.__name__}, such as {kind.__name__}.{like.name}, "
        f"not {value!r}"
    )


def check_counts(owner: object, *names: str) -> None:
    """
    :raises TypeError: one of the options is neither a whole number nor None
    """
    for name in names:
        value = getattr(owner, name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(f"{_name(owner)}: {name} is a whole number, not {value!r}")


def check_times(owner: object, *names: str) -> None:
    """
    :raises TypeError: one of the options is neither a number of seconds nor None
    """
    for name in names:
        value = getattr(owner, name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            continue
        hint = ""
        if isinstance(value, datetime.timedelta):
            hint = f"; that is {value.total_seconds():g}"
        raise TypeError(f"{_name(owner)}: {name} is a number of seconds, not {value!r}{hint}")


def check_flags(owner: object, *names: str) -> None:
    """
    :raises TypeError: one of the options is neither True nor False
    """
    for name in names:
        value: Any = getattr(owner, name)
        if not isinstance(value, bool):
            raise TypeError(f"{_name(owner)}: {name} is True or False, not {value!r}")


def _name(owner: object) -> str:
    return type(owner).__name__
