"""
The door of the generated readers: the parts of a message, read the quick way if all are usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from netshare.transport.datacontracts.generated.leaves import END, is_leaf
from netshare.transport.datacontracts.generated.readable import can_be_read
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readleaves import boxed_value_of, value_of
from netshare.transport.datacontracts.generated.readplaces import ReadPlace
from netshare.transport.datacontracts.generated.saying import Said, said_by
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml.binary.scanned import Scanned

__all__ = ["GeneratedReader"]

#: After so many messages in a row that were not usual, so many at most are not tried.
MOST_SKIPPED: Final = 63


class GeneratedReader:
    """
    Reads the parts of a message that are usual; see the room's page for what that means.

    It may be used by several threads, each with messages of its own.

    :param parts: the members, types and known types of the parts, by name and namespace; what is
        known is asked for when all has been declared
    """

    __slots__ = ("_parts", "_penalty", "_skip", "left", "read_so")

    def __init__(
        self,
        parts: Mapping[tuple[str, str], tuple[str, TypeContract, Callable[[], KnownContracts]]],
    ) -> None:
        self._parts = {
            name: _Part(member, contract, value_of(contract) if is_leaf(contract) else None, known)
            for name, (member, contract, known) in parts.items()
        }
        #: How many messages were read so, and how many were left to the ordinary way.
        self.read_so = self.left = 0
        self._skip = self._penalty = 0

    @property
    def wanted(self) -> bool:
        """Whether it is worth a try; to be asked once for each message."""
        if self._skip:
            self._skip -= 1
            self.left += 1
            return False
        return True

    def read(self, scanned: Scanned | None, values: dict[str, Any]) -> bool:
        """
        Read all parts, or none.

        :param scanned: what is in the wrapper, to the end of the message; None: it is unusual
        :param values: by member, to be filled
        :returns: whether they were read; if not, the ordinary way has to, and knows why
        """
        try:
            if scanned is None:
                raise Unusual
            values.update(self._read(scanned))
        except Exception:
            # Whatever it is: the ordinary way either can, or says what is wrong and where.
            self._penalty = self._skip = min(2 * self._penalty + 1, MOST_SKIPPED)
            self.left += 1
            return False
        self._penalty = 0
        self.read_so += 1
        return True

    def _read(self, scanned: Scanned) -> dict[str, Any]:
        tokens, scope, memory, outer, left = scanned
        parts = self._parts
        found: dict[str, Any] = {}
        i = 0
        while True:
            h, a, t, o = tokens[i]
            if not h:
                break
            i += 1
            name = scope.tags[h + a][0] if a else scope.names[h]
            part = parts[name[1:]]
            if t and not a and part.convert is not None:
                found[part.member] = part.convert(t)
                continue
            said = said_by(scope, h, a)
            if said.nil:
                if t != END or not part.contract.nullable:
                    raise Unusual
                found[part.member] = None
                continue
            contract = part.type_of(said)
            if t and is_leaf(contract):
                found[part.member] = part.boxed_value(contract, t)
                continue
            if not can_be_read(contract):
                raise Unusual
            place = ReadPlace.at(contract, said.scope, memory, READ_FORMS.of, part.known())
            if t:
                found[part.member] = place.empty(t)
                continue
            several: list[Any] = []
            i, ends = place.read(tokens, i, place, left - 1, None, several.append)
            found[part.member] = several[0]
            if ends:
                i -= 1
                o = END * ends
                break
        if o != END * outer or i + 1 != len(tokens):
            raise Unusual
        return found


class _Part(NamedTuple):
    """
    A part of a message.

    :param member: what it is called in Python
    :param contract: its type
    :param convert: makes the value of its text; None: it is not simple
    :param known: the types that may stand where others are declared
    """

    member: str
    contract: TypeContract
    convert: Callable[[bytes], Any] | None
    known: Callable[[], KnownContracts]

    def type_of(self, said: Said) -> TypeContract:
        """
        :returns: the type of a part that says this of itself
        :raises DeserializationFailed: it is not known, or cannot be there
        """
        declared = self.contract.bare
        if said.named is None or said.named == declared.key:
            return declared
        return self.known().of_name(said.named, declared)

    def boxed_value(self, contract: TypeContract, text: bytes) -> Any:
        """
        :returns: the value of a text of a type that stands where any type may
        :raises Unusual: it is declared there, and what else its attributes may say is unusual
        """
        if contract is self.contract.bare:
            raise Unusual
        return boxed_value_of(contract)(text)
