"""
The services of Services.cs in Python: the same answers, so that the same tests fit.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from netshare.transport.calls.context import OperationContext
from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    service_behavior,
)
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import CHUNK, Stream
from netshare.transport.soap import FaultCode, Message
from tests.peers.contracts import (
    IBasic,
    IData,
    IDuplex,
    ISession,
    IStreams,
    ITasks,
    IUntyped,
    IXml,
    UploadReply,
    UploadRequest,
)
from tests.peers.datatypes import Problem
from tests.peers.xmltypes import Order

_PATTERN = bytes(i * 31 & 0xFF for i in range(256)) * (CHUNK // 256)

_INTEGER = re.compile(r"\s*[+-]?\d+\s*")


def pattern(count: int) -> bytes:
    """Byte i is i * 31 & 255."""
    return (_PATTERN * (count // CHUNK + 1))[:count]


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Basic(IBasic):
    name = "python"
    notes: list[str | None] = []

    def Who(self) -> str:
        return self.name

    def Echo(self, text: str | None) -> str | None:
        return text

    def Add(self, a: int, b: int) -> int:
        # C#'s int wraps around.
        return (a + b + 2**31) % 2**32 - 2**31

    def Notify(self, text: str | None) -> None:
        self.notes.append(text)

    def Notified(self) -> list[str | None]:
        notes = list(self.notes)
        self.notes.clear()
        return notes

    def Nothing(self) -> None:
        pass

    def Where(self) -> str:
        context = OperationContext.current()
        return f"to={context.to} via={context.via} action={context.action}"

    def Sleep(self, milliseconds: int) -> Any:
        return deferLater(_reactor(), milliseconds / 1000, lambda: milliseconds)

    def Bytes(self, count: int) -> bytes:
        return pattern(count)

    def Count(self, data: bytes | None) -> int:
        return -1 if data is None else len(data)

    def Header(self, name: str, ns: str) -> str | None:
        found = OperationContext.current().header(name, ns)
        return None if found is None else found.text

    def Custom(self, q: str | None) -> str:
        return f"answer to {q}"

    def TryParse(self, text: str | None) -> tuple[bool, int]:
        if text is None or not _INTEGER.fullmatch(text) or not -(2**31) <= int(text) < 2**31:
            return False, 0
        return True, int(text)

    def Swap(self, a: str | None, b: str | None) -> tuple[str | None, str | None]:
        return b, a

    def Identity(self) -> str:
        identity = OperationContext.current().identity
        return "" if identity is None else identity.name

    def Fail(self, reason: str | None, code: int) -> None:
        raise FaultError(Problem(Reason=reason, Code=code), f"declared: {reason}")

    def FailUntyped(self, reason: str | None) -> None:
        raise FaultError(reason=reason or "", code=FaultCode("Teapot", "urn:peers:codes"))

    def FailInternal(self, reason: str | None) -> None:
        raise ValueError(reason)


def _echo(self: Any, value: Any) -> Any:
    return value


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Data:
    """Every operation gives back what it is given."""


for _name in dir(IData):
    if _name.startswith("Echo"):
        setattr(Data, _name, _echo)


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Streams(IStreams):
    async def Reverse(self, data: Stream) -> Any:
        return (await data.read())[::-1]

    def Download(self, count: int) -> Any:
        return _pieces(count)

    async def Upload(self, data: Stream) -> Any:
        return (await _drain(data))[0]

    async def UploadFile(self, request: UploadRequest) -> Any:
        received, checksum = await _drain(request.Data)
        return UploadReply(FileName=request.FileName, Received=received, Checksum=checksum)

    def Echo(self, text: str | None) -> str | None:
        return text


async def _pieces(count: int) -> AsyncIterator[bytes]:
    for at in range(0, count, CHUNK):
        yield _PATTERN[: min(CHUNK, count - at)]


async def _drain(stream: Stream) -> tuple[int, int]:
    count = total = 0
    async for piece in stream:
        count += len(piece)
        total += sum(piece)
    return count, (total + 2**31) % 2**32 - 2**31


@service_behavior(concurrency_mode=ConcurrencyMode.MULTIPLE)
class Duplex(IDuplex):
    def _report(self, job: str | None, steps: int) -> None:
        caller = OperationContext.current().callback
        for step in range(1, steps + 1):
            caller.Progress(100 * step // steps, f"{job} step {step}")

    def Work(self, job: str | None, steps: int) -> str:
        self._report(job, steps)
        return f"{job} done"

    def Start(self, job: str | None, steps: int) -> None:
        self._report(job, steps)

    async def WorkAndAsk(self, job: str | None) -> Any:
        answer = await OperationContext.current().callback.Ask(f"how about {job}?")
        return f"{job}: {answer}"


class Session(ISession):
    total = 0

    def Increment(self) -> int:
        self.total += 1
        return self.total

    def Total(self) -> int:
        return self.total

    def SessionId(self) -> str | None:
        return OperationContext.current().session_id

    def Finish(self) -> int:
        return self.total


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Tasks(ITasks):
    async def EchoAsync(self, text: str | None) -> str | None:
        await deferLater(_reactor(), 0)
        return text

    def NothingAsync(self) -> Deferred[None]:  # type: ignore[override]
        return succeed(None)

    async def SlowAsync(self, milliseconds: int) -> int:
        await deferLater(_reactor(), milliseconds / 1000)
        return milliseconds

    async def NotifyAsync(self, text: str | None) -> None:
        pass


@service_behavior(instance_context_mode=InstanceContextMode.PER_CALL)
class Xml(IXml):
    def EchoOrder(self, value: Order | None) -> Order | None:
        return value

    def EchoOrders(self, values: list[Order] | None) -> list[Order] | None:
        return values

    def EchoText(self, value: str | None) -> str | None:
        return value

    def EchoBytes(self, value: bytes | None) -> bytes | None:
        return value


@service_behavior(instance_context_mode=InstanceContextMode.PER_CALL)
class Untyped(IUntyped):
    def Process(self, request: Message) -> Message:
        return self._answer(request, "urn:peers:untyped/Processed")

    def Anything(self, request: Message) -> Message:
        return self._answer(request, f"{request.action}Reply")

    def _answer(self, request: Message, action: str) -> Message:
        return Message(action, request.body_element(), version=request.version)


SERVICES: dict[str, tuple[type, type]] = {
    "IBasic": (IBasic, Basic),
    "IData": (IData, Data),
    "IStreams": (IStreams, Streams),
    "IDuplex": (IDuplex, Duplex),
    "ISession": (ISession, Session),
    "ITasks": (ITasks, Tasks),
    "IUntyped": (IUntyped, Untyped),
    "IXml": (IXml, Xml),
}
"""By the contract's name: the contract and the service."""
