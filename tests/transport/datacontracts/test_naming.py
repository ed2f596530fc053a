"""The names of types are .NET's."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NewType

from netshare.transport.datacontracts import (
    Int32,
    collection_contract,
    contract_name,
    data_contract,
    data_contract_enum,
    member,
)
from tests.helpers.sampletypes import (
    P,
    Page,
)
from tests.helpers.serializing import (
    XSD,
    from_text,
    through_binary,
    to_text,
)
from tests.peers import datatypes as c

Meters = NewType("Meters", int)


def test_names_of_types() -> None:
    """Types are called what .NET calls them."""
    assert contract_name(Page[P]) == ("PageOfPdDhgNEMs", "urn:t")
    assert contract_name(dict[str, c.Person])[0].endswith("PersonaQi92V0P")
    assert contract_name(Meters) == ("int", XSD)
    assert contract_name(Int32) == contract_name(int)
    assert contract_name(Sequence[str]) == contract_name(tuple[str, ...])
    assert contract_name(c.Square) == ("TheSquare", "urn:peers:shapes")


@data_contract(name="T y<p>e", namespace="urn:t")
class Odd:
    A: int = member(name="a b")
    B: int = member(name="<N>k__BackingField")
    C: int = member(name="größe")


@collection_contract(name="C l", namespace="urn:t", item_name="1st")
class OddList(list[int]):
    pass


@collection_contract(namespace="urn:t", item_name="p r", key_name="k y", value_name="v l")
class OddDict(dict[str, int]):
    pass


@data_contract_enum(name="E n", namespace="urn:t")
class OddEnum(enum.Enum):
    A = 0


def test_names_that_xml_does_not_have() -> None:
    """They are encoded as DataContractSerializer does it, and what was written can be read."""
    odd = "T_x0020_y_x003C_p_x003E_e"
    assert contract_name(Odd) == (odd, "urn:t")
    assert contract_name(Page[Odd])[0] == f"PageOf{odd}dDhgNEMs"
    assert contract_name(list[Odd])[0] == f"ArrayOf{odd}"
    assert contract_name(OddEnum)[0] == "E_x0020_n"
    text = to_text(Odd, Odd(1, 2, 3)).replace("a:", "")
    assert "<_x003C_N_x003E_k__BackingField>2</_x003C_N_x003E_k__BackingField>" in text
    assert text.index("_x003C_N") < text.index("<a_x0020_b>1<") < text.index("<größe>3<")
    assert "<a:_x0031_st>7</a:_x0031_st>" in to_text(OddList, OddList([7]))
    assert "<a:p_x0020_r><a:k_x0020_y>x</a:k_x0020_y><a:v_x0020_l>1<" in to_text(
        OddDict, OddDict(x=1)
    )
    for hint, value in (
        (Odd, Odd(1, 2, 3)),
        (OddList, OddList([7])),
        (OddDict, OddDict(x=1)),
        (OddEnum, OddEnum.A),
        (list[Odd], [Odd(1)]),
    ):
        assert through_binary(hint, value) == value
        assert from_text(hint, to_text(hint, value)) == value
