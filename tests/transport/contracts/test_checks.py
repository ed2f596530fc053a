"""A contract is checked whole when it is served or called."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import pytest

from netshare.transport.contracts import (
    ContractError,
    describe,
    header,
    message_contract,
    operation,
    service_contract,
    xml_serializer_format,
)
from netshare.transport.contracts.checks import check_contract, check_implementation
from netshare.transport.datacontracts import data_contract, member
from netshare.transport.xmlserializer import xml_element


class Undecorated:
    pass


@data_contract
class Twice:
    a: int = member(name="X")
    b: int = member(name="X")


@data_contract(known_types=lambda: (Undecorated,))
class KnowsWrong:
    a: object


@message_contract
class Headed:
    When: datetime.date = header()


@data_contract
class Deep:
    inner: list[Deeper] | None


@data_contract
class Deeper:
    parts: dict[str, complex] | None


class ICallback:
    @operation
    def Back(self, a: Undecorated) -> None: ...


def parameter(self: Any, a: Undecorated) -> None: ...
def result(self: Any) -> int | str: ...
def in_list(self: Any, a: list[datetime.date]) -> None: ...
def duplicate(self: Any, a: Twice) -> None: ...
def deep(self: Any, a: Deep) -> None: ...
def known(self: Any, a: KnowsWrong) -> None: ...
def headed(self: Any, a: Headed) -> None: ...
def plain(self: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (parameter, {}, r"IBad\.Do: the parameter a: .*Undecorated.*@data_contract"),
        (result, {}, r"IBad\.Do: the result DoResult: .*unions"),
        (in_list, {}, r"IBad\.Do: the parameter a: .*declare DateTime"),
        (duplicate, {}, r"IBad\.Do: the parameter a: Twice has two members 'X'"),
        (deep, {}, r"IBad\.Do: the parameter a: .*Deep\.inner: .*Deeper\.parts: .*both parts"),
        (known, {}, r"IBad\.Do: the parameter a: .*Undecorated"),
        (headed, {}, r"IBad\.Do: the header When: .*declare DateTime"),
        (plain, {"faults": [Undecorated]}, "faults: .*Undecorated"),
        (plain, {"known_types": [Undecorated]}, "known_types: .*Undecorated"),
    ],
)
def test_types_that_cannot_travel(function: Any, options: Any, message: str) -> None:
    """Every type in a contract is resolved, however deep; the error names where it stands."""

    def bad() -> None:
        methods = {"Do": operation(name="Do", **options)(copy_of(function))}
        check_contract(describe(service_contract(type("IBad", (), methods))))

    with pytest.raises(TypeError, match=message):
        bad()


def copy_of(function: Any) -> Any:
    """A function that can be decorated for itself."""
    made = type(function)(function.__code__, function.__globals__, "Do")
    made.__annotations__ = dict(function.__annotations__)
    return made


def test_callback_contracts_as_well() -> None:
    """The types of a callback contract are checked with it."""

    @service_contract(callback=ICallback)
    class IGood:
        @operation
        def Do(self) -> None: ...

    with pytest.raises(ContractError, match=r"ICallback\.Back: the parameter a: .*Undecorated"):
        check_contract(describe(IGood))


@service_contract
class ITwo:
    @operation
    def Add(self, a: int, b: int) -> int: ...
    @operation
    def Nothing(self) -> None: ...


class Complete:
    def Add(self, a: int, b: int) -> int:
        return a + b

    def Nothing(self) -> None: ...


class Odd:
    @staticmethod
    def Add(*numbers: int) -> int:
        return sum(numbers)

    @classmethod
    def Nothing(cls, more: int = 0) -> None: ...


class TooFew(Complete):
    def Add(self, a: int) -> int:  # type: ignore[override]
        return a


class TooMany(Complete):
    def Add(self, a: int, b: int, c: int) -> int:  # type: ignore[override]
        return a + b + c


class ByName(Complete):
    def Add(self, a: int, b: int, *, c: int) -> int:  # type: ignore[override]
        return a + b + c


class NoSelf(Complete):
    def Nothing() -> None: ...  # type: ignore[misc]


class NoMethod(Complete):
    Nothing = 5  # type: ignore[assignment]


class Missing:
    def Add(self, a: int, b: int) -> int:
        return a + b


class Inherits(ITwo):
    def Add(self, a: int, b: int) -> int:
        return a + b


@pytest.mark.parametrize("cls", [Complete, Odd])
def test_implementations(cls: type) -> None:
    """A class or an instance with the methods is an implementation."""
    check_implementation(describe(ITwo), cls)
    check_implementation(describe(ITwo), cls())


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (TooFew, r"ITwo\.Add: the method takes .* and is called with \(a, b\)"),
        (TooMany, r"ITwo\.Add: the method takes"),
        (ByName, r"ITwo\.Add: the method takes"),
        (NoSelf, r"ITwo\.Nothing: the method takes (no self|\(\))"),
        (NoMethod, r"ITwo\.Nothing: Nothing is no method"),
        (Missing, r"Missing does not implement ITwo\.Nothing"),
        (Inherits, r"ITwo\.Nothing: what is there is the contract's own method"),
    ],
)
def test_no_implementations(cls: type, message: str) -> None:
    """A method that is missing or cannot be called so is told with its name."""
    for implementation in (cls, cls()):
        with pytest.raises(ContractError, match=message):
            check_implementation(describe(ITwo), implementation)


class Unmarked:
    pass


def test_types_of_the_other_serializer() -> None:
    """A contract with the format of XmlSerializer is checked by its rules."""

    @service_contract
    @xml_serializer_format
    class IXmlOnly:
        @operation
        def Choose(self, what: Annotated[int, xml_element()]) -> list[int]: ...

    check_contract(describe(IXmlOnly))

    @service_contract
    @xml_serializer_format
    class IBad:
        @operation
        def Do(self, what: Unmarked) -> None: ...

    with pytest.raises(ContractError, match=r"IBad\.Do: the parameter what: .*needs @xml_type"):
        check_contract(describe(IBad))
