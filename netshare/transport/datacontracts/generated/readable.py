"""
Which contracts have values that are read the generated way, and what an element with nothing in it
is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.objects import maker_of, object_of_defaults
from netshare.transport.datacontracts.sequences import DictContract, ListContract, SetContract
from netshare.transport.datacontracts.simple import OffsetContract
from netshare.transport.datacontracts.tuples import MOST, TupleContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml import Name

__all__ = ["can_be_read", "empty_of", "passes_over"]

_ALWAYS: Final = (ListContract, SetContract, DictContract, OffsetContract)


def can_be_read(contract: TypeContract) -> bool:
    """:returns: whether there is a function that reads the values of a contract, the usual ones"""
    bare = contract.bare
    if isinstance(bare, ClassContract):
        # What is called after reading must be called once, and what is referred to is the
        # document's matter.
        return not (bare.is_reference or bare.calls_after_reading)
    if isinstance(bare, TupleContract):
        return len(bare.items) <= MOST
    return type(bare) in _ALWAYS


def empty_of(contract: TypeContract) -> Callable[[], Any] | None:
    """
    :param contract: a type
    :returns: what makes the value of an element with nothing in it; None: that is no usual one
    """
    bare = contract.bare
    if isinstance(bare, ListContract) and can_be_read(bare):
        made_of = bare.made_of
        return list if bare.cls is list else lambda: made_of([])
    if isinstance(bare, ClassContract) and can_be_read(bare):
        return object_of_defaults(bare)
    return maker_of(bare.cls) if isinstance(bare, DictContract) and can_be_read(bare) else None


def passes_over(contract: TypeContract) -> Callable[[Name], None] | None:
    """
    :param contract: a type
    :returns: what tells of an element that is passed over, since there is no member for it; None:
        it is not
    """
    if not isinstance(contract, ClassContract) or contract.keep_unknown:
        return None
    return contract.tell_unknown
