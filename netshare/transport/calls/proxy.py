"""
Objects whose methods are the operations of a contract, carried out elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netshare.transport.contracts.description import ContractDescription, OperationDescription

__all__ = ["Proxy"]

#: Carries out an operation: the operation, its positional arguments, those by name.
Invoke = Callable[[OperationDescription, tuple[Any, ...], dict[str, Any]], Any]


class Proxy:
    """
    Has a method for each operation of a contract, made when it is first needed.

    :param contract: the contract
    :param invoke: carries an operation out; what it returns the method returns
    """

    def __init__(self, contract: ContractDescription, invoke: Invoke) -> None:
        self.__dict__["_contract"] = contract
        self.__dict__["_carry_out"] = invoke

    def __getattr__(self, name: str) -> Any:
        contract = self.__dict__["_contract"]
        for operation in contract.operations:
            if operation.method == name:
                method = self.__dict__[name] = _Method(operation, self.__dict__["_carry_out"])
                return method
        raise AttributeError(f"{contract.type.__name__} has no operation {name}")

    def __dir__(self) -> list[str]:
        operations = self.__dict__["_contract"].operations
        return [*super().__dir__(), *(operation.method for operation in operations)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.__dict__['_contract'].type.__name__}>"


class _Method:
    """One operation of a proxy."""

    def __init__(self, operation: OperationDescription, invoke: Invoke) -> None:
        self._operation = operation
        self._invoke = invoke
        self.__name__ = operation.method
        self.__signature__ = operation.parameters

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._invoke(self._operation, args, kwargs)
