"""
Types that no data contract can have, and what to do instead.
"""

from __future__ import annotations

import collections
import datetime
from typing import Any, Final
from xml.etree import ElementTree

from netshare.transport.xml import Element

__all__ = ["instead_of"]

_INSTEAD: Final[dict[Any, str]] = {
    datetime.date: "declare DateTime, or datetime.datetime",
    datetime.time: "declare TimeSpan, or datetime.timedelta",
    collections.deque: "a Queue or Stack of .NET travels as its private fields; declare a list on "
    "both sides",
    complex: "declare a class with @data_contract that has both parts",
    Element: "declare XmlElement",
    ElementTree.Element: "declare XmlElement, which has from_text and to_text",
    Exception: "declare a subclass of ExceptionInfo",
    BaseException: "declare a subclass of ExceptionInfo",
    memoryview: "declare bytes",
    type: "send its name",
}


def instead_of(cls: type) -> str | None:
    """:returns: what to declare in place of a class; None: nothing in particular"""
    return next((_INSTEAD[base] for base in cls.__mro__ if base in _INSTEAD), None)
