"""Objects that are written once and referred to."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    InvalidDataContract,
    data_contract,
)
from tests.helpers.serializing import SERIALIZATION, from_text, through_binary, to_text
from tests.helpers.valuetypes import Dog, Holder, Ref, Res

Z = f'xmlns="urn:v" xmlns:z="{SERIALIZATION}"'


def test_a_cycle_is_the_same_cycle() -> None:
    """What refers to itself does so after it was read."""
    one, two = Ref(Name="one"), Ref(Name="two")
    one.Next, two.Next = two, one
    for again in (through_binary(Ref, one), from_text(Ref, to_text(Ref, one))):
        assert again.Next.Next is again
        assert (again.Name, again.Next.Name) == ("one", "two")
    assert one != again
    assert "..." in repr(one)


def test_what_is_shared_is_shared() -> None:
    """An object in two places is one object in both."""
    shared = Ref(Name="a")
    again = through_binary(Holder, Holder(shared, shared, shared))
    assert again.A is again.B is again.O


def test_a_long_chain_takes_linear_space() -> None:
    """Each object is written once, however many ways lead to it."""
    last = Ref(Name="x")
    for _ in range(40):
        last = Ref(Next=last, Kids=[last, last])
    assert len(to_text(Ref, last)) < 10_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<A z:Ref="i2"/><B z:Id="i2"/>', r"value\.A: .*'i2' that has not been before"),
        ('<A z:Id="i2"/><B z:Id="i2"/>', r"value\.B: two objects have the z:Id 'i2'"),
        ('<A z:Ref=""/>', "an object '' that has not been"),
    ],
)
def test_bad_references(content: str, message: str) -> None:
    """A reference to nothing, or forward, or a name for two, is an error with the member."""
    with pytest.raises(DeserializationFailed, match=message):
        from_text(Holder, f"<r {Z}>{content}</r>")


def test_a_reference_to_another_type() -> None:
    """An object that is of another type than its place is an error."""
    text = f'<r {Z}><A z:Id="i1"/><O z:Ref="i1"/></r>'
    assert from_text(Holder, text).O is not None
    with pytest.raises(DeserializationFailed, match=r"value\.Value: Ref is no Dog"):
        from_text(Mixed, f'<r {Z}><Other z:Id="i1"><Name>x</Name></Other><Value z:Ref="i1"/></r>')


@data_contract(namespace="urn:v")
class Mixed:
    Other: Ref | None
    Value: Dog | None


def test_a_reference_to_a_text() -> None:
    """A text that stands elsewhere, as other serializers write it, is no empty text."""
    with pytest.raises(DeserializationFailed, match="is_reference=True"):
        from_text(Res[str], f'<r {Z}><Value z:Ref="i1"/></r>')


def test_each_parameter_has_its_own() -> None:
    """Names are told apart in one parameter only."""
    one = Ref(Name="a")
    assert to_text(Ref, one) == to_text(Ref, one)
    text = to_text(Ref, one)
    assert from_text(Ref, text) is not from_text(Ref, text)


def test_a_struct_cannot_be_one() -> None:
    """A struct has no identity, so it is no reference, nor is one derived from such a class."""
    with pytest.raises(InvalidDataContract, match="a struct cannot be a reference"):
        data_contract(struct=True, is_reference=True)(type("S", (), {}))
    with pytest.raises(InvalidDataContract, match="a struct cannot be a reference"):
        data_contract(struct=True)(type("S", (Ref,), {}))
