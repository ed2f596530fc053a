"""What a generated writer is, and what it needs to know."""

from __future__ import annotations

from netshare.transport.datacontracts.generated.forms import Kind, Unknown
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.generated.structures import FORMS
from netshare.transport.datacontracts.resolver import contract_of
from tests.peers.datatypes import Everything


def test_slots_in_their_order() -> None:
    """The slots of a class are its members, in WCF's order."""
    contract = contract_of(Everything)
    names = [slot.name for slot in FORMS.of(contract).slots]
    layers = contract.layers  # type: ignore[attr-defined]
    assert names == [member.name for layer in layers for member in layer.members]


def test_kinds() -> None:
    """Of simple members the start tag is needed, of others more."""
    kinds = {slot.name: slot.kind for slot in FORMS.of(contract_of(Everything)).slots}
    assert kinds["Int"] is kinds["String"] is kinds["Colour"] is Kind.PLAIN
    assert kinds["Strings"] is kinds["Map"] is kinds["DateTimeOffset"] is Kind.STRUCTURE


def test_unknown_is_unusual() -> None:
    """A string that is new is one of the things that the ordinary way does."""
    assert issubclass(Unknown, Unusual)
