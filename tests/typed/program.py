"""A program in the documented style. It is not run: ``mypy --strict`` has nothing to say of it."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar, assert_type

from netshare.transport import (
    ChannelFactory,
    ConcurrencyMode,
    FaultCode,
    FaultError,
    InstanceContextMode,
    Message,
    MessageHeader,
    NetTcpBinding,
    NetTcpClient,
    OperationContext,
    SecurityMode,
    ServiceHost,
    SessionMode,
    StreamSource,
    aio,
    body,
    data_contract,
    fault,
    header,
    member,
    message_contract,
    operation,
    service_behavior,
    service_contract,
)
from netshare.transport.datacontracts import (
    DateTime,
    DateTimeLike,
    DBNull,
    ExceptionInfo,
    Int64,
    KeyValuePair,
    TimeSpanLike,
    ValueTuple,
    XmlElement,
    collection_contract,
    data_contract_enum,
    ignored,
    on_deserialized,
    serializable,
)

T = TypeVar("T")


@data_contract_enum(namespace="urn:shop", members={"Sent": "OnItsWay"})
class State(enum.Enum):
    New = 0
    Sent = 1


@data_contract(namespace="urn:shop", struct=True)
class Point:
    X: int = 0
    Y: int = 0


@data_contract
class Result(Generic[T]):
    Value: T
    Error: str | None = None


@data_contract(namespace="urn:shop", known_types=lambda: (Gift,))
class Order:
    Number: Int64
    State: State = State.New
    Price: Decimal = member(order=1, default=Decimal(0))
    Where: Point = member(default_factory=Point)
    Extra: XmlElement | None = None
    Pair: KeyValuePair[str, int] | None = None
    Two: tuple[int, str] | None = None
    Cache: str = ignored(default="")

    @on_deserialized
    def _read(self) -> None:
        self.Cache = "read"


@data_contract(namespace="urn:shop")
class Gift(Order):
    Card: str | None = None


@collection_contract(namespace="urn:shop", item_name="Tag")
class Tags(list[str]):
    pass


@serializable(clr_namespace="Shop")
class SoldOut(ExceptionInfo):
    pass


@data_contract
class Problem:
    Reason: str | None = None


@message_contract(wrapper_name="Ask")
class Question:
    User: str | None = header(must_understand=True)
    Numbers: list[int] | None = header(array=True, default=None)
    Text: str | None = body(default=None)


class IProgress(Protocol):
    @operation(one_way=True)
    def Step(self, percent: int) -> None: ...


@service_contract
class ISimple(Protocol):
    @operation
    def Ping(self) -> None: ...


@service_contract(namespace="urn:shop", callback=IProgress, session_mode=SessionMode.REQUIRED)
class IShop(ISimple, Protocol):
    @operation(faults=[Problem, int, fault(SoldOut, name="Sold")], known_types=[list[int], DBNull])
    def Buy(self, order: Order | None, at: DateTimeLike, within: TimeSpanLike) -> Int64: ...
    @operation(out=("value",))
    def TryParse(self, text: str) -> tuple[bool, int]: ...
    @operation
    def Slow(self, n: int) -> int | Awaitable[int]: ...
    @operation
    async def LaterAsync(self, n: int) -> ValueTuple[int, str]: ...
    @operation
    def Wrap(self, value: Result[int]) -> Result[Point]: ...
    @operation
    def Upload(self, data: StreamSource) -> StreamSource: ...
    @operation
    def Ask(self, question: Question) -> Question: ...
    @operation(action="*", reply_action="*")
    def Other(self, message: Message) -> Message: ...


@service_behavior(
    concurrency_mode=ConcurrencyMode.REENTRANT,
    instance_context_mode=InstanceContextMode.PER_SESSION,
)
class Shop(IShop):
    def Ping(self) -> None:
        pass

    def Buy(self, order: Order | None, at: DateTimeLike, within: TimeSpanLike) -> int:
        OperationContext.current().callback.Step(5)
        if order is None:
            raise FaultError(Problem(Reason="what?"), "nothing to buy")
        if order.Number < 0:
            raise FaultError(reason="no", code=FaultCode("Negative", "urn:shop"))
        return order.Number

    def TryParse(self, text: str) -> tuple[bool, int]:
        return True, int(text)

    async def Slow(self, n: int) -> int:
        return n

    async def LaterAsync(self, n: int) -> tuple[int, str]:
        return n, "x"

    def Wrap(self, value: Result[int]) -> Result[Point]:
        return Result(Point(value.Value, 0))

    def Upload(self, data: StreamSource) -> StreamSource:
        return b"read"

    def Ask(self, question: Question) -> Question:
        trace = OperationContext.current().header("Trace", "urn:shop")
        return Question("me", Text=None if trace is None else trace.text)

    def Other(self, message: Message) -> Message:
        return message


class Progress:
    def Step(self, percent: int) -> None:
        pass


BINDING = NetTcpBinding(security=SecurityMode.NONE, max_received_message_size=1 << 20)
ADDRESS = "net.tcp://127.0.0.1:8808/shop"


async def serve(reactor: Any) -> None:
    async with ServiceHost(Shop, reactor) as host:
        host.add_endpoint(IShop, BINDING.but(port_sharing_enabled=True), ADDRESS)


def call() -> None:
    now = datetime.datetime.now()
    with NetTcpClient(IShop, ADDRESS, BINDING, callback=Progress()) as shop:
        assert_type(shop.Buy(Gift(5, Card="x"), now, datetime.timedelta(hours=1)), int)
        assert_type(shop.TryParse(text="17"), tuple[bool, int])
        assert_type(shop.Wrap(Result[int](5)).Value, Point)
        shop.Ping()
    client = NetTcpClient(IShop, ADDRESS, BINDING, callback=Progress())
    replies: list[Message] = []
    special = client.using([MessageHeader("Trace", "urn:shop", "1")], 5.0, replies)
    assert_type(special.Ask(Question("you")), Question)
    later: Any = client.operations
    later.LaterAsync(5)
    try:
        client.operations.Buy(None, DateTime.from_datetime(now), datetime.timedelta(0))
    except FaultError as error:
        problem: Problem = error.detail
        print(problem.Reason, error.reason, error.code.name)
    client.close()


async def call_with_asyncio() -> int:
    async with aio.NetTcpClient(IShop, ADDRESS, BINDING, callback=Progress()) as shop:
        number: int = await shop.Buy(None, 1, 2)
        return number


async def call_with_twisted(reactor: Any) -> int:
    factory = ChannelFactory(IShop, BINDING, reactor, callback=Progress())
    channel = factory.create_channel(ADDRESS)
    number: int = await channel.operations.Slow(5)
    await channel.close()
    await factory.close()
    return number


def values(moment: DateTime) -> None:
    assert_type(moment + datetime.timedelta(hours=1), DateTime)
    assert_type(SoldOut(Message="x"), SoldOut)
