"""
The start tags that generated writers put out, made by the ordinary writer.

What a start tag looks like depends on the ids that the session has given to strings, on the
prefixes in force, and so on where an object stands: a :class:`Place` is a contract at one spot of
a session's documents. It is made when a value first stands there, by letting the ordinary writer
write every start tag once, aside; so declarations and prefixes are nowhere decided but there.

It never gives out an id. Strings that the session does not know yet raise :class:`Unknown`: the
ordinary way writes the message, by which the session learns them in the order that they are in,
and for the next message there is a place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.forms import Form, Kind, Opening, Slot, Unknown
from netshare.transport.datacontracts.generated.leaves import is_leaf
from netshare.transport.datacontracts.generated.others import Others
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.generated.structures import FORMS
from netshare.transport.datacontracts.sequences import ListContract
from netshare.transport.datacontracts.simple import ObjectContract
from netshare.transport.datacontracts.types import (
    KnownContracts,
    TypeContract,
    write_nil,
    write_type,
)
from netshare.transport.xml import XSI, ArrayElements, Name, XmlWriter
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from netshare.transport.xml.binary.encode import pack_items
from netshare.transport.xml.writer import WriterScope

__all__ = ["Place", "StartTags", "keep", "place_at", "places_of", "start_tags", "with_others"]

#: Of one session, before all are made anew.
MAX_PLACES: Final = 256
#: A type that has a null.
_ANY: Final = ObjectContract()


class StartTags(BinaryWriter):
    """
    An ordinary writer, for the start tags alone: it gives out no ids.
    """

    __slots__ = ()

    def id_of(self, text: str) -> int | None:
        """
        :raises Unknown: the session does not know the string
        """
        session = self.session
        if session is not None and not self.inline_names and not session.knows(text):
            raise Unknown(text)
        return super().id_of(text)

    def free_prefix(self) -> str:
        """
        :raises Unusual: there is none that would be free further in as well
        """
        prefix = super().free_prefix()
        if len(prefix) > 1:
            raise Unusual("so many prefixes")
        return prefix

    def opening(
        self, begin: Callable[[XmlWriter], None], contract: TypeContract | None
    ) -> tuple[Opening, WriterScope]:
        """
        :param begin: begins the element and declares what the one does that writes it
        :param contract: its type
        :returns: the tag, and the namespaces in force in it
        :raises Unknown: strings are new
        """
        begin(self)
        scope = self.scope
        self.end_element()
        empty = self.take()
        nil = None
        if contract is not None and contract.nullable:
            begin(self)
            write_nil(self)
            self.end_element()
            nil = self.take()
        bare = None if contract is None else contract.bare
        inside = bare.child if isinstance(bare, ListContract) and not bare.array_kind else None
        begin(self)
        try:
            if inside is not None:
                self.declare_any(inside)
            start = self.take()
        except Unknown:
            return Opening(None, nil, empty), scope
        return Opening(start, nil, empty), self.scope

    def null(self) -> bytes:
        """
        :returns: what follows a start tag that declares nothing, if the element is null
        :raises Unusual: the prefix that says so has not been declared
        """
        if self.scope.get("i") != XSI:
            raise Unusual("null has no prefix")

        def begin(writer: XmlWriter) -> None:
            writer.start_element("nil", self.scope[""])

        opening, _ = self.opening(begin, _ANY)
        assert opening.start is not None
        assert opening.nil is not None
        return opening.nil[len(opening.start) :]

    def array_head(self, contract: ListContract) -> bytes:
        """:returns: what stands in front of the number of items of a list"""
        scalar, kind = contract.scalar, contract.array_kind
        assert scalar is not None
        sample = (scalar.to_wire(scalar.default),)
        name = Name(
            self.prefix_of(contract.namespace) or "", contract.item_name, contract.namespace
        )
        inline, self.inline_names = self.inline_names, True
        self.array(ArrayElements(name, (), kind, sample))
        self.inline_names = inline
        return self.take()[: -1 - len(pack_items(kind, sample))]


class Place:
    """
    A contract at one spot of a session's documents.

    :param form: what is generated for the contract
    :param scope: the namespaces in force inside of its element
    :param session: whose ids they are
    :param known: the types that may stand where others are declared
    :raises Unknown: strings are new
    """

    __slots__ = ("_inside", "_known", "inner", "null", "starts", "write")

    def __init__(
        self,
        form: Form,
        scope: WriterScope,
        session: WriterSession | None,
        known: KnownContracts,
    ) -> None:
        self.write = form.write
        self._known = known
        #: What follows the start tag of a null, where that declares nothing.
        self.null = start_tags(scope, session).null()
        scopes: list[WriterScope] = []
        starts: list[Any] = []
        inside: list[tuple[TypeContract, WriterScope] | None] = []
        for slot in form.slots:
            outer = scope if slot.inside is None else scopes[slot.inside]
            try:
                start, within = _slot(slot, outer, session, known)
            except Unknown:
                if not slot.optional:
                    raise
                # The function asks for it only when a value is there.
                start, within = None, outer
            starts.append(start)
            scopes.append(within)
            structure = slot.kind is Kind.STRUCTURE and slot.contract is not None
            inside.append((slot.contract, within) if structure else None)  # type: ignore[arg-type]
        #: Of each slot what its kind says; None: it is optional, and strings are new.
        self.starts = tuple(starts)
        #: Of each slot the place inside, once a value was there.
        self.inner: list[Place | None] = [None] * len(inside)
        self._inside = tuple(inside)

    def enter(self, index: int, session: WriterSession | None) -> Place:
        """
        :param index: of a slot with a structure
        :returns: the place inside
        :raises Unknown: strings are new
        """
        structure = self._inside[index]
        assert structure is not None
        if self.starts[index].start is None:
            raise Unknown(structure[0].name)
        place = self.inner[index] = place_at(*structure, session, self._known)
        return place


def start_tags(scope: WriterScope, session: WriterSession | None) -> StartTags:
    """
    :param scope: the namespaces in force
    :param session: whose ids are to be used
    :returns: a writer inside of an element
    """
    writer = StartTags.inside(session, (), [WriterScope({}), scope])
    assert isinstance(writer, StartTags)
    return writer


def _slot(
    slot: Slot, scope: WriterScope, session: WriterSession | None, known: KnownContracts
) -> tuple[Any, WriterScope]:
    writer, contract = start_tags(scope, session), slot.contract
    if slot.kind is Kind.ARRAY:
        assert isinstance(contract, ListContract)
        return writer.array_head(contract), scope
    prefix = writer.prefix_of(slot.namespace) or ""

    def begin(writer: XmlWriter) -> None:
        writer.start_element(slot.name, slot.namespace, prefix)
        if slot.child_namespace is not None:
            writer.declare_any(slot.child_namespace)

    opening, within = writer.opening(begin, contract)
    if slot.kind is Kind.PLAIN:
        return opening.start, within
    return with_others(opening, scope, begin, contract, known), within


def with_others(
    opening: Opening,
    scope: WriterScope,
    begin: Callable[[XmlWriter], None],
    contract: TypeContract | None,
    known: KnownContracts,
) -> Opening:
    """
    :param opening: what an element begins with
    :param scope: the namespaces in force around it
    :param begin: begins it
    :param contract: the type declared for it
    :param known: the types that may stand there
    :returns: the same, with what writes it when its value is of another type
    """
    if contract is None or type(contract.bare) not in (ClassContract, ObjectContract):
        return opening

    def open_as(
        actual: TypeContract, session: WriterSession | None
    ) -> tuple[Opening, Place | None]:
        def begin_typed(writer: XmlWriter) -> None:
            begin(writer)
            write_type(writer, actual)

        typed, within = start_tags(scope, session).opening(begin_typed, actual)
        return typed, None if is_leaf(actual) else place_at(actual, within, session, known)

    return opening._replace(others=Others(contract.bare, known, open_as))


#: Of documents that belong to no session.
_no_session: dict[Any, Any] = {}


def places_of(session: WriterSession | None) -> dict[Any, Any]:
    """:returns: the places of a session, by contract and namespaces in force"""
    return _no_session if session is None else session.places


def place_at(
    contract: TypeContract,
    scope: WriterScope,
    session: WriterSession | None,
    known: KnownContracts,
) -> Place:
    """
    :param contract: the type
    :param scope: the namespaces in force inside of its element
    :param known: the types that may stand where others are declared
    :returns: the place, made now if need be
    :raises Unknown: strings are new
    """
    contract = contract.bare
    places, key = places_of(session), (contract, known, *scope.items())
    place = places.get(key)
    if place is None:
        place = Place(FORMS.of(contract), scope, session, known)
        keep(places, key, place)
    return place


def keep(places: dict[Any, Any], key: Any, made: Any) -> None:
    """Keep a place, or all that is known at the root of an element, for a session."""
    if len(places) >= MAX_PLACES:
        places.clear()
    places[key] = made
