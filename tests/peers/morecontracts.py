"""
The contracts of MoreContracts.cs.
"""

from __future__ import annotations

from netshare.transport import FaultError
from netshare.transport.contracts import (
    body,
    fault,
    header,
    message_contract,
    operation,
    service_contract,
)
from netshare.transport.datacontracts import data_contract, member

__all__ = ["IOdd", "Odd", "OddMessage", "OddNames"]


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
