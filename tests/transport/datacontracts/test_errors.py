"""Errors name the member."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
)
from tests.helpers.serializing import (
    from_text,
    to_text,
)
from tests.peers import datatypes as c


def test_nested_path() -> None:
    """An error names the member however deep inside it is, and the types."""
    person = c.Person(Name="a", Children=[c.Person(Name="b"), c.Person(Name="c", Age="7")])
    with pytest.raises(UnencodableValue) as caught:
        to_text(c.Person, person)
    assert caught.value.path == "r.Children[1].Age"
    assert "'7' (str) is no Int32" in str(caught.value)
    with pytest.raises(UnencodableValue, match=r"r\['x'\]\.Age: 2147483648 is out of the range"):
        to_text(dict[str, c.Person], {"x": c.Person(Age=2**31)})
    child = "<Children><Person><Name/><Age>x</Age></Person></Children>"
    text = f'<r xmlns="urn:peers:types"><Name/>{child}</r>'
    with pytest.raises(DeserializationFailed) as failed:
        from_text(c.Person, text)
    assert failed.value.path == "value.Children[0].Age"
