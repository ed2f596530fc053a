"""Members that are one of several elements."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import UnencodableValue
from netshare.transport.xmlserializer.declarations import MemberNote
from netshare.transport.xmlserializer.mappings import Mappings
from netshare.transport.xmlserializer.members import ChoiceMember

NOTE = MemberNote()
PLACES = tuple(Mappings("").place(n, "", t, NOTE, n) for n, t in (("i", int), ("s", str)))


def test_by_type() -> None:
    """Without an identifier the type of the value tells the element."""
    choice = ChoiceMember("F", PLACES, False, "", str, str)
    assert choice.place_for(5, None).name == "i"
    assert choice.place_for("5", None).name == "s"
    with pytest.raises(UnencodableValue, match="F: bytes is none"):
        choice.place_for(b"", None)


def test_by_name() -> None:
    """With an identifier its value does."""
    choice = ChoiceMember("F", PLACES, False, "Kind", str, str)
    assert choice.place_for("5", "s").name == "s"
    with pytest.raises(UnencodableValue, match="Kind: 'x' names none"):
        choice.place_for("5", "x")
