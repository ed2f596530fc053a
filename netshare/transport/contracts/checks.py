"""
Checks of a whole contract, when it is served or called: every type in it, and what carries it out.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from types import MethodType
from typing import Any

from netshare.transport.contracts.decorators import OPERATION_NOTE
from netshare.transport.contracts.description import (
    ContractDescription,
    ContractError,
    OperationDescription,
)
from netshare.transport.datacontracts import InvalidDataContract, serializer_for
from netshare.transport.xmlserializer import XmlSerializer

__all__ = ["check_contract", "check_implementation"]


@functools.cache
def check_contract(contract: ContractDescription) -> None:
    """
    Resolve every type that a contract names, its callback contract's as well.

    :raises ContractError: one of them cannot travel; it names operation and parameter
    """
    for operation in contract.operations:
        for where, hint, xml_namespace in _hints(operation):
            try:
                if xml_namespace is None:
                    serializer_for(hint, operation.known_types).check()
                else:
                    XmlSerializer(hint, xml_namespace, operation.known_types)
            except InvalidDataContract as error:
                raise ContractError(
                    f"{contract.type.__name__}.{operation.method}: {where}: {error}"
                ) from None
    if contract.callback is not None:
        check_contract(contract.callback)


def _hints(operation: OperationDescription) -> Iterator[tuple[str, Any, str | None]]:
    """
    :returns: every type in an operation, where it stands, and where it is XmlSerializer's the
        namespace of types that say none
    """
    for message, kind in ((operation.request, "the parameter"), (operation.reply, "the result")):
        if message is None:
            continue
        for part in message.parts:
            if not part.is_stream:
                yield f"{kind} {part.member or part.name}", part.hint, message.xml_namespace
        for header in message.headers:
            yield f"the header {header.member}", header.hint, message.xml_namespace
    for fault in operation.faults:
        yield "faults", fault.detail, None
    for known in operation.known_types:
        yield "known_types", known, operation.request.xml_namespace


def check_implementation(contract: ContractDescription, implementation: Any) -> None:
    """
    :param implementation: the class, or the object, whose methods are called
    :raises ContractError: it lacks a method of the contract, or one of its methods cannot be
        called with the contract's parameters
    """
    cls = implementation if isinstance(implementation, type) else type(implementation)
    for operation in contract.operations:
        name = operation.method
        where = f"{cls.__name__} does not implement {contract.type.__name__}.{name}"
        method = getattr(implementation, name, None)
        stub = getattr(contract.type, name)
        if method is None:
            raise ContractError(where)
        same = getattr(method, "__func__", method) is stub
        if same and cls is not contract.type and hasattr(stub, OPERATION_NOTE):
            raise ContractError(f"{where}: what is there is the contract's own method")
        if not callable(method):
            raise ContractError(f"{where}: {name} is no method")
        _check_parameters(operation, implementation, method, where)


def _check_parameters(
    operation: OperationDescription, implementation: Any, method: Any, where: str
) -> None:
    names = list(operation.parameters.parameters)
    given: list[Any] = [None] * len(names)
    if isinstance(implementation, type):
        # Of a class the method is a plain function, unless it is static or the class's.
        plain = inspect.getattr_static(implementation, operation.method)
        if not isinstance(plain, staticmethod | classmethod):
            given.append(None)
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        if isinstance(method, MethodType):
            raise ContractError(f"{where}: the method takes no self") from None
        return  # something in C, which does not tell
    try:
        signature.bind(*given)
    except TypeError:
        raise ContractError(
            f"{where}: the method takes {signature}, and is called with "
            f"({', '.join(names)})" + (" after self" if len(given) > len(names) else "")
        ) from None
