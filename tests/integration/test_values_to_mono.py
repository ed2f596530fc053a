"""Values of every kind, as services on Mono get them from Python and send them back."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport import FaultError
from netshare.transport.datacontracts import (
    DataSet,
    DBNull,
    KeyValuePair,
    ValueTuple,
    XmlElement,
)
from tests.integration.calling import OnMono
from tests.peers.fixtures import StartMonoServer
from tests.peers.morecontracts import (
    DETAILS,
    AnyBox,
    ErrorBox,
    INames,
    IValues,
    Line,
    NullBox,
    OddNames,
    PlainMessage,
    Point,
    Result,
    Ring,
    RingNode,
    SoldOut,
    Written,
    XmlBox,
)

POINT = Point(1, 2)
#: Operation and value.
ECHOES: list[tuple[str, Any]] = [
    ("EchoPoint", POINT),
    ("EchoLine", Line(POINT, None)),
    ("EchoLine", Line(Point(), POINT)),
    ("EchoLine", None),
    ("EchoResult", Result[int](5, None)),
    ("EchoPointResult", Result[Point](POINT, "e")),
    ("EchoPoints", [POINT, None]),
    ("EchoPair", KeyValuePair[str, int]("k", 1)),
    ("EchoPairs", [KeyValuePair[str, Point]("k", POINT)]),
    ("EchoTuple", (1, "x")),
    ("EchoTuple", None),
    ("EchoValueTuple", ValueTuple[int, str]((1, "x"))),
    ("EchoSet", {"a", "b"}),
    ("EchoObject", 5),
    ("EchoAny", AnyBox([1, 2])),
    ("EchoAny", AnyBox(["a", None])),
    ("EchoAny", AnyBox(POINT)),
    ("EchoAny", AnyBox(5)),
    ("EchoNull", NullBox(DBNull())),
    ("EchoNull", NullBox(None)),
]


@pytest.fixture(params=["none", "text"])
def on_mono(mono_server: StartMonoServer, request: pytest.FixtureRequest) -> OnMono:
    """Services on Mono, in either encoding."""
    return OnMono(mono_server, request.param)


async def test_values_come_back(on_mono: OnMono) -> None:
    """Values of all kinds come back as they went."""
    channel = await on_mono.channel(IValues, "IValues")
    for operation, value in ECHOES:
        assert await getattr(channel.operations, operation)(value) == value, operation
    await channel.close()


async def test_a_ring_comes_back(on_mono: OnMono) -> None:
    """Objects that refer to one another are the same objects there and back."""
    channel = await on_mono.channel(IValues, "IValues")
    nodes = [RingNode(name, None) for name in "abc"]
    for one, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        one.Next = following
    came = await channel.operations.EchoRing(Ring(nodes[0]))
    assert came.first.Next.Next.Next is came.first
    assert [came.first.Name, came.first.Next.Name, came.first.Next.Next.Name] == ["a", "b", "c"]
    await channel.close()


DATA_SET = """
<set xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:d="urn:schemas-microsoft-com:xml-diffgram-v1">
<xs:schema id="S" xmlns:m="urn:schemas-microsoft-com:xml-msdata">
<xs:element name="S" m:IsDataSet="true"><xs:complexType>
<xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="T"><xs:complexType><xs:sequence>
<xs:element name="A" type="xs:int" minOccurs="0"/>
</xs:sequence></xs:complexType></xs:element></xs:choice>
</xs:complexType></xs:element></xs:schema>
<d:diffgram><S xmlns=""><T d:id="T1"><A>1</A></T><T d:id="T2"><A>2</A></T></S></d:diffgram>
</set>
""".replace("\n", "")


async def test_xml_comes_back(on_mono: OnMono) -> None:
    """An element, what a type wrote itself, and a DataSet are what Mono makes of them."""
    channel = await on_mono.channel(IValues, "IValues")
    text = '<a x="1" xmlns="urn:a"><p:b p:y="2" xmlns:p="urn:p">t</p:b></a>'
    written = Written.from_text('<w k="v"><e xmlns="urn:e">w</e></w>')
    sent = XmlBox(XmlElement.from_text(text), written, DataSet.from_text(DATA_SET))
    came = await channel.operations.EchoXml(sent)
    assert came.element.to_text() == text
    # The class of the peers reads its attribute and its content, and writes them as an element.
    inner = 'v|&lt;e xmlns="urn:e"&gt;w&lt;/e&gt;'
    assert came.written.to_text("w") == f'<w k="v"><e xmlns="urn:e">{inner}</e></w>'
    rows = came.set.to_text()
    assert "<A>1</A>" in rows
    assert "<A>2</A>" in rows
    assert await channel.operations.EchoXml(XmlBox(None, None, None)) == XmlBox(None, None, None)
    await channel.close()


async def test_an_exception_comes_back(on_mono: OnMono) -> None:
    """What derives from Exception has its message and what the class adds."""
    channel = await on_mono.channel(IValues, "IValues")
    came = await channel.operations.EchoError(ErrorBox(SoldOut(Message="sold out", Code=7)))
    assert isinstance(came.error, SoldOut)
    assert (came.error["Message"], came.error["Code"]) == ("sold out", 7)
    await channel.close()


async def test_names(on_mono: OnMono) -> None:
    """Members of any name, and headers, have their values."""
    channel = await on_mono.channel(INames, "INames")
    names = OddNames(1, "<", 2, 3, 4, 5)
    assert await channel.operations.größe(5) == 5
    assert await channel.operations.EchoNames(names) == names
    assert await channel.operations.EchoList([names, None]) == [names, None]
    message = PlainMessage(Head="x", Numbers=None, List=[4, 5], Body=7)
    assert await channel.operations.EchoMessage(message) == message
    with pytest.raises(FaultError) as caught:
        await channel.operations.Fail(8)
    assert caught.value.detail == OddNames(Blank=8, Angle="<>")
    await channel.close()


async def test_details_of_simple_types(on_mono: OnMono) -> None:
    """A fault of Mono's with a detail of any type has that detail."""
    channel = await on_mono.channel(IValues, "IValues")
    for kind, detail in DETAILS.items():
        with pytest.raises(FaultError, match="as asked") as caught:
            await channel.operations.Fail(kind)
        assert caught.value.detail == detail, kind
    await channel.close()
