"""
The door of the generated readers: the parts of a message, read the quick way if all are usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from netshare.transport.datacontracts.generated.leaves import is_leaf
from netshare.transport.datacontracts.generated.readable import can_be_read, empty_of
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readleaves import value_of
from netshare.transport.datacontracts.generated.readplaces import ReadPlace, nil_in, scope_in
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml.binary.scanned import Scanned

__all__ = ["GeneratedReader"]

#: After so many messages in a row that were not usual, so many at most are not tried.
MOST_SKIPPED: Final = 63


class GeneratedReader:
    """
    Reads the parts of a message that are usual; see the room's page for what that means.

    It may be used by several threads, each with messages of its own.

    :param parts: the members and types of the parts, by name and namespace
    """

    __slots__ = ("_parts", "_penalty", "_skip", "left", "read_so")

    def __init__(self, parts: Mapping[tuple[str, str], tuple[str, TypeContract]]) -> None:
        self._parts: dict[
            tuple[str, str], tuple[str, TypeContract, Callable[[bytes], Any] | None]
        ] = {
            name: (member, contract, value_of(contract) if is_leaf(contract) else None)
            for name, (member, contract) in parts.items()
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
            member, contract, convert = parts[name[1:]]
            if t:
                found[member] = _simple(scanned, contract, convert, h, a, t)
                continue
            if not can_be_read(contract):
                raise Unusual
            bare = contract.bare
            place = ReadPlace.at(bare, scope_in(scope, h, a), memory, READ_FORMS.of)
            several: list[Any] = []
            i, ends = place.read(tokens, i, place, left - 1, None, several.append)
            found[member] = several[0]
            if ends:
                i -= 1
                o = b"\x01" * ends
                break
        if o != b"\x01" * outer or i + 1 != len(tokens):
            raise Unusual
        return found


def _simple(
    scanned: Scanned,
    contract: TypeContract,
    convert: Callable[[bytes], Any] | None,
    h: bytes,
    a: bytes,
    t: bytes,
) -> Any:
    """:returns: the value of an element with nothing but a text in it, or nothing at all"""
    if not a:
        if convert is None:
            raise Unusual
        return convert(t)
    if t != b"\x01":
        raise Unusual
    if nil_in(scanned.scope, h, a):
        if contract.nullable:
            return None
        raise Unusual
    made = empty_of(contract)
    if made is None:
        raise Unusual
    return made()
