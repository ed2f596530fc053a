"""Events, and the quotas that do not protect the reader itself."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.xml import (
    END,
    ArrayElements,
    Attribute,
    Element,
    Event,
    Name,
    NamespaceDeclaration,
    QuotaExceeded,
    ReaderQuotas,
    Start,
)
from netshare.transport.xml.events import check_quotas

A = Name("", "a")
ARRAY = ArrayElements(A, (), 0x8C, (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("quota", "value", "events"),
    [
        ("max_string_content_length", 4, [Element(A, (), ("abcd",))]),
        ("max_string_content_length", 4, [Start(A, ()), "ab", "cd", END]),
        ("max_string_content_length", 4, [Element(A, (Attribute(A, "abcd"),))]),
        ("max_string_content_length", 4, [Element(A, (), (1234,))]),
        ("max_array_length", 4, [ARRAY]),
        ("max_array_length", 4, [Element(A, (), (b"abcd",))]),
        ("max_array_length", 4, [Start(A, ()), b"ab", b"cd", END]),
        ("max_name_table_char_count", 4, [Element(Name("", "abcd"))] * 3),
        ("max_name_table_char_count", 4, [Element(A, (NamespaceDeclaration("p", "ur"),))]),
    ],
)
def test_quota(quota: str, value: int, events: list[Event]) -> None:
    """What is as much as a quota allows passes; one less is refused, with the quota's name."""
    given: dict[str, Any] = {quota: value}
    check_quotas(events, ReaderQuotas(**given))
    given[quota] -= 1
    name = quota.title().replace("_", "")
    with pytest.raises(QuotaExceeded, match=name):
        check_quotas(events, ReaderQuotas(**given))
