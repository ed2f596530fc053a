"""What constructors give the fields of which nothing is said."""

from __future__ import annotations

from netshare.transport.datacontracts import (
    data_contract,
)
from tests.helpers.serializing import (
    from_text,
)
from tests.helpers.valuetypes import Pt, Res


@data_contract
class IntResult(Res[int]):
    pass


def test_defaults_of_generic_classes() -> None:
    """What a type variable stands for says what its default is."""
    assert Res[int]().Value == 0
    assert Res[str]().Value is None
    assert Res[Pt]().Value == Pt(0, 0)
    assert Res[int](5).Value == 5
    assert Res[int | None]().Value is None
    assert Res().Value is None
    assert IntResult().Value == 0
    assert from_text(Res[int], "<r/>") == Res[int]()
    assert Res[Res[int]]().__orig_class__ == Res[Res[int]]
