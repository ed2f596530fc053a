"""
Objects whose methods are the operations of a contract, carried out elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netshare.transport.contracts.description import ContractDescription, OperationDescription

__all__ = ["Proxy", "channel_of"]

#: Carries out an operation: the operation, its positional arguments, those by name.
Invoke = Callable[[OperationDescription, tuple[Any, ...], dict[str, Any]], Any]


class Proxy:
    """
    Has a method for each operation of a contract, made when it is first needed.

    :param contract: the contract
    :param invoke: carries an operation out; what it returns the method returns
    :param channel: through which, see :func:`channel_of`
    """

    def __init__(self, contract: ContractDescription, invoke: Invoke, channel: Any) -> None:
        self.__dict__["_channel"] = channel
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


def channel_of(operations: Any) -> Any:
    """
    The channel of an object whose methods are operations: of a client's, or of the callback object
    that a service sees. In WCF that is a cast, ``(ICommunicationObject)client``.

    :param operations: the object
    :returns: the :class:`~.interfaces.ICommunicationObject`: it has a ``state``, can be told to
        ``close()`` and ``abort()``, and tells ``on_closed(function)`` when it is over. Of a client
        that is no Twisted program's it is the client.
    :raises TypeError: it is no such object
    """
    if not isinstance(operations, Proxy):
        raise TypeError(f"operations of a client, or a callback object, not {operations!r}")
    return operations.__dict__["_channel"]
