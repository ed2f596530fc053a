"""The data contracts of tests/peers/DataValues.cs."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Generic, TypeVar

from netshare.transport.datacontracts import (
    DataSet,
    ExceptionInfo,
    KeyValuePair,
    ValueTuple,
    XmlContent,
    XmlElement,
    collection_contract,
    data_contract,
    data_contract_enum,
    member,
    serializable,
    xml_serializable,
)

T = TypeVar("T")


@data_contract(namespace="urn:v", struct=True)
class Pt:
    X: int
    Y: int


@data_contract(namespace="urn:v", name="Pt", struct=True)
@dataclass(frozen=True)
class FrozenPt:
    X: int = 0
    Y: int = 0


@data_contract(namespace="urn:v")
class HasPt:
    P: Pt
    Q: Pt | None
    R: Pt = member(emit_default=False)


@data_contract(namespace="urn:v")
class Res(Generic[T]):
    Value: T


@data_contract(namespace="urn:v", is_reference=True)
class Ref:
    Name: str | None
    Next: Ref | None
    Kids: list[Ref | None] | None


@data_contract(namespace="urn:v", is_reference=True, known_types=lambda: (Dog,))
class Animal:
    Friend: Animal | None


@data_contract(namespace="urn:v")
class Dog(Animal):
    Age: int


@data_contract(namespace="urn:v")
class Holder:
    A: Ref | None
    B: Ref | None
    O: object  # noqa: E741


@xml_serializable(clr_namespace="Values")
class Own(XmlContent):
    pass


@data_contract(namespace="urn:v")
class HasXml:
    E: XmlElement | None
    N: XmlContent | None
    O: Own | None  # noqa: E741
    S: DataSet | None


@data_contract(namespace="urn:v")
class Mixed:
    Kv: KeyValuePair[str, int]
    T: tuple[int, str] | None
    V: ValueTuple[int, str]
    H: set[int] | None
    Db: object


@data_contract(namespace="urn:v", name="T y<p>e")
class Odd:
    A: int = member(name="a b")
    B: int = member(name="1st")


@collection_contract(namespace="urn:v", name="C l", item_name="i t")
class OddList(list[int]):
    pass


@data_contract_enum(namespace="urn:v", name="E n", members={"A": "a b", "B": "1st"})
class OddEnum(enum.Enum):
    A = 0
    B = 1


@serializable(clr_namespace="Values")
class Err(ExceptionInfo):
    pass
