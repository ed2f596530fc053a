"""Types that no data contract can have."""

from __future__ import annotations

import collections
import datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from netshare.transport.datacontracts import InvalidDataContract, serializer_for
from netshare.transport.xml import Element


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (complex, "both parts"),
        (datetime.date, "declare DateTime"),
        (datetime.time, "declare TimeSpan"),
        (collections.deque[int], "declare a list"),
        (ElementTree.Element, "declare XmlElement"),
        (Element, "declare XmlElement"),
        (ValueError, "subclass of ExceptionInfo"),
        (list[datetime.date], "declare DateTime"),
        (frozenset[complex], "both parts"),
    ],
)
def test_what_to_declare_instead(hint: Any, message: str) -> None:
    """A type that is often tried is refused with what to declare in its place."""
    with pytest.raises(InvalidDataContract, match=message):
        serializer_for(hint)
