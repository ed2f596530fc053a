"""
Values of other types than the declared one: of derived classes, and of any type in an ``object``.

Their start tags say which type they are of (``i:type``). Those are made by the ordinary writer, as
all are, once for each type at each place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.forms import Opening, Unknown
from netshare.transport.datacontracts.generated.leaves import is_leaf, record_of
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.generated.structures import can_be_generated
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml.binary import WriterSession

__all__ = ["Others"]

#: Different types at one place.
MAX_TYPES: Final = 64

#: What opens an element of a type, in a session: it returns the start tag, and the place inside;
#: None: it has a text.
Open: TypeAlias = Callable[[TypeContract, WriterSession | None], tuple[Opening, Any]]


class Others:
    """
    What is written where a type is declared, for values of others.

    :param contract: the one declared
    :param known: the types that may stand there
    :param open: what begins an element of a type
    """

    __slots__ = ("_by_class", "_contract", "_known", "_made", "_open")

    def __init__(self, contract: TypeContract, known: KnownContracts, open: Open) -> None:
        self._contract = contract
        self._known = known
        self._open = open
        self._made: dict[TypeContract, tuple[Opening, Any, Callable[[Any], bytes] | None]] = {}
        #: Of classes that say alone of which type an object is.
        self._by_class: dict[type, tuple[Opening, Any]] = {}

    def write(
        self, append: Callable[[bytes], None], value: Any, session: WriterSession | None
    ) -> None:
        """
        Write an element, or nothing.

        :param append: where to
        :param value: of it, which is not null
        :param session: whose ids are used
        :raises Unusual: it is not usual
        :raises UnencodableValue: it is not known, or cannot be there
        """
        found = self._by_class.get(type(value))
        if found is not None:
            opening, place = found
            place.write(append, opening, (value,), place, session)
            return
        contract = self._known.of_value(value, self._contract).bare
        opening, place, record = self._made.get(contract) or self._make(contract, session)
        if record is not None:
            assert opening.start is not None
            append(opening.start + record(value))
            return
        if type(contract) is ClassContract and contract.hint is contract.cls:
            self._by_class[contract.cls] = opening, place
        place.write(append, opening, (value,), place, session)

    def _make(
        self, contract: TypeContract, session: WriterSession | None
    ) -> tuple[Opening, Any, Callable[[Any], bytes] | None]:
        leaf = is_leaf(contract)
        if contract is self._contract or not (leaf or can_be_generated(contract)):
            raise Unusual
        if len(self._made) >= MAX_TYPES:
            raise Unusual
        opening, place = self._open(contract, session)
        if opening.start is None:
            raise Unknown(contract.name)
        made = self._made[contract] = opening, place, record_of(contract) if leaf else None
        return made
