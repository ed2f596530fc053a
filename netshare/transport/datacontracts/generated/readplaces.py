"""
Where a generated reader is: the start tags that it knows there, as bytes.

What the bytes of a start tag mean depends on the session's strings and on the namespaces in force.
The ordinary reader finds it out and remembers it (:mod:`netshare.transport.xml.binary.names`); a
:class:`ReadPlace` is a contract at one such spot, and looks up there what was found out. It learns
nothing of bytes that the ordinary reader has not understood before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from netshare.transport.datacontracts.generated.leaves import END, is_leaf
from netshare.transport.datacontracts.generated.readable import can_be_read
from netshare.transport.datacontracts.generated.readleaves import boxed_value_of
from netshare.transport.datacontracts.generated.rowplaces import PlaceRows, RowForm
from netshare.transport.datacontracts.generated.saying import Said, said_by
from netshare.transport.datacontracts.generated.skipping import skip
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import Name
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.scanned import Token
from netshare.transport.xml.binary.scanner import header_of

__all__ = ["Expected", "Read", "ReadForm", "ReadPlace"]

#: Of one session, before all are made anew.
MAX_PLACES: Final = 256
#: Different attributes that one element may have,
MAX_ALIKE: Final = 8
#: and different types that elements at one place may be of.
MAX_TYPES: Final = 64

#: What is generated: (tokens, index, place, depth left, header, append). It reads the element whose
#: start tag is in front of the index and, if a header is given, all that follow with just this
#: start tag; it returns the index behind them, and how many elements around them end there.
Read: TypeAlias = Callable[
    [list[Token], int, Any, int, bytes | None, Callable[[Any], None]], tuple[int, int]
]


class Expected(NamedTuple):
    """
    An element inside of another.

    :param name: its name
    :param namespace: and its namespace
    :param contract: its type
    """

    name: str
    namespace: str
    contract: TypeContract


class ReadForm(NamedTuple):
    """
    What is generated for a contract.

    :param read: the function
    :param expected: the elements that it knows
    :param rows: what reads many at once; None: there are no such rows
    :param passed_over: is told of other elements; None: there must not be any
    :param empty: makes the value of an element with nothing in it; None: that is not usual
    """

    read: Read
    expected: tuple[Expected, ...]
    rows: RowForm | None = None
    passed_over: Callable[[Name], None] | None = None
    empty: Callable[[], Any] | None = None


class ReadPlace:
    """
    A contract at one spot of a session's documents.

    :param form: what reads there
    :param scope: the namespaces in force
    :param memory: what the session knows
    :param form_of: the form of a contract
    :param known: the types that may stand where others are declared
    """

    __slots__ = (
        *("_derived", "_empty", "_expected", "_form_of", "_known", "_memory", "_passed_over"),
        *("_scope", "boxed", "headers", "inner", "nils", "read", "rows"),
    )

    def __init__(
        self,
        form: ReadForm,
        scope: Scope,
        memory: NameMemory,
        form_of: Callable[[TypeContract], ReadForm],
        known: KnownContracts,
    ) -> None:
        self.read, self._expected, rows, self._passed_over, self._empty = form
        #: Many at once.
        self.rows = PlaceRows(rows, memory)
        self._scope = scope
        self._memory = memory
        self._form_of = form_of
        self._known = known
        met = {name[1:]: header for header, name in scope.names.items()}
        met.update(
            (entry[0][1:], header_of(tag))
            for tag, entry in scope.tags.items()
            if self._isPlain(entry[0])
        )
        #: The start tag of each element, without attributes; None: it was not met yet.
        self.headers = tuple(met.get((one.name, one.namespace)) for one in self._expected)
        #: Of each element by its attributes: the place inside.
        self.inner: tuple[dict[bytes, ReadPlace], ...] = tuple({} for _ in self._expected)
        #: Start tags whose attributes say nothing but that the element is null.
        self.nils: set[bytes] = set()
        #: By start tags whose attributes say that the element is of another type than is declared:
        #: the place inside,
        self._derived: dict[bytes, ReadPlace] = {}
        #: and what makes the value of its text.
        self.boxed: dict[bytes, Callable[[bytes], Any]] = {}

    @classmethod
    def at(
        cls,
        contract: TypeContract,
        scope: Scope,
        memory: NameMemory,
        form_of: Callable[[TypeContract], ReadForm],
        known: KnownContracts,
    ) -> ReadPlace:
        """:returns: the place of a contract, made now if need be; parameters as of the class"""
        places, key = memory.places, (contract, scope, known)
        place: ReadPlace | None = places.get(key)
        if place is None:
            place = cls(form_of(contract), scope, memory, form_of, known)
            if len(places) >= MAX_PLACES:
                places.clear()
            places[key] = place
        return place

    def enter(self, index: int, header: bytes, attributes: bytes) -> ReadPlace:
        """
        :param index: of the element
        :param header: its start tag
        :param attributes: and its attributes
        :returns: the place inside of it, of the type that it says to be of
        :raises Unusual: they say something else
        :raises DeserializationFailed: the type is not known, or cannot be there
        """
        tag = header + attributes
        place = self._derived.get(tag)
        if place is not None:
            return place
        said, inside = self._said(header, attributes), self.inner[index]
        declared = self._expected[index].contract.bare
        contract = self._type_of(said, declared)
        if said.nil or not can_be_read(contract):
            raise Unusual
        if len(inside) >= MAX_ALIKE or len(self._derived) >= MAX_TYPES:
            raise Unusual
        place = self.at(contract, said.scope, self._memory, self._form_of, self._known)
        if contract is declared:
            inside[attributes] = place
        else:
            self._derived[tag] = place
        return place

    def box(self, index: int, header: bytes, attributes: bytes) -> Callable[[bytes], Any]:
        """
        :param index: of an element that may be of any type
        :param header: its start tag
        :param attributes: and its attributes
        :returns: what makes the value of its text
        :raises Unusual: they do not say of which type it is
        :raises DeserializationFailed: the type is not known
        """
        declared = self._expected[index].contract.bare
        contract = self._type_of(self._said(header, attributes), declared)
        if contract is declared or len(self.boxed) >= MAX_TYPES:
            raise Unusual
        if is_leaf(contract):
            made = boxed_value_of(contract)
        else:
            place = self.enter(index, header, attributes)

            def made(text: bytes) -> Any:
                return place.empty(text)

        self.boxed[header + attributes] = made
        return made

    def empty(self, text: bytes) -> Any:
        """
        :param text: the record of an element that has no other elements in it
        :returns: the value
        :raises Unusual: it is not usual
        """
        if text != END or self._empty is None:
            raise Unusual
        return self._empty()

    def _type_of(self, said: Said, declared: TypeContract) -> TypeContract:
        if said.named is None or said.named == declared.key:
            return declared
        return self._known.of_name(said.named, declared)

    def is_nil(self, header: bytes, attributes: bytes) -> bool:
        """
        :returns: whether an element without content is null; it is as empty as it looks if not
        :raises Unusual: its attributes say something else
        """
        tag = header + attributes
        if tag not in self.nils:
            if not self._said(header, attributes).nil:
                return False
            if len(self.nils) >= MAX_ALIKE:
                raise Unusual
            self.nils.add(tag)
        return True

    def nils_of(self, header: bytes) -> tuple[bytes, ...]:
        """:returns: the attributes with which an element has been null"""
        return tuple(sorted(tag[len(header) :] for tag in self.nils if header_of(tag) == header))

    def skip(self, tokens: list[Token], i: int, left: int) -> tuple[int, int]:
        """
        Pass over an element that is not one of those expected.

        :param i: the index of its start tag
        :param left: how many elements may be open
        :returns: the index behind it, and how many elements around it end there
        :raises Unusual: it is expected after all, see :meth:`unexpected`, or not usual
        """
        header, attributes, _, _ = tokens[i]
        name = self._name_of(header, attributes)
        if (
            name is None
            or self._passed_over is None
            or any((one.name, one.namespace) == name[1:] for one in self._expected)
        ):
            self.unexpected(header, attributes)
        else:
            self._passed_over(name)
        return skip(tokens, i, self._scope, self._memory, left)

    def unexpected(self, header: bytes, attributes: bytes) -> NoReturn:
        """
        An element is not one that could have been there. If that is for its start tag's not having
        been met before, it will be known next time.

        :raises Unusual: always
        """
        name = self._name_of(header, attributes)
        if name is not None and self._isPlain(name):
            for one, inside in zip(self._expected, self.inner, strict=True):
                if (one.name, one.namespace) == name[1:]:
                    inside.clear()
            self.headers = tuple(
                header if (one.name, one.namespace) == name[1:] else before
                for one, before in zip(self._expected, self.headers, strict=True)
            )
        raise Unusual

    def _name_of(self, header: bytes, attributes: bytes) -> Name | None:
        """:returns: the name in a start tag; None: it was not met yet"""
        met = self._scope.tags.get(header + attributes) if attributes else None
        return self._scope.names.get(header) if met is None else met[0]

    def _isPlain(self, name: Name) -> bool:
        """
        :returns: whether the start tag of an element means the same without its attributes, and so
            in every other element here; it may declare its own prefix
        """
        return self._scope.namespaces.get(name.prefix, "") == name.namespace

    def _said(self, header: bytes, attributes: bytes) -> Said:
        """
        :raises Unusual: attributes declare the prefix of their own element, or say something else
        """
        said = said_by(self._scope, header, attributes)
        if attributes and not self._isPlain(self._scope.tags[header + attributes][0]):
            raise Unusual
        return said
