"""
Known types: what may stand where another type, or ``object``, is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.declarations import ContractInfo, info_of
from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.references import References
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.datacontracts.scalars import SCALARS, scalar_of_value
from netshare.transport.datacontracts.simple import ScalarContract
from netshare.transport.datacontracts.types import TypeContract

__all__ = ["KnownTypes", "known_types_of"]

_known_types: dict[Any, KnownTypes] = {}

_SCALAR_CONTRACTS = {id(s): ScalarContract(s) for s in SCALARS.values()}
_SCALARS_BY_NAME: dict[tuple[str, str], TypeContract] = {
    key: _SCALAR_CONTRACTS[id(s)] for key, s in SCALARS.items()
}


class KnownTypes:
    """
    The types one serializer knows besides .NET's simple ones.

    :param contracts: theirs. Of several with the same Python class the first counts for writing
        that can be the type of the value
    :param preserves: whether objects are referred to, see :class:`~.references.References`
    """

    __slots__ = ("_by_class", "_by_name", "_preserves", "references")

    def __init__(self, contracts: Iterable[TypeContract] = (), preserves: bool = False) -> None:
        self._by_class: dict[type, list[TypeContract]] = {}
        self._by_name: dict[tuple[str, str], TypeContract] = dict(_SCALARS_BY_NAME)
        for contract in contracts:
            self._by_name.setdefault(contract.key, contract)
            for cls in contract.python_types():
                self._by_class.setdefault(cls, []).append(contract)
        self._preserves = preserves
        self.references: References | None = None

    def for_document(self) -> KnownTypes:
        """:returns: the same, for one document: with the objects in it, if any are referred to."""
        if not self._preserves:
            return self
        own = copy(self)
        own.references = References()
        return own

    def of_value(self, value: Any, declared: TypeContract) -> TypeContract:
        """
        :param value: what is to be written
        :param declared: where it stands
        :returns: its type
        :raises UnencodableValue: it is not known
        """
        contract = self._by_class_of(value)
        if contract is None and declared.builtin:
            scalar = scalar_of_value(value)
            if scalar is not None:
                return _SCALAR_CONTRACTS[id(scalar)]
        if contract is None or not fits(contract, declared):
            raise UnencodableValue(
                f"{type(value).__name__} is no {declared.clr}, or not known as one; "
                "types derived from the declared one have to be named in known_types"
            )
        return contract

    def _by_class_of(self, value: Any) -> TypeContract | None:
        candidates = self._by_class.get(type(value))
        if candidates is None:
            return None
        if len(candidates) == 1:
            return candidates[0]
        # Such as list[int] and list[str]: what is in it decides.
        found = next((one for one in candidates if one.could_be(value)), None)
        if found is None:
            names = ", ".join(one.name for one in candidates)
            raise UnencodableValue(f"{type(value).__name__} with such content is none of {names}")
        return found

    def of_name(self, named: tuple[str, str], declared: TypeContract) -> TypeContract:
        """
        :param named: namespace and name that an element says to be of
        :param declared: what its place is declared to be
        :returns: the type
        :raises DeserializationFailed: it is not known, or cannot be there
        """
        contract = self._by_name.get(named)
        if contract is None:
            raise DeserializationFailed(
                f"the type '{named[1]}' from namespace '{named[0]}' is not known; "
                "it has to be named in known_types"
            )
        if not fits(contract, declared):
            raise DeserializationFailed(
                f"the type '{named[1]}' from namespace '{named[0]}' is no {declared.clr}"
            )
        return contract


def fits(contract: TypeContract, declared: TypeContract) -> bool:
    """:returns: whether a value of one type may stand where another is declared."""
    if contract is declared or (declared.builtin and declared.name == "anyType"):
        return True
    classes = declared.python_types()
    # Types of one class in Python (list[int], list[str]) do not stand for one another.
    return any(issubclass(cls, classes) and cls not in classes for cls in contract.python_types())


def known_types_of(hint: Any, known: Sequence[Any]) -> KnownTypes:
    """
    :param hint: the annotation of a parameter
    :param known: types that are known wherever it appears
    :returns: these and all that the types inside name as known; the same object for the same types
    :raises InvalidDataContract: one of them is no contract
    """
    root = contract_of(hint)
    named = [contract_of(k) for k in known]
    result: list[TypeContract] = []
    seen: set[int] = set()
    preserves = False
    waiting = [(root, False), *((contract, True) for contract in named)]
    while waiting:
        contract, is_known = waiting.pop(0)
        if is_known and contract not in result:
            result.append(contract)
        if id(contract) in seen:
            continue
        seen.add(id(contract))
        preserves = preserves or contract.is_reference
        waiting.extend((part, False) for part in contract.parts())
        if isinstance(contract, ClassContract):
            for base in contract.cls.__mro__:
                info = info_of(base)
                if isinstance(info, ContractInfo):
                    types_ = info.known_types() if callable(info.known_types) else info.known_types
                    waiting.extend((contract_of(t), True) for t in types_)
    key = preserves, *result
    return _known_types.setdefault(key, KnownTypes(result, preserves))
