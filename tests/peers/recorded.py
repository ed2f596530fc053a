"""
The contracts of the recordings of tests/vectors that were not made with Contracts.cs, read off
their envelopes, and services that answer as the recorded ones did.

IEcho, IStreamEcho and IDuplexEcho are those of the recordings of Mono, IDemoService that of .NET
Framework's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from netshare.transport.calls.context import OperationContext
from netshare.transport.contracts.behavior import ConcurrencyMode, service_behavior
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.datacontracts import DateTime, Guid, data_contract, member
from netshare.transport.soap import FaultCode


@data_contract(namespace="urn:demo:types")
class Person:
    Name: str | None = member(order=0)
    Age: int = member(order=1)
    Born: DateTime = member(order=2)
    Tags: list[str | None] | None = member(order=3)
    Blob: bytes | None = member(order=4)
    Parent: Person | None = member(order=5)
    Score: float = member(order=6)
    Active: bool = member(order=7)
    Id: Guid = member(order=8)


@data_contract(namespace="urn:demo:types")
class EchoFault:
    Code: int
    Reason: str | None


@service_contract(namespace="urn:demo:echo")
class IEcho:
    @operation
    def Echo(self, text: str | None) -> str | None: ...
    @operation
    def Add(self, a: int, b: int) -> int: ...  # type: ignore[empty-body]
    @operation(one_way=True)
    def Notify(self, text: str | None) -> None: ...
    @operation
    def GetPerson(self, name: str | None, age: int) -> Person | None: ...
    @operation(faults=[EchoFault])
    def Fail(self, why: str | None) -> None: ...
    @operation
    def FailUntyped(self, why: str | None) -> None: ...
    @operation
    def Where(self) -> str | None: ...


@service_contract(namespace="urn:demo:stream")
class IStreamEcho:
    @operation
    def Echo(self, text: str | None) -> str | None: ...


class IProgress:
    @operation(one_way=True)
    def Progress(self, percent: int, note: str | None) -> None: ...
    @operation
    def Ask(self, question: str | None) -> str | None: ...


@service_contract(namespace="urn:demo:duplex", callback=IProgress)
class IDuplexEcho:
    @operation(one_way=True)
    def Start(self, job: str | None, steps: int) -> None: ...
    @operation
    def Work(self, job: str | None, steps: int) -> str | None: ...
    @operation
    def WorkAndAsk(self, job: str | None) -> str | None: ...


@service_contract(namespace="urn:DemoService")
class IDemoService:
    @operation
    def Echo(self, text: str | None) -> str | None: ...


def person(name: str | None, age: int) -> Person:
    """What GetPerson gives."""
    parent = Person()  # type: ignore[call-arg]  # what is left out has .NET's defaults
    parent.Name, parent.Age = f"{name} Sr.", age + 30
    return Person(
        Name=name,
        Age=age,
        Born=DateTime.from_datetime(datetime(2000, 1, 2, 3, 4, 5, tzinfo=UTC)),
        Tags=["a", "b", "é中"],
        Blob=b"\x00\x01\x02\xfd\xfe\xff",
        Parent=parent,
        Score=3.25,
        Active=True,
        Id=Guid("11111111-2222-3333-4444-555555555555"),
    )


class Echo(IEcho):
    #: What Where answers: the recorded service describes itself and the machine it ran on.
    where = ""

    def Echo(self, text: str | None) -> str | None:
        return text

    def Add(self, a: int, b: int) -> int:
        return a + b

    def Notify(self, text: str | None) -> None:
        pass

    def GetPerson(self, name: str | None, age: int) -> Person | None:
        return person(name, age)

    def Fail(self, why: str | None) -> None:
        raise FaultError(EchoFault(Code=42, Reason=why), f"typed fault: {why}", FaultCode.sender())

    def FailUntyped(self, why: str | None) -> None:
        # Something else than a fault was thrown. Mono's session goes on after that; .NET's ends, as
        # ours does, so that here it is a fault like what became of it.
        raise FaultError(reason=INTERNAL_ERROR, code=FaultCode.receiver())

    def Where(self) -> str | None:
        return self.where


class StreamEcho(IStreamEcho):
    def Echo(self, text: str | None) -> str | None:
        return text


@service_behavior(concurrency_mode=ConcurrencyMode.REENTRANT)
class DuplexEcho(IDuplexEcho):
    def _report(self, job: str | None, steps: int) -> None:
        for step in range(1, steps + 1):
            OperationContext.current().callback.Progress(100 * step // steps, job)

    def Start(self, job: str | None, steps: int) -> None:
        self._report(job, steps)

    def Work(self, job: str | None, steps: int) -> str | None:
        self._report(job, steps)
        return f"done:{job}"

    async def WorkAndAsk(self, job: str | None) -> Any:  # type: ignore[override]
        answer = await OperationContext.current().callback.Ask(f"what about {job}?")
        return f"answer={answer}"


class Demo(IDemoService):
    def Echo(self, text: str | None) -> str | None:
        return text


INTERNAL_ERROR = (
    "The server was unable to process the request due to an internal error.  "
    "The server may be able to return exception details (it depends on the server settings)."
)
"""What Mono says of it."""

SERVICES: dict[str, tuple[type, type]] = {
    "IEcho": (IEcho, Echo),
    "IStreamEcho": (IStreamEcho, StreamEcho),
    "IDuplexEcho": (IDuplexEcho, DuplexEcho),
    "IDemoService": (IDemoService, Demo),
}
"""By the contract's name: the contract and the service."""
