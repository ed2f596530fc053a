"""Values of every kind, as Microsoft's client and Mono's send them and get them back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.transport import ServiceHost
from netshare.transport.hosting.host import ServiceHost as Host
from tests.integration.calling import Peer
from tests.peers.child import PeerError
from tests.peers.drivers import Channel, free_port
from tests.peers.morecontracts import INames, IOdd, IValues, Names, Odd, Values

Open = Callable[[type, type], Awaitable[Channel]]


@pytest.fixture(params=["dotnet-binary", "dotnet-text", "mono-binary", "mono-text"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Which client calls, in which encoding."""
    return Peer.of(request)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def opened(peer: Peer) -> AsyncIterator[Open]:
    """Serves a contract and opens a channel of the client to it."""
    from twisted.internet import reactor

    hosts: list[Host] = []

    async def serve(contract: type, service: type) -> Channel:
        host = ServiceHost(service, reactor)
        hosts.append(host)
        address = f"net.tcp://127.0.0.1:{free_port()}/more"
        host.add_endpoint(contract, peer.binding_here, address)
        await host.open()
        return await peer.client.open(contract.__name__, address, binding=peer.binding)

    yield serve
    for host in hosts:
        await host.close(1.0)


NAMES = {"Blank": 1, "Angle": "<", "First": 2, "Plain": 3, "Size": 4, "Encoded": 5}


async def test_names_that_xml_does_not_have(opened: Open, peer: Peer) -> None:
    """Operations, parameters, members, headers and faults of any name have their values."""
    if peer.mono:
        with pytest.raises(PeerError, match="Invalid XML name"):
            await opened(IOdd, Odd)
        return
    channel = await opened(IOdd, Odd)
    assert await channel.call("DoIt", 3, 4) == 34
    assert await channel.call("größe", 5) == 5
    assert await channel.call("Encoded", 6) == 6
    assert await channel.call("EchoNames", NAMES) == NAMES
    assert await channel.call("EchoList", [NAMES, None]) == [NAMES, None]
    message = {"Head": "x", "Numbers": [1, 2], "Words": ["a", None], "List": [4, 5], "Body": 7}
    assert await channel.call("EchoMessage", message) == message
    bare = await channel.call("EchoMessage", {"Body": 7})
    assert bare == {"Head": None, "Numbers": None, "Words": None, "List": None, "Body": 7}
    with pytest.raises(PeerError) as caught:
        await channel.call("Fail", 8)
    assert caught.value.error["action"] == "urn:more/I_x0020_Odd/Fa ilF t"
    assert caught.value.error["detail"]["Blank"] == 8


async def test_names_that_mono_has(opened: Open, peer: Peer) -> None:
    """Members of any name, headers and arrays of headers, where the contract's names are XML's."""
    channel = await opened(INames, Names)
    assert await channel.call("größe", 5) == 5
    if peer.mono:  # its action has the name as it is written, .NET's what it stands for
        with pytest.raises(PeerError, match="urn:more/INames/_x0041_"):
            await channel.call("Encoded", 6)
    else:
        assert await channel.call("Encoded", 6) == 6
    assert await channel.call("EchoNames", NAMES) == NAMES
    assert await channel.call("EchoList", [NAMES, None]) == [NAMES, None]
    message = {"Head": "x", "Numbers": [1, 2], "List": [4, 5], "Body": 7}
    if peer.mono:  # MessageHeaderArray is to it one header with all items
        with pytest.raises(PeerError, match="Numbers: Text was expected, not the element 'int'"):
            await channel.call("EchoMessage", message)
        message["Numbers"] = None
    assert await channel.call("EchoMessage", message) == message
    with pytest.raises(PeerError) as caught:
        await channel.call("Fail", 8)
    assert caught.value.error["detail"]["Blank"] == 8


INTS = "System.Collections.Generic.List`1[System.Int32]"
STRINGS = "System.Collections.Generic.List`1[System.String]"
#: Operation and value.
ECHOES: list[tuple[str, Any]] = [
    ("EchoPoint", {"X": 1, "Y": 2}),
    ("EchoLine", {"From": {"X": 1, "Y": 2}, "To": None}),
    ("EchoLine", {"From": {"X": 0, "Y": 0}, "To": {"X": 3, "Y": 4}}),
    ("EchoResult", {"Value": 5, "Error": None}),
    ("EchoPointResult", {"Value": {"X": 1, "Y": 2}, "Error": "e"}),
    ("EchoPoints", [{"X": 1, "Y": 2}, None]),
    ("EchoPair", {"Key": "k", "Value": 1}),
    ("EchoPairs", [{"Key": "k", "Value": {"X": 1, "Y": 2}}]),
    ("EchoTuple", {"Item1": 1, "Item2": "x"}),
    ("EchoTuple", None),
    ("EchoValueTuple", {"Item1": 1, "Item2": "x"}),
    ("EchoSet", ["a", "b"]),
    ("EchoObject", {"$type": INTS, "value": [1]}),
    ("EchoObject", {"$type": STRINGS, "value": ["a"]}),
    ("EchoAny", {"Value": {"$type": INTS, "value": [1]}}),
    ("EchoAny", {"Value": {"$type": STRINGS, "value": ["a"]}}),
    ("EchoAny", {"Value": {"$type": "Point", "value": {"X": 1, "Y": 2}}}),
    ("EchoAny", {"Value": {"$type": "System.Int32", "value": 1}}),
    ("EchoNull", {"IsDBNull": True}),
    ("EchoNull", {"IsDBNull": False}),
    ("EchoError", {"Said": "sold out 7"}),
]


