"""
A WCF service in Python.

    python examples/calculator.py [ADDRESS] [--shared]

serves ``ICalculator`` at ADDRESS (net.tcp://127.0.0.1:8809/calculator if not given) until Ctrl-C;
with ``--shared`` behind the machine's shared port instead of opening the port itself.

``calculator_client.py`` is its client. ``csharp/Calculator.cs`` has the same contract in C#, with
``Client.cs`` and ``Service.cs``: any client talks to any service.
"""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver

from netshare.transport import (
    FaultError,
    NetTcpBinding,
    SecurityMode,
    ServiceHost,
    data_contract,
    operation,
    service_contract,
)

ADDRESS = "net.tcp://127.0.0.1:8809/calculator"
NAMESPACE = "urn:netshare:examples"


@data_contract(namespace=NAMESPACE)
class MathProblem:
    """The detail of a fault."""

    Operation: str | None
    Reason: str | None


@service_contract(namespace=NAMESPACE)
class ICalculator(Protocol):
    """What the service can do."""

    @operation
    def Add(self, a: float, b: float) -> float: ...

    @operation(faults=[MathProblem])
    def Divide(self, a: float, b: float) -> float: ...

    @operation(out=("remainder",))
    def DivideWhole(self, a: int, b: int) -> tuple[int, int]: ...

    @operation
    def Sum(self, values: list[float]) -> float: ...


class Calculator(ICalculator):
    """One instance for each session."""

    def Add(self, a: float, b: float) -> float:
        return a + b

    def Divide(self, a: float, b: float) -> float:
        if b == 0:
            raise FaultError(MathProblem(Operation="Divide", Reason="b is 0"), "cannot divide by 0")
        return a / b

    def DivideWhole(self, a: int, b: int) -> tuple[int, int]:
        return divmod(a, b)

    def Sum(self, values: list[float]) -> float:
        return sum(values)


async def main(reactor: Any, address: str = ADDRESS, *options: str) -> None:
    binding = NetTcpBinding(security=SecurityMode.NONE, port_sharing_enabled="--shared" in options)
    host = ServiceHost(Calculator, reactor)
    host.add_endpoint(ICalculator, binding, address)
    await host.open()
    reactor.addSystemEventTrigger("before", "shutdown", host.close)
    print(f"serving {address}; Ctrl-C ends it", flush=True)
    forever: Deferred[None] = Deferred()
    await forever


def arguments(given: Sequence[str]) -> list[str]:
    """The address in front of the options."""
    addresses = [one for one in given if not one.startswith("--")] or [ADDRESS]
    return [*addresses[:1], *(one for one in given if one.startswith("--"))]


if __name__ == "__main__":
    observer: Any = textFileLogObserver(sys.stderr)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    react(main, arguments(sys.argv[1:]))
