"""Objects are made of their members' values, and nobody notices how."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from netshare.transport.datacontracts import data_contract
from netshare.transport.datacontracts.generated.objects import is_set_plainly
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.resolver import contract_of


class _Loud:
    """A descriptor that wants to be asked."""

    def __get__(self, made: Any, owner: Any = None) -> Any:
        return self if made is None else made.__dict__["A"]

    def __set__(self, made: Any, value: Any) -> None:
        made.__dict__["A"] = value + 100


@data_contract(namespace="urn:o")
class Plain:
    A: int


@data_contract(namespace="urn:o")
class Described:
    A: int


Described.A = _Loud()  # type: ignore[assignment]


@data_contract(namespace="urn:o")
class Careful:
    A: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value + 100)


@data_contract(namespace="urn:o")
@dataclass(frozen=True)
class Frozen:
    A: int


@pytest.mark.parametrize(
    ("cls", "expected"), [(Plain, True), (Described, False), (Careful, False), (Frozen, False)]
)
def test_what_setting_attributes_does(cls: Any, expected: bool) -> None:
    """Attributes are set only where nobody would notice; others are put in beside the class."""
    contract = contract_of(cls)
    assert is_set_plainly(contract, ["A"]) is expected  # type: ignore[arg-type]
    assert ("made.A = v0" in str(_source(contract))) is expected
    made: list[Any] = []
    tokens = [(b"h", b"", b"\x83", b""), (b"", b"", b"", b"\x01"), (b"", b"", b"", b"\x01")]
    place = SimpleNamespace(headers=(b"h",))
    form = READ_FORMS.of(contract)
    form.read(tokens, 0, place, 9, None, made.append)
    assert form.rows is not None
    assert form.rows.read is not None
    form.rows.read([(b"\x83", b"")], made.append, ())
    assert [one.__dict__ for one in made] == [{"A": 1}] * 2


def test_attributes_that_are_no_names() -> None:
    """A keyword is no name that a source could set."""
    assert not is_set_plainly(contract_of(Plain), ["class"])  # type: ignore[arg-type]


def _source(contract: Any) -> str | None:
    READ_FORMS.of(contract)
    return READ_FORMS.source_of(contract)
