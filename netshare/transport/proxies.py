"""
Objects whose methods are the operations of a contract, carried out elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netshare.transport.descriptions import ContractDescription, OperationDescription

__all__ = ["Proxy"]

#: Carries out an operation: the operation, its positional arguments, those by name.
Invoke = Callable[[OperationDescription, tuple[Any, ...], dict[str, Any]], Any]


class Proxy:
    """
    Has a method for each operation of a contract.

    :param contract: the contract
    :param invoke: carries an operation out; what it returns the method returns
    """

    def __init__(self, contract: ContractDescription, invoke: Invoke) -> None:
        self.__dict__.update(
            (operation.method, _Method(operation, invoke)) for operation in contract.operations
        )
        self.__dict__["_contract"] = contract

    def __getattr__(self, name: str) -> Any:
        contract = self.__dict__["_contract"]
        raise AttributeError(f"{contract.type.__name__} has no operation {name}")

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
