"""Headers with typed values that no contract declares."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.typedheaders import header_value, typed_header
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
    data_contract,
)
from tests.helpers.world import World


@data_contract(namespace="urn:test")
class Caller:
    Name: str | None = None
    Level: int = 0


@service_contract(namespace="urn:test")
class IHeaders:
    @operation
    def Look(self) -> bool: ...


class Headers:
    """Reads one header as a type, and sends it back."""

    hint: Any = None
    seen: list[Any] = []

    def Look(self) -> bool:
        context = OperationContext.current()
        found = context.header("H", "urn:h")
        if found is not None:
            self.seen.append(header_value(found, self.hint))
            context.outgoing_headers.append(typed_header("H", "urn:h", self.seen[-1], self.hint))
        return found is not None


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (5, int),
        ("text", str),
        (Decimal("1.50"), Decimal),
        ([1, 2], list[int]),
        (Caller("Ann", 3), Caller),
        (None, str | None),
    ],
)
def test_a_value_both_ways(world: World, value: Any, hint: Any) -> None:
    """What one side says as a type the other reads as that type."""
    Headers.hint, Headers.seen = hint, []
    world.serve(IHeaders, Headers)
    replies: list[Any] = []
    channel = world.channel(contract=IHeaders)
    calls = channel.using([typed_header("H", "urn:h", value, hint)], replies=replies)
    assert world.now(calls.Look()) is True
    assert Headers.seen == [value]
    assert header_value(replies[0].header("H", "urn:h"), hint) == value


def test_the_type_is_that_of_the_value(world: World) -> None:
    """Without a hint a value is what it is."""
    Headers.hint, Headers.seen = Caller, []
    world.serve(IHeaders, Headers)
    calls = world.channel(contract=IHeaders).using([typed_header("H", "urn:h", Caller("Ann", 3))])
    assert world.now(calls.Look()) is True
    assert Headers.seen == [Caller("Ann", 3)]


def test_values_of_another_type(world: World) -> None:
    """A value that is not of the type is not sent, and a header that is not of it not read."""
    Headers.hint, Headers.seen = str, []
    world.serve(IHeaders, Headers)
    replies: list[Any] = []
    channel = world.channel(contract=IHeaders)
    with pytest.raises(UnencodableValue):
        world.now(channel.using([typed_header("H", "urn:h", "x", int)]).Look())
    calls = channel.using([typed_header("H", "urn:h", "x")], replies=replies)
    assert world.now(calls.Look()) is True
    with pytest.raises(DeserializationFailed):
        header_value(replies[0].header("H", "urn:h"), int)
