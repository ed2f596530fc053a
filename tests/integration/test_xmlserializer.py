"""Contracts with XmlSerializerFormat, with Microsoft's client and with services on Mono."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.transport import BinaryEncoding, ChannelFactory, ServiceHost, TextEncoding
from netshare.transport.datacontracts import DateTime, DateTimeKind
from tests.integration.hosting import binding
from tests.peers.contracts import IXml
from tests.peers.drivers import Channel, DotNetClient, MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer
from tests.peers.morexml import (
    Derived,
    Disc,
    Everything,
    IShapes,
    Marks,
    Shapes,
    Tint,
    Which,
)
from tests.peers.xmltypes import Order, OrderLine, Size

DAY = 864_000_000_000
MIXED = [("Int32", 1), ("String", "a"), ("Int32", 2)]
#: As the client has it in JSON, without what is a default.
JSON: dict[str, Any] = {
    "Id": "x",
    "Tint": "Red",
    "Numbers": [1, 2, 3],
    "Flag": True,
    "Three": 4,
    "Marks": "One, Four",
    "Weight": 4,
    "WeightSpecified": True,
    "Maybe": 0,
    "Note": "<&>",
    "Plain": "p",
    "Rows": ["a", None, ""],
    "Perhaps": [1, None],
    "Grid": [[1], [2, 3], []],
    "Day": "2026-01-02T00:00:00",
    "Time": "0001-01-01T03:04:05.5",
    "Hash": "Af8=",
    "Five": 6,
    "Based": {"$type": "Derived", "Name": "n", "Extra": 3, "Att": 2},
    "Key": "00112233-4455-6677-8899-aabbccddeeff",
    "Price": "1.50",
    "Letter": "é",
    "Bytes": "YWJj",
    "When": "2026-01-02T03:04:05.1234567Z",
    "Ratio": -2.5e300,
    "Single": 0.1,
    "Big": -9223372036854775808,
    "Bigger": 18446744073709551615,
    "Small": -128,
    "Yes": True,
    "Empty": "",
    "Shape": {"$type": "Disc", "value": {"Radius": 1.5}},
    "Mixed": [1, "a", 2],
    "Numbered": 7,
    "Which": "second",
    "Anything": {"$type": "Quad", "value": {"Side": 2.0}},
}
HERE = Everything(
    Id="x",
    Tint=Tint.Red,
    Numbers=[1, 2, 3],
    Flag=True,
    Three=4,
    Marks=Marks.One | Marks.Four,
    Weight=4,
    WeightSpecified=True,
    Maybe=0,
    Note="<&>",
    Plain="p",
    Rows=["a", None, ""],
    Perhaps=[1, None],
    Grid=[[1], [2, 3], []],
    Day=DateTime(739_617 * DAY),
    Time=DateTime(110_455_000_000, DateTimeKind.LOCAL),
    Hash=b"\x01\xff",
    Five=6,
    Based=Derived(Name="n", Extra=3, Att=2),
    Key=uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"),
    Price=Decimal("1.50"),
    Letter="é",
    Bytes=b"abc",
    Ratio=-2.5e300,
    Big=-9223372036854775808,
    Bigger=18446744073709551615,
    Small=-128,
    Yes=True,
    Empty="",
    Shape=Disc(1.5),
    Mixed=[1, "a", 2],
    Numbered=7,
    Which=Which.second,
)


@pytest_twisted.async_yield_fixture(params=["binary", "text"])  # type: ignore[untyped-decorator]
async def shapes(
    request: pytest.FixtureRequest, more_client: DotNetClient
) -> AsyncIterator[Channel]:
    """A channel of Microsoft's client to IShapes, in either encoding."""
    from twisted.internet import reactor

    Shapes.seen.clear()
    encoding = BinaryEncoding() if request.param == "binary" else TextEncoding()
    host = ServiceHost(Shapes, reactor)
    address = f"net.tcp://127.0.0.1:{free_port()}/shapes"
    host.add_endpoint(IShapes, binding(encoding=encoding), address)
    await host.open()
    yield await more_client.open("IShapes", address, binding={"encoding": request.param})
    await host.close(1.0)


async def test_everything_of_microsofts_client(shapes: Channel) -> None:
    """Each member is read as what it is, and comes back as it was."""
    answer = await shapes.call("Echo", JSON)
    (seen,) = Shapes.seen
    for name, value in vars(HERE).items():
        if name not in ("When", "Single", "Anything"):
            assert getattr(seen, name) == value, name
    assert str(seen.When.to_datetime()) == "2026-01-02 03:04:05.123456+00:00"
    # A time is written with its offset, so that it comes back as a local one; and what is in an
    # object says its type.
    mixed = [{"$type": f"System.{kind}", "value": value} for kind, value in MIXED]
    time = "0001-01-01T03:04:05.5+00:00"
    assert answer == {**JSON, "Price": Decimal("1.5"), "Mixed": mixed, "Time": time}


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        ("Echo", None),
        ("EchoBase", None),
        ("EchoBase", {"Name": None}),
        ("EchoBase", {"$type": "Derived", "Name": "n", "Extra": 1, "Att": 2}),
        ("EchoText", {"Lang": "en", "Value": 1.5}),
        ("EchoText", {"Lang": None, "Value": 0.0}),
        ("EchoMaybe", None),
        ("EchoMaybe", 5),
        ("EchoNumbers", [1, 2]),
        ("EchoNumbers", []),
        ("EchoNumbers", None),
        ("EchoGrid", [["a"], [], ["b", "c"]]),
        ("EchoBare", {"Content": {"Name": "n"}, "Head": {"Lang": "x", "Value": 2.0}}),
        ("EchoBare", {"Content": None, "Head": None}),
    ],
)
async def test_echoes(shapes: Channel, operation: str, value: Any) -> None:
    """Derived types, texts, lists and nulls, wrapped and bare, come back as they were."""
    assert await shapes.call(operation, value) == value


async def test_several_parameters(shapes: Channel) -> None:
    """Several parameters and results have their names."""
    assert await shapes.call("Add", 40, 2) == 42


@pytest.mark.parametrize("kind", ["none", "text"])
async def test_client_with_mono(mono_server: StartMonoServer, kind: str) -> None:
    """Orders and their lines go to a service on Mono and come back."""
    from twisted.internet import reactor

    address = f"net.tcp://127.0.0.1:{free_port()}/xml"
    await mono_server(MonoEndpoint("IXml", address), name="mono", binding=kind)
    options: dict[str, Any] = {} if kind == "none" else {"encoding": TextEncoding()}
    factory = ChannelFactory(IXml, binding(**options), reactor)
    channel = factory.create_channel(address)
    order = Order(
        Id="o-1",
        Version=2,
        Lines=[OrderLine("a", "two"), OrderLine("b", "<&>")],
        Tags=["x", "y"],
        Placed=DateTime(739_617 * DAY),
        Size=Size.Large,
        Discount=Decimal("0.10"),
    )
    for one in (order, Order(), None):
        assert await channel.operations.EchoOrder(one) == one
    assert await channel.operations.EchoOrders([order, Order()]) == [order, Order()]
    for text in ("t", "", None):
        assert await channel.operations.EchoText(text) == text
    assert await channel.operations.EchoBytes(b"\0\1") == b"\0\1"
    await channel.close()
    await factory.close()
