"""
Rows at a place: the shape that a class's elements have there, and reading those that were cut.

What can be a row is the class's matter (:class:`RowForm`); with which bytes, that of the place. See
:mod:`netshare.transport.xml.binary.rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.xml.binary.names import NameMemory
from netshare.transport.xml.binary.rows import (
    Cut,
    Member,
    Nested,
    Null,
    Part,
    Rows,
    Several,
    row_maker,
)

__all__ = ["PlaceRows", "RowForm", "RowList", "RowPart", "RowText", "lists_of", "texts_of"]

#: After how many elements read one by one it is asked whether to read them as rows.
ASKED_AFTER: Final = 256
#: Shapes of rows in one session.
MAX_ROWS: Final = 16


class RowText(NamedTuple):
    """
    A member with a text.

    :param fixed: whether it is of a length that its kind tells
    """

    fixed: bool


class RowList(NamedTuple):
    """
    A member with any number of texts.

    :param item: one of them
    """

    item: RowText


class RowForm(NamedTuple):
    """
    What is generated for a class whose objects can be rows, or for a member that can be in one.

    :param read: the function of (texts, append, what splits the lists); None for a member
    :param parts: of each element what is in it: a text, texts, or others
    :param depth: of elements, with the element itself, below which there is no other
    """

    read: Callable[[list[tuple[bytes, ...]], Callable[[Any], None], Any], None] | None
    parts: tuple[RowPart, ...]
    depth: int


RowPart: TypeAlias = RowText | RowList | RowForm


def texts_of(part: RowPart) -> int:
    """:returns: how many texts a row has of a member"""
    return sum(map(texts_of, part.parts)) if isinstance(part, RowForm) else 1


def lists_of(part: RowPart) -> int:
    """:returns: how many of them are several in one"""
    if isinstance(part, RowForm):
        return sum(map(lists_of, part.parts))
    return int(isinstance(part, RowList))


class Place(Protocol):
    """
    What is asked of a place, see :class:`.ReadPlace`.
    """

    @property
    def headers(self) -> Sequence[bytes | None]:
        """The start tag of each element, without attributes; None: it was not met yet."""

    @property
    def inner(self) -> Sequence[Mapping[bytes, Place]]:
        """Of each element by its attributes: the place inside."""

    def enter(self, index: int, header: bytes, attributes: bytes) -> Place:
        """:returns: such a place, which may be new"""

    def is_nil(self, header: bytes, attributes: bytes) -> bool:
        """:returns: whether an element without content is null"""

    def nils_of(self, header: bytes) -> tuple[bytes, ...]:
        """:returns: the attributes with which it has been null"""


class PlaceRows:
    """
    The rows of a class at a place.

    :param form: what is generated; None: they are read one by one
    :param memory: what the session knows
    """

    __slots__ = ("_ask_at", "_form", "_memory", "_rows", "_seen")

    def __init__(self, form: RowForm | None, memory: NameMemory) -> None:
        self._form = form
        self._memory = memory
        #: Their shape; None: it is not known that they have one.
        self._rows: Rows | None = None
        self._seen = self._ask_at = 0

    def read(self, place: Place, cut: Cut, append: Callable[[Any], None]) -> None:
        """
        Read a run of elements whose content is of this place.

        :raises Unusual: it is that of another
        """
        form, rows = self._form, cut.rows
        if form is None or form.read is None:
            raise Unusual
        if rows is not self._rows and not _fit(place, form.parts, rows.members):
            raise Unusual
        self._rows = rows
        form.read(cut.texts, append, rows.items)

    def saw(self, place: Place, header: bytes, count: int) -> None:
        """
        So many elements with this start tag were read one by one. Let them be cut at once from now
        on, if that is worth it, and they are alike enough.
        """
        self._seen += count
        if self._form is None or self._seen < self._ask_at:
            return
        self._ask_at = self._seen + ASKED_AFTER
        members = _members(place, self._form.parts)
        if members is None or (self._rows is not None and self._rows.members == members):
            return
        rows, known = row_maker.find(header, members, self._seen), self._memory.rows
        if rows is not None and (header in known or len(known) < MAX_ROWS):
            self._rows = known[header] = rows
            self._seen = self._ask_at = 0


def _members(place: Place, parts: Iterable[RowPart]) -> tuple[Part, ...] | None:
    """:returns: what rows look like at a place; None: not all of it was met"""
    members = [_member(place, k, part) for k, part in enumerate(parts)]
    found = tuple(one for one in members if one is not None)
    return found if len(found) == len(members) else None


def _member(place: Place, k: int, part: RowPart) -> Part | None:
    header, inside = place.headers[k], place.inner[k]
    if header is None:
        return None
    nils = place.nils_of(header)
    if isinstance(part, RowText):
        return Member(header, part.fixed, nils)
    if not inside:
        return Null(header, nils, texts_of(part), lists_of(part)) if nils else None
    inner = part.parts if isinstance(part, RowForm) else (part.item,)
    members, *others = [_members(one, inner) for one in inside.values()]
    if members is None or any(one != members for one in others):
        return None
    attributes = tuple(sorted(inside))
    if isinstance(part, RowForm):
        return Nested(header, attributes, members, nils)
    (item,) = members
    return Several(header, attributes, item, nils) if isinstance(item, Member) else None


def _fit(place: Place, parts: tuple[RowPart, ...], members: tuple[Part, ...]) -> bool:
    """
    :returns: whether rows that look so are of a place
    :raises Unusual: it was not met yet what they look like
    """
    return len(parts) == len(members) and all(
        _fits(place, k, part, member)
        for k, (part, member) in enumerate(zip(parts, members, strict=True))
    )


def _fits(place: Place, k: int, part: RowPart, member: Part) -> bool:
    header = member.header
    if place.headers[k] != header or not all(place.is_nil(header, nil) for nil in member.nils):
        return False
    if isinstance(member, Member):
        return isinstance(part, RowText)
    if isinstance(member, Null):
        wanted = texts_of(part), lists_of(part)
        return not isinstance(part, RowText) and (member.texts, member.lists) == wanted
    if isinstance(member, Nested) and isinstance(part, RowForm):
        parts, inner = part.parts, member.members
    elif isinstance(member, Several) and isinstance(part, RowList):
        parts, inner = (part.item,), (member.item,)
    else:
        return False
    inside = place.inner[k]
    for one in member.attributes:
        if one not in inside:
            place.enter(k, header, one)
        # It may be of a derived type in this session.
        if one not in inside or not _fit(inside[one], parts, inner):
            return False
    return True
