"""The service contracts of Contracts.cs in Python. Their data are in datatypes and xmltypes."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, get_type_hints

from netshare.transport.contracts.decorators import (
    SessionMode,
    body,
    header,
    message_contract,
    operation,
    service_contract,
    xml_serializer_format,
)
from netshare.transport.contracts.streams import Stream
from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeOffset,
    Int16,
    Int64,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
)
from netshare.transport.soap import Message
from tests.peers.datatypes import (
    Basket,
    Colour,
    Everything,
    Node,
    Page,
    Person,
    Problem,
    Rights,
    Shape,
)
from tests.peers.xmltypes import Order


@message_contract(wrapper_name="UploadRequest", wrapper_namespace="urn:peers:stream")
class UploadRequest:
    FileName: str | None = header(namespace="urn:peers:stream")
    Length: Int64 = header(namespace="urn:peers:stream", must_understand=True, default=0)
    Data: Stream = body(namespace="urn:peers:stream")


@message_contract(wrapper_name="UploadReply", wrapper_namespace="urn:peers:stream")
class UploadReply:
    FileName: str | None = header(namespace="urn:peers:stream")
    Received: Int64 = body(namespace="urn:peers:stream", default=0)
    Checksum: int = body(namespace="urn:peers:stream", default=0)


@service_contract(namespace="urn:peers:basic")
class IBasic:
    @operation
    def Who(self) -> str: ...
    @operation
    def Echo(self, text: str | None) -> str | None: ...
    @operation
    def Add(self, a: int, b: int) -> int: ...
    @operation(one_way=True)
    def Notify(self, text: str | None) -> None: ...
    @operation
    def Notified(self) -> list[str | None]: ...
    @operation
    def Nothing(self) -> None: ...
    @operation
    def Where(self) -> str: ...
    @operation
    def Sleep(self, milliseconds: int) -> int: ...
    @operation
    def Bytes(self, count: int) -> bytes: ...
    @operation
    def Count(self, data: bytes | None) -> int: ...
    @operation
    def Header(self, name: str, ns: str) -> str | None: ...
    @operation(
        action="urn:custom/in",
        reply_action="urn:custom/out",
        name="Renamed",
        names={"q": "Question"},
        result_name="Answer",
    )
    def Custom(self, q: str | None) -> str: ...
    @operation(out=("value",))
    def TryParse(self, text: str | None) -> tuple[bool, int]: ...
    @operation(out=("a", "b"))
    def Swap(self, a: str | None, b: str | None) -> tuple[str | None, str | None]: ...
    @operation
    def Identity(self) -> str: ...
    @operation(faults=[Problem])
    def Fail(self, reason: str | None, code: int) -> None: ...
    @operation
    def FailUntyped(self, reason: str | None) -> None: ...
    @operation
    def FailInternal(self, reason: str | None) -> None: ...


@service_contract(namespace="urn:peers:xml")
@xml_serializer_format
class IXml:
    @operation
    def EchoOrder(self, value: Order | None) -> Order | None: ...
    @operation
    def EchoOrders(self, values: list[Order] | None) -> list[Order] | None: ...
    @operation
    def EchoText(self, value: str | None) -> str | None: ...
    @operation
    def EchoBytes(self, value: bytes | None) -> bytes | None: ...


@service_contract(namespace="urn:peers:data")
class IData:
    @operation
    def EchoEverything(self, value: Everything | None) -> Everything | None: ...
    @operation
    def EchoPerson(self, value: Person | None) -> Person | None: ...
    @operation
    def EchoShape(self, value: Shape | None) -> Shape | None: ...
    @operation
    def EchoShapes(self, values: list[Shape | None] | None) -> list[Shape | None] | None: ...
    @operation(known_types=(Person, Basket))
    def EchoObject(self, value: object) -> object: ...
    @operation
    def EchoNode(self, value: Node | None) -> Node | None: ...
    @operation
    def EchoBasket(self, value: Basket | None) -> Basket | None: ...
    @operation
    def EchoPage(self, value: Page[Person] | None) -> Page[Person] | None: ...
    @operation
    def EchoPeople(self, value: dict[str, Person] | None) -> dict[str, Person] | None: ...
    @operation
    def EchoBool(self, value: bool) -> bool: ...
    @operation
    def EchoByte(self, value: Byte) -> Byte: ...
    @operation
    def EchoSByte(self, value: SByte) -> SByte: ...
    @operation
    def EchoShort(self, value: Int16) -> Int16: ...
    @operation
    def EchoUShort(self, value: UInt16) -> UInt16: ...
    @operation
    def EchoInt(self, value: int) -> int: ...
    @operation
    def EchoUInt(self, value: UInt32) -> UInt32: ...
    @operation
    def EchoLong(self, value: Int64) -> Int64: ...
    @operation
    def EchoULong(self, value: UInt64) -> UInt64: ...
    @operation
    def EchoFloat(self, value: Single) -> Single: ...
    @operation
    def EchoDouble(self, value: float) -> float: ...
    @operation
    def EchoDecimal(self, value: Decimal) -> Decimal: ...
    @operation
    def EchoChar(self, value: Char) -> Char: ...
    @operation
    def EchoDateTime(self, value: DateTime) -> DateTime: ...
    @operation
    def EchoDateTimeOffset(self, value: DateTimeOffset) -> DateTimeOffset: ...
    @operation
    def EchoTimeSpan(self, value: TimeSpan) -> TimeSpan: ...
    @operation
    def EchoGuid(self, value: uuid.UUID) -> uuid.UUID: ...
    @operation
    def EchoUri(self, value: Uri | None) -> Uri | None: ...
    @operation
    def EchoBytes(self, value: bytes | None) -> bytes | None: ...
    @operation
    def EchoColour(self, value: Colour) -> Colour: ...
    @operation
    def EchoRights(self, value: Rights) -> Rights: ...
    @operation
    def EchoMaybeInt(self, value: int | None) -> int | None: ...
    @operation
    def EchoInts(self, value: list[int] | None) -> list[int] | None: ...
    @operation
    def EchoDoubles(self, value: list[float] | None) -> list[float] | None: ...
    @operation
    def EchoStrings(self, value: list[str | None] | None) -> list[str | None] | None: ...
    @operation
    def EchoJagged(self, value: list[list[int] | None] | None) -> list[list[int] | None] | None: ...


#: By operation of IData: the type of its parameter and result.
DATA_TYPES: dict[str, Any] = {
    name: get_type_hints(method, include_extras=True)["return"]
    for name, method in vars(IData).items()
    if name.startswith("Echo")
}


@service_contract(namespace="urn:peers:stream")
class IStreams:
    @operation
    def Reverse(self, data: Stream) -> Stream: ...
    @operation
    def Download(self, count: Int64) -> Stream: ...
    @operation
    def Upload(self, data: Stream) -> Int64: ...
    @operation
    def UploadFile(self, request: UploadRequest) -> UploadReply: ...
    @operation
    def Echo(self, text: str | None) -> str | None: ...


class IProgress:
    @operation(one_way=True)
    def Progress(self, percent: int, note: str | None) -> None: ...
    @operation
    def Ask(self, question: str | None) -> str | None: ...


@service_contract(namespace="urn:peers:duplex", callback=IProgress)
class IDuplex:
    @operation
    def Work(self, job: str | None, steps: int) -> str: ...
    @operation(one_way=True)
    def Start(self, job: str | None, steps: int) -> None: ...
    @operation
    def WorkAndAsk(self, job: str | None) -> str: ...


@service_contract(namespace="urn:peers:session", session_mode=SessionMode.REQUIRED)
class ISession:
    @operation
    def Increment(self) -> int: ...
    @operation(is_initiating=False)
    def Total(self) -> int: ...
    @operation
    def SessionId(self) -> str | None: ...
    @operation(is_initiating=False, is_terminating=True)
    def Finish(self) -> int: ...


@service_contract(namespace="urn:peers:async")
class ITasks:
    @operation
    async def EchoAsync(self, text: str | None) -> str | None: ...
    @operation
    async def NothingAsync(self) -> None: ...
    @operation
    async def SlowAsync(self, milliseconds: int) -> int: ...
    @operation(one_way=True)
    async def NotifyAsync(self, text: str | None) -> None: ...


@service_contract(namespace="urn:peers:untyped")
class IUntyped:
    @operation(action="urn:peers:untyped/Process", reply_action="urn:peers:untyped/Processed")
    def Process(self, request: Message) -> Message: ...
    @operation(action="*", reply_action="*")
    def Anything(self, request: Message) -> Message: ...
