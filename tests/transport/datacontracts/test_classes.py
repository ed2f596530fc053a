"""Classes: members in order, required, ignored, unknown."""

from __future__ import annotations

from typing import Annotated

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
    data_contract,
    ignored,
    member,
    serializer_for,
)
from tests.helpers.sampletypes import (
    Frozen,
    Keeping,
    OldP,
    P,
)
from tests.helpers.serializing import (
    from_text,
    through_binary,
    to_text,
)
from tests.peers import datatypes as c


def test_members_of_another_order_are_read() -> None:
    """Members are found by their names, in any order, and unknown ones ignored."""
    text = '<r xmlns="urn:t"><zz><A>7</A></zz><A>5</A><A xmlns="urn:other">6</A></r>'
    assert from_text(P, text) == P(5)


def test_required() -> None:
    """A required member that is missing is named."""
    with pytest.raises(DeserializationFailed, match=r"value\.Name: .*required") as caught:
        from_text(c.Person, "<r/>")
    assert caught.value.path == "value.Name"


def test_required_that_must_not_be_written() -> None:
    """A required member that is left out with its default value cannot be written, as in .NET."""

    @data_contract
    class Odd:
        N: Annotated[int, "odd"] = member(required=True, emit_default=False)

    assert "<N>1</N>" in to_text(Odd, Odd(1)).replace("a:", "")
    with pytest.raises(UnencodableValue, match=r"r\.N: "):
        to_text(Odd, Odd(0))


def test_ignored() -> None:
    """A field that is no member is not written, and has its default after reading."""

    @data_contract(namespace="urn:i")
    class Partly:
        N: Annotated[int, ""]
        Cache: Annotated[str, ""] = ignored(default="none")

    assert "Cache" not in to_text(Partly, Partly(1, "x"))
    assert from_text(Partly, '<r><N xmlns="urn:i">3</N></r>') == Partly(3, "none")


def test_frozen_and_slots() -> None:
    """Frozen dataclasses and such with slots can be data contracts, too."""
    assert through_binary(Frozen, Frozen(1, "a")) == Frozen(1, "a")
    assert from_text(Frozen, "<r/>") == Frozen(0, None)


def test_unknown_members_are_kept() -> None:
    """With keep_unknown, what a newer peer sends goes back where it stood."""
    text = (
        '<r xmlns="urn:r" xmlns:a="urn:k" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        '<a:A>0</a:A><a:B>1</a:B><a:C i:type="x:int" xmlns:x="http://www.w3.org/2001/XMLSchema">'
        "2</a:C><a:D>3</a:D><a:E><a:F>4</a:F></a:E></r>"
    )
    value = from_text(Keeping, text)
    assert value == Keeping(1, 3)
    value.B = 9
    assert to_text(Keeping, value) == text.replace("<a:B>1<", "<a:B>9<")
    assert "A" in to_text(OldP, from_text(OldP, to_text(P, P(7))))


def test_members_of_one_name() -> None:
    """Two members of one name are refused."""

    @data_contract
    class Double:
        a: Annotated[int, ""] = member(name="X")
        b: Annotated[int, ""] = member(name="X")

    with pytest.raises(InvalidDataContract, match="two members 'X'"):
        serializer_for(Double)