def value_of(answer: Any) -> Any:
    """What the object is, without its type, which each client calls by another name."""
    return answer["value"]


async def test_values_come_back(opened: Open, peer: Peer) -> None:
    """Values of all kinds come back as they went, and nil where nothing was said."""
    channel = await opened(IValues, Values)
    for operation, value in ECHOES:
        if operation == "EchoObject" and peer.mono:
            continue  # see test_known_types_of_operations_on_mono
        sent = {"Said": "sold out"} if operation == "EchoError" else value
        came = await channel.call(operation, sent)
        if operation == "EchoSet":
            came = sorted(came)
        if operation == "EchoObject":
            came, value = value_of(came), value_of(value)
        if operation == "EchoAny":
            came, value = value_of(came["Value"]), value_of(value["Value"])
        assert came == value, operation


@pytest.mark.parametrize("peer", ["mono-binary"], indirect=True)
async def test_known_types_of_operations_on_mono(opened: Open) -> None:
    """Mono's client does not look at ServiceKnownType: it sends no list as an object by itself."""
    channel = await opened(IValues, Values)
    with pytest.raises(PeerError, match=r"ArrayOfint.* is not expected"):
        await channel.call("EchoObject", {"$type": INTS, "value": [1]})


async def test_a_ring_comes_back(opened: Open) -> None:
    """Objects that refer to one another are the same objects there and back."""
    channel = await opened(IValues, Values)
    Values.seen.clear()
    assert await channel.call("EchoRing", {"Names": "a b c"}) == {"Names": "a b c ->a"}
    (seen,) = Values.seen
    assert seen.first.Next.Next.Next is seen.first


async def test_xml_comes_back(opened: Open) -> None:
    """An element, what a type wrote itself, and a DataSet go back as they came."""
    channel = await opened(IValues, Values)
    Values.seen.clear()
    xml = '<a x="1" xmlns="urn:a"><p:b p:y="2" xmlns:p="urn:p">t</p:b></a>'
    came = await channel.call("EchoXml", {"Element": xml, "Written": "w", "Rows": [1, 2]})
    assert came["Element"] == xml
    assert came["Written"] == 'v|<e xmlns="urn:e">w</e>'
    assert came["Rows"] == [1, 2]
    (seen,) = Values.seen
    assert "<A>2</A>" in seen.set.to_text().replace(' xmlns=""', "")
    empty = await channel.call("EchoXml", {"Written": "w"})
    assert (empty["Element"], empty["Rows"]) == (None, None)


async def test_details_of_simple_types(opened: Open) -> None:
    """A fault's detail of any type is that of .NET's FaultException of the type."""
    channel = await opened(IValues, Values)
    for kind, name, detail in (
        ("int", "Int32", 7),
        ("string", "String", "seven"),
        ("guid", "Guid", "00000000-0000-0000-0000-000000000007"),
        ("decimal", "Decimal", 7.5),
        ("ints", "Int32[]", [7, 8]),
        ("strings", "String[]", ["seven", "eight"]),
        ("point", "Point", {"X": 7, "Y": 8}),
        ("bool", "Boolean", True),
        ("result", "Result`1", {"Value": 7, "Error": None}),
        ("map", "Dictionary`2", {"seven": 7}),
    ):
        with pytest.raises(PeerError) as caught:
            await channel.call("Fail", kind)
        error = caught.value.error
        assert error["type"] == f"FaultException<{name}>", kind
        assert error["detail"] == detail, kind


@pytest.mark.parametrize("operation", ["None", "NoDate"])
async def test_a_forgotten_return(opened: Open, operation: str) -> None:
    """None where .NET has no null is a fault for the client, and no value."""
    channel = await opened(IValues, Values)
    with pytest.raises(PeerError) as caught:
        await channel.call(operation, "x")
    assert "InternalServiceFault" in str(caught.value.error)
