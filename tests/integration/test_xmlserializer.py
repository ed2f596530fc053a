"""Contracts with XmlSerializerFormat, with both clients and with services on Mono."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.transport import (
    ServiceHost,
    operation,
    service_contract,
)
from netshare.transport.contracts import xml_serializer_format
from netshare.transport.datacontracts import DateTime, DateTimeKind
from netshare.transport.xml import as_datetime
from tests.integration.calling import OnMono, Peer
from tests.peers.child import PeerError
from tests.peers.contracts import IXml
from tests.peers.drivers import Channel, free_port
from tests.peers.fixtures import StartMonoServer
from tests.peers.morexml import (
    Base,
    Derived,
    Disc,
    Everything,
    IShapes,
    Marks,
    Quad,
    Shapes,
    Texted,
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


@service_contract(name="IShapes", namespace="urn:shapes")
@xml_serializer_format
class IShapesOfMono(IShapes):
    """Mono does not number the names of lists of lists, as .NET does."""

    @operation
    def EchoGrid(self, values: list[list[str]] | None) -> list[list[str]] | None: ...


class ShapesOfMono(Shapes, IShapesOfMono):
    pass


@pytest.fixture(params=["dotnet-binary", "dotnet-text", "mono-binary", "mono-text"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Which client calls, in which encoding."""
    return Peer.of(request)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def shapes(peer: Peer) -> AsyncIterator[Channel]:
    """A channel of the client to IShapes."""
    from twisted.internet import reactor

    Shapes.seen.clear()
    host = ServiceHost(ShapesOfMono if peer.mono else Shapes, reactor)
    contract = IShapesOfMono if peer.mono else IShapes
    address = f"net.tcp://127.0.0.1:{free_port()}/shapes"
    host.add_endpoint(contract, peer.binding_here, address)
    await host.open()
    yield await peer.client.open("IShapes", address, binding=peer.binding)
    await host.close(1.0)


async def test_everything(shapes: Channel, peer: Peer) -> None:
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
    single = 0.10000000149011612 if peer.mono else 0.1
    changed = {"Price": Decimal("1.5"), "Mixed": mixed, "Time": time, "Single": single}
    assert answer == {**JSON, **changed}


#: Operation and value.
ECHOES: list[tuple[str, Any]] = [
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
]


async def test_echoes(shapes: Channel, peer: Peer) -> None:
    """Derived types, texts, lists and nulls, wrapped and bare, come back as they were."""
    for name, value in ECHOES:
        if name == "EchoBare" and peer.mono:
            continue  # see test_bare_messages_on_mono
        assert await shapes.call(name, value) == value, (name, value)


@pytest.mark.parametrize("peer", ["mono-binary"], indirect=True)
async def test_bare_messages_on_mono(shapes: Channel) -> None:
    """Mono's client has no message contracts with XmlSerializerFormat, wrapped or bare."""
    with pytest.raises(PeerError, match="Object reference not set"):
        await shapes.call("EchoBare", {"Content": {"Name": "n"}})


async def test_several_parameters(shapes: Channel) -> None:
    """Several parameters and results have their names."""
    assert await shapes.call("Add", 40, 2) == 42
    assert (await shapes.exchange("Swap", "7", 8))["out"] == {"a": "8", "b": 7}


@pytest.fixture(params=["none", "text"])
def on_mono(mono_server: StartMonoServer, request: pytest.FixtureRequest) -> OnMono:
    """Services on Mono, in either encoding."""
    return OnMono(mono_server, request.param)


async def test_orders_to_mono(on_mono: OnMono) -> None:
    """Orders and their lines go to a service on Mono and come back."""
    channel = await on_mono.channel(IXml, "IXml")
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


async def test_everything_to_mono(on_mono: OnMono) -> None:
    """Each member is read by Mono as what it is, and comes back as it was."""
    channel = await on_mono.channel(IShapesOfMono, "IShapes")
    call = channel.operations
    moment = as_datetime("2026-01-02T03:04:05.1234567Z")
    sent = replace(HERE, When=moment, Single=0.5, Anything=Quad(2.0))
    assert await call.Echo(sent) == sent
    assert await call.Echo(None) is None
    for base in (None, Base(None), Derived(Name="n", Extra=1, Att=2)):
        assert await call.EchoBase(base) == base
    for text in (Texted("en", 1.5), Texted(None, 0.0)):
        assert await call.EchoText(text) == text
    for maybe in (None, 5):
        assert await call.EchoMaybe(maybe) == maybe
    for numbers in (None, [], [1, 2]):
        assert await call.EchoNumbers(numbers) == numbers
    grid = [["a"], [], ["b", "c"]]
    assert await call.EchoGrid(grid) == grid
    assert await call.Add(40, 2) == 42
    assert await call.Swap("7", 8) == ("8", 7)
    await channel.close()
