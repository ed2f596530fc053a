"""
The values of recordings, which are JSON as the peers print it, to and from those of
:mod:`tests.peers.datatypes`.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import math
import re
import types
import typing
import uuid
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin

from netshare.transport.datacontracts import DateTime, DateTimeOffset, TimeSpan
from netshare.transport.xml import as_datetime
from tests.peers import datatypes as contracts

_TIMESPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{7}))?")
_SYSTEM: dict[str, Any] = {
    "System.Int32": int,
    "System.String": str,
    "System.DateTime": DateTime,
}


def timespan(text: str) -> TimeSpan:
    """TimeSpan.ToString("c") read back."""
    match = _TIMESPAN.fullmatch(text)
    assert match is not None, text
    sign, days, *rest, fraction = match.groups()
    hours, minutes, seconds = map(int, rest)
    whole = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
    ticks = whole * 10_000_000 + int(fraction or 0)
    return TimeSpan(-ticks if sign else ticks)


def offset(text: str) -> DateTimeOffset:
    """A date and time with an offset."""
    sign, hours, minutes = text[-6], int(text[-5:-3]), int(text[-2:])
    ahead = (hours * 60 + minutes) * (-1 if sign == "-" else 1)
    local = as_datetime(text[:-6]).ticks
    return DateTimeOffset(local - ahead * 600_000_000, ahead)


def from_json(value: Any, hint: Any) -> Any:
    """:returns: the value of a type that a recording's JSON means."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(a for a in get_args(hint) if a is not type(None))
    if value is None:
        return None
    if get_origin(hint) is Annotated:
        hint = hint.__origin__
    origin = get_origin(hint)
    if hint is object:
        if not isinstance(value, dict):
            return value
        hint = _SYSTEM.get(value["$type"]) or getattr(contracts, value["$type"])
        return from_json(value["value"], hint)
    if origin is list or hint is contracts.Basket:
        item = get_args(hint)[0] if origin else str
        return (hint if not origin else list)(from_json(v, item) for v in value)
    if origin is dict:
        return {k: from_json(v, get_args(hint)[1]) for k, v in value.items()}
    if hint is float and isinstance(value, str):
        return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[value]
    if hint in _SIMPLE:
        return _SIMPLE[hint](value)
    if isinstance(hint, type) and issubclass(hint, enum.Flag):
        members = {"None": "NONE"}
        result = hint(0)
        for name in value.split(", "):
            result |= hint[members.get(name, name)]
        return result
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint[value]
    cls = origin or hint
    if dataclasses.is_dataclass(cls):
        if "$type" in value:
            cls = getattr(contracts, value["$type"])
        hints = typing.get_type_hints(cls, include_extras=True)
        parameters = dict(zip(getattr(cls, "__parameters__", ()), get_args(hint), strict=False))
        made = cls()
        for name, item in value.items():
            if name != "$type":
                member = hints[name]
                variables = getattr(member, "__parameters__", ())
                if variables:
                    options = [a for a in get_args(member) if a is not type(None)]
                    member = options[0][tuple(parameters[v] for v in variables)]
                setattr(made, name, from_json(item, member))
        return made
    return value


_SIMPLE: dict[Any, Any] = {
    bytes: base64.b64decode,
    DateTime: as_datetime,
    DateTimeOffset: offset,
    TimeSpan: timespan,
    uuid.UUID: uuid.UUID,
    Decimal: lambda v: Decimal(str(v)),
    float: float,
}
