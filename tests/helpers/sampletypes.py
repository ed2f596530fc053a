"""The data contracts of tests/peers/DataContracts.cs, and some more, for the tests of the rooms."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Generic, TypeVar

from netshare.transport.datacontracts import (
    collection_contract,
    data_contract,
    data_contract_enum,
    member,
)

T = TypeVar("T")
U = TypeVar("U")


@data_contract(namespace="urn:t")
class P:
    A: int


@data_contract(namespace="urn:t")
class Page(Generic[T]):
    Items: list[T] | None


@data_contract(name="Two_{1}_{0}{#}", namespace="urn:t")
class Two(Generic[T, U]):
    X: T
    Y: U


@data_contract_enum(namespace="urn:t")
class E(enum.Enum):
    Z = 0


class F(enum.Enum):
    Q = 0


@data_contract(clr_namespace="My.Name")
class Poco:
    B: int
    A: str | None


@data_contract(clr_namespace="My.Name")
class Dc:
    B: int = member(order=2)
    Z: str | None
    Y: str | None = member(order=1)
    a: str | None
    last: str | None = member(name="Éa")


@collection_contract(namespace="urn:c", item_name="It", key_name="K", value_name="V")
class Dic(dict[str, P]):
    pass


@collection_contract(namespace="urn:c")
class Li(list[P]):
    pass


@collection_contract(name="Of{0}", namespace="urn:c")
class Gen(list[T], Generic[T]):
    pass


@data_contract(namespace="urn:b")
class Base:
    M: int
    Pp: P | None
    Ls: list[P] | None


@data_contract(namespace="urn:d")
class Derived(Base):
    A: int
    Inner: Base | None
    O: object  # noqa: E741
    Is: list[int] | None


@data_contract(namespace="urn:f")
@dataclass(frozen=True, slots=True)
class Frozen:
    N: int
    S: str | None = None


@data_contract(namespace="urn:t", name="P", keep_unknown=True)
class OldP:
    pass


@data_contract(namespace="urn:k", keep_unknown=True)
class Keeping:
    B: int
    D: int
