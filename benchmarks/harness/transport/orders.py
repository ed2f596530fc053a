"""
Orders with many lines, and items of nine members: the contract that real data is measured by.

On the wire it is that of ``src/Orders.cs``, which Microsoft's client and Mono's service have.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from uuid import UUID

from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    service_behavior,
)
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.datacontracts import DateTime, data_contract, data_contract_enum

NAMESPACE = "urn:bench:orders"


@data_contract(namespace=NAMESPACE)
class Line:
    """Four members, as real ones often have."""

    Article: str | None
    Count: int
    Price: Decimal
    Discount: float | None


@data_contract(namespace=NAMESPACE)
class Order:
    """Lines, 0 to 200 of them."""

    Customer: str | None
    Lines: list[Line] | None


@data_contract_enum(namespace=NAMESPACE)
class State(enum.Enum):
    """What an item may be."""

    Open = 0
    Sent = 1
    Paid = 2


@data_contract(namespace=NAMESPACE)
class Place:
    """What is nested in an item."""

    City: str | None
    Zip: int


@data_contract(namespace=NAMESPACE)
class Item:
    """Nine members of as many kinds."""

    Id: UUID
    When: DateTime
    State: State
    Place: Place | None
    Tags: list[str | None] | None
    Price: Decimal
    Weight: float
    Note: str | None
    Limit: int | None


@data_contract(namespace=NAMESPACE)
class Store:
    """Items, 0 to 200 of them."""

    Items: list[Item] | None


@service_contract(namespace=NAMESPACE)
class IOrders:
    """What comes goes back."""

    @operation
    def PutOrder(self, order: Order | None) -> Order | None:
        """An order."""

    @operation
    def PutStore(self, store: Store | None) -> Store | None:
        """A store."""


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Orders:
    """The service."""

    def PutOrder(self, order: Order | None) -> Order | None:
        """:returns: the same order"""
        return order

    def PutStore(self, store: Store | None) -> Store | None:
        """:returns: the same store"""
        return store
