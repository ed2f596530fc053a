"""
The door of the generated writers: one part of a message, written the quick way if it is usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netshare.transport.datacontracts.generated.forms import Opening, Unknown
from netshare.transport.datacontracts.generated.places import (
    Place,
    keep,
    place_at,
    places_of,
    start_tags,
    with_others,
)
from netshare.transport.datacontracts.generated.structures import can_be_generated
from netshare.transport.datacontracts.sequences import DictContract, ListContract
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import XmlWriter
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from netshare.transport.xml.writer import WriterScope

__all__ = ["GeneratedWriter"]

#: After so many values in a row that were not usual, so many at most are not tried.
MOST_SKIPPED: Final = 63


class GeneratedWriter:
    """
    Writes the elements of a type that are usual; see the room's page for what that means.

    It may be used by several threads, each with writers of its own.

    :param contract: the type, of which :func:`~.structures.can_be_generated` says that it can
    :param known: finds the types that may stand where others are declared, when all are declared
    """

    __slots__ = (
        "_contract",
        "_is_collection",
        "_known",
        "_namespace",
        "_penalty",
        "_skip",
        "left",
        "written",
    )

    def __init__(self, contract: TypeContract, known: Callable[[], KnownContracts]) -> None:
        self._contract = contract
        self._known = known
        self._namespace = contract.bare.inner_namespace
        self._is_collection = isinstance(contract.bare, ListContract | DictContract)
        #: How many elements were written so, and how many were left to the ordinary way.
        self.written = self.left = 0
        # A program that writes one value and no other needs no source for it.
        self._skip = 1
        # What is unusual time and again is not to cost a try each time.
        self._penalty = 0

    @classmethod
    def of(
        cls, contract: TypeContract, known: Callable[[], KnownContracts]
    ) -> GeneratedWriter | None:
        """:returns: the writer for a type; None: there can be none; parameters as of the class"""
        return cls(contract, known) if can_be_generated(contract) else None

    def write(self, writer: XmlWriter, name: str, namespace: str, value: Any) -> bool:
        """
        Write a whole element, or nothing.

        :param writer: where to
        :param name: of the element
        :param namespace: of the element
        :param value: what to write
        :returns: whether it was written; if not, the ordinary way has to, and knows why
        """
        if type(writer) is not BinaryWriter or value is None or writer.inline_names:
            return False
        if self._is_collection and not value:
            return False  # there is nothing to win
        if self._skip:
            self._skip -= 1
            self.left += 1
            return False
        written: list[bytes] = []
        session = writer.session
        try:
            opening, place = self._root(name, namespace, writer.scope, session)
            place.write(written.append, opening, (value,), place, session)
            document = b"".join(written)
        except Unknown:
            # The session learns them now. A place may have been made without some of them.
            places_of(session).clear()
            self.left += 1
            return False
        except Exception:
            # Whatever it is: the ordinary way either can, or says what is wrong and where.
            self._penalty = self._skip = min(2 * self._penalty + 1, MOST_SKIPPED)
            self.left += 1
            return False
        writer.raw(document)
        self._penalty = 0
        self.written += 1
        return True

    def _root(
        self, name: str, namespace: str, scope: WriterScope, session: WriterSession | None
    ) -> tuple[Opening, Place]:
        """:returns: what the element begins with, and the place inside of it"""
        places, key = places_of(session), (self, name, namespace, *scope.items())
        found = places.get(key)
        if found is None:
            contract = self._contract

            def begin(writer: XmlWriter) -> None:
                writer.start_element(name, namespace, writer.prefix_of(namespace) or "")
                if self._namespace and self._namespace != namespace:
                    writer.declare_any(self._namespace)
                contract.declare(writer)

            opening, within = start_tags(scope, session).opening(begin, contract)
            if opening.start is None:
                raise Unknown(name)
            known = self._known()
            opening = with_others(opening, scope, begin, contract, known)
            found = opening, place_at(contract, within, session, known)
            keep(places, key, found)
        return found
