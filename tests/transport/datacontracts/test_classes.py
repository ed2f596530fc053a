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
    P,
)
from tests.helpers.serializing import (
    from_text,
    through_binary,
    to_text,
)
from tests.helpers.valuetypes import Pt
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


def test_members_of_one_name() -> None:
    """Two members of one name are refused."""

    @data_contract
    class Double:
        a: Annotated[int, ""] = member(name="X")
        b: Annotated[int, ""] = member(name="X")

    with pytest.raises(InvalidDataContract, match="two members 'X'"):
        serializer_for(Double)


def test_a_struct_has_no_null() -> None:
    """A struct is never nil, neither written nor read, except as Nullable."""
    for hint, value in ((Pt, None), (list[Pt], [None]), (Line, Line(From=None))):  # type: ignore[arg-type]
        with pytest.raises(UnencodableValue, match="None is no Pt"):
            to_text(hint, value)
    nil = '<From xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
    with pytest.raises(DeserializationFailed, match=r"value\.From: null is no Pt"):
        from_text(Line, f'<r xmlns="urn:l">{nil}</r>')
    assert through_binary(Line, Line(To=None)) == Line(From=Pt(0, 0), To=None)


@data_contract(namespace="urn:l")
class Line:
    From: Pt
    To: Pt | None
    Also: Pt = member(emit_default=False, required=False)


def test_a_struct_is_an_object_of_defaults() -> None:
    """Where there is no value of a struct stands .NET's zero, another object each time."""
    assert Line() == Line(Pt(0, 0), None, Pt(0, 0))
    assert Line().From is not Line().From
    one, two = from_text(Line, "<r/>"), from_text(Line, "<r/>")
    assert one == two == Line()
    assert one.From is not two.From
    assert serializer_for(Pt).default == Pt(0, 0)
    assert serializer_for(Pt | None).default is None
    assert "Also" not in to_text(Line, Line())
    assert "Also" in to_text(Line, Line(Also=Pt(1, 0)))


def test_a_struct_that_contains_itself() -> None:
    """A struct in itself would be infinite, and is refused."""
    for hint in (Endless, EndlessToo):
        with pytest.raises(InvalidDataContract, match="cannot contain itself"):
            serializer_for(hint)


@data_contract(struct=True)
class Endless:
    Other: EndlessToo


@data_contract(struct=True)
class EndlessToo:
    Other: Endless
