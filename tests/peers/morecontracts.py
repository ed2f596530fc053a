"""
The contracts of MoreContracts.cs.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, Generic, TypeVar

from netshare.transport import FaultError
from netshare.transport.contracts import (
    body,
    fault,
    header,
    message_contract,
    operation,
    service_contract,
)
from netshare.transport.datacontracts import (
    DataSet,
    DateTime,
    DBNull,
    ExceptionInfo,
    KeyValuePair,
    ValueTuple,
    XmlContent,
    XmlElement,
    data_contract,
    member,
    serializable,
    xml_serializable,
)

__all__ = ["INames", "IOdd", "IValues", "Names", "Odd", "OddMessage", "OddNames", "Values"]

T = TypeVar("T")


@data_contract(namespace="urn:more", name="Odd names")
class OddNames:
    Blank: int = member(name="a b")
    Angle: str | None = member(name="<N>k__BackingField")
    First: int = member(name="1st")
    Plain: int = member(name="class")
    Size: int = member(name="größe")
    Encoded: int = member(name="_x0041_")


@message_contract(wrapper_name="W r")
class OddMessage:
    Head: str | None = header(name="h d")
    Numbers: list[int] | None = header(name="n s", array=True)
    Words: list[str | None] | None = header(array=True)
    List: list[int] | None = header()
    Body: int = body(name="b m")


@service_contract(namespace="urn:more", name="I Odd")
class IOdd:
    @operation(name="Do It!", names={"x": "a-b c", "y": "1st"}, result_name="r s")
    def DoIt(self, x: int, y: int) -> int: ...
    @operation
    def größe(self, ø: int) -> int: ...
    @operation(name="_x0041_")
    def Encoded(self, a: int) -> int: ...
    @operation(name="Fa il", faults=[fault(OddNames, name="F t")])
    def Fail(self, a: int) -> None: ...
    @operation
    def EchoNames(self, value: OddNames | None) -> OddNames | None: ...
    @operation
    def EchoList(self, value: list[OddNames] | None) -> list[OddNames] | None: ...
    @operation
    def EchoMessage(self, value: OddMessage) -> OddMessage: ...


class Odd(IOdd):
    def DoIt(self, x: int, y: int) -> int:
        return 10 * x + y

    def größe(self, ø: int) -> int:
        return ø

    def Encoded(self, a: int) -> int:
        return a

    def Fail(self, a: int) -> None:
        raise FaultError(OddNames(Blank=a, Angle="<>"), "as asked")

    def EchoNames(self, value: OddNames | None) -> OddNames | None:
        return value

    def EchoList(self, value: list[OddNames] | None) -> list[OddNames] | None:
        return value

    def EchoMessage(self, value: OddMessage) -> OddMessage:
        return value


@message_contract
class PlainMessage:
    Head: str | None = header()
    Numbers: list[int] | None = header(array=True)
    List: list[int] | None = header()
    Body: int = body()


@service_contract(namespace="urn:more")
class INames:
    @operation
    def größe(self, ø: int) -> int: ...
    @operation(name="_x0041_")
    def Encoded(self, a: int) -> int: ...
    @operation(faults=[OddNames])
    def Fail(self, a: int) -> None: ...
    @operation
    def EchoNames(self, value: OddNames | None) -> OddNames | None: ...
    @operation
    def EchoList(self, value: list[OddNames] | None) -> list[OddNames] | None: ...
    @operation
    def EchoMessage(self, value: PlainMessage) -> PlainMessage: ...


class Names(INames):
    def größe(self, ø: int) -> int:
        return ø

    def Encoded(self, a: int) -> int:
        return a

    def Fail(self, a: int) -> None:
        raise FaultError(OddNames(Blank=a, Angle="<>"), "as asked")

    def EchoNames(self, value: OddNames | None) -> OddNames | None:
        return value

    def EchoList(self, value: list[OddNames] | None) -> list[OddNames] | None:
        return value

    def EchoMessage(self, value: PlainMessage) -> PlainMessage:
        return value


@data_contract(namespace="urn:more", struct=True)
class Point:
    X: int
    Y: int


@data_contract(namespace="urn:more")
class Result(Generic[T]):
    Value: T
    Error: str | None


@data_contract(namespace="urn:more")
class Line:
    From: Point
    To: Point | None


@data_contract(namespace="urn:more", is_reference=True)
class RingNode:
    Name: str | None
    Next: RingNode | None


@data_contract(namespace="urn:more")
class Ring:
    first: RingNode | None


@xml_serializable(clr_namespace="Peers.More")
class Written(XmlContent):
    pass


@data_contract(namespace="urn:more")
class XmlBox:
    element: XmlElement | None
    written: Written | None
    set: DataSet | None


@serializable(clr_namespace="Peers.More")
class SoldOut(ExceptionInfo):
    pass


@data_contract(namespace="urn:more")
class ErrorBox:
    error: SoldOut | None


@data_contract(namespace="urn:more")
class NullBox:
    value: object


@data_contract(namespace="urn:more", known_types=[list[int], list[str], Point])
class AnyBox:
    Value: object


@service_contract(namespace="urn:more")
class IValues:
    @operation
    def EchoPoint(self, value: Point) -> Point: ...
    @operation
    def EchoLine(self, value: Line | None) -> Line | None: ...
    @operation
    def EchoResult(self, value: Result[int] | None) -> Result[int] | None: ...
    @operation
    def EchoPointResult(self, value: Result[Point] | None) -> Result[Point] | None: ...
    @operation
    def EchoPoints(self, value: list[Point | None] | None) -> list[Point | None] | None: ...
    @operation
    def EchoRing(self, value: Ring | None) -> Ring | None: ...
    @operation
    def EchoPair(self, value: KeyValuePair[str, int]) -> KeyValuePair[str, int]: ...
    @operation
    def EchoPairs(
        self, value: list[KeyValuePair[str, Point]] | None
    ) -> list[KeyValuePair[str, Point]] | None: ...
    @operation
    def EchoTuple(self, value: tuple[int, str] | None) -> tuple[int, str] | None: ...
    @operation
    def EchoValueTuple(self, value: ValueTuple[int, str]) -> ValueTuple[int, str]: ...
    @operation
    def EchoSet(self, value: set[str] | None) -> set[str] | None: ...
    @operation(known_types=[list[int], list[str], Result[int]])
    def EchoObject(self, value: object) -> object: ...
    @operation(known_types=[DBNull])
    def EchoNull(self, value: NullBox | None) -> NullBox | None: ...
    @operation
    def EchoAny(self, value: AnyBox | None) -> AnyBox | None: ...
    @operation
    def EchoXml(self, value: XmlBox | None) -> XmlBox | None: ...
    @operation
    def EchoError(self, value: ErrorBox | None) -> ErrorBox | None: ...
    @operation(name="None")
    def Nothing(self, what: str | None) -> int: ...
    @operation
    def NoDate(self, what: str | None) -> DateTime: ...
    @operation(
        faults=[
            int,
            str,
            uuid.UUID,
            Decimal,
            list[int],
            list[str],
            Point,
            bool,
            Result[int],
            dict[str, int],
        ]
    )
    def Fail(self, kind: str | None) -> None: ...


#: By its kind in C#: the detail.
DETAILS: dict[str, Any] = {
    "int": 7,
    "string": "seven",
    "guid": uuid.UUID(int=7),
    "decimal": Decimal("7.50"),
    "ints": [7, 8],
    "strings": ["seven", "eight"],
    "point": Point(7, 8),
    "bool": True,
    "result": Result[int](7),
    "map": {"seven": 7},
}


class Values(IValues):
    """Gives back what came; what it was is in :attr:`seen`."""

    seen: list[Any] = []

    def _echo(self, value: Any) -> Any:
        self.seen.append(value)
        return value

    EchoPoint = EchoLine = EchoResult = EchoPointResult = EchoPoints = EchoRing = _echo
    EchoPair = EchoPairs = EchoTuple = EchoValueTuple = EchoSet = EchoObject = EchoNull = _echo
    EchoAny = EchoXml = EchoError = _echo

    def Nothing(self, what: str | None) -> int:
        return None  # type: ignore[return-value]

    def NoDate(self, what: str | None) -> DateTime:
        return None  # type: ignore[return-value]

    def Fail(self, kind: str | None) -> None:
        raise FaultError(DETAILS[kind or ""], "as asked")
