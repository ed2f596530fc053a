"""
Elements that are alike, cut at once: each with the same start tags in the same order, as the items
of most long lists are. There may be others nested in them, and lists of numbers or texts.

The scanner cuts a list of 200 such elements into a thousand tokens. A regular expression of their
own, with their start tags as they are, cuts them into 200 tuples of texts in a quarter of the time.
To make it takes milliseconds, so that is done when many have been seen (:class:`RowMaker`), for all
sessions in which they have the same bytes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.scanner import counted, dictionary_id

__all__ = [
    "MARK",
    "MOST_TEXTS",
    "Cut",
    "Member",
    "Nested",
    "Null",
    "Part",
    "RowMaker",
    "Rows",
    "Several",
    "count_texts",
    "cut",
    "row_maker",
]

#: Stands for the text of a token that is a run of rows; no text begins so.
MARK: Final = b"\x00rows"

#: How many are made at most for a process, and for how many texts each.
MOST_MADE: Final = 64
MOST_TEXTS: Final = 32

#: For so many rows seen, for each member that may be a text of any length, an expression is made:
#: reading these took longer.
ENOUGH_SEEN: Final = 1000


def _any_of(*kinds: int) -> str:
    return "[" + "".join(f"\\x{kind | 1:02x}" for kind in kinds) + "]"


#: Texts of a fixed length, and none; and those with a length in front.
_FIXED: Final = "|".join(
    (
        _any_of(R.INT8, R.BOOL) + ".",
        _any_of(R.INT32, R.FLOAT) + ".{4}",
        _any_of(R.DOUBLE, R.INT64, R.UINT64, R.DATETIME, R.TIMESPAN) + ".{8}",
        _any_of(R.DECIMAL, R.GUID, R.UNIQUE_ID) + ".{16}",
        _any_of(R.INT16) + ".{2}",
        _any_of(R.ZERO, R.ONE, R.FALSE, R.TRUE, R.EMPTY),
        "\\x01",
    )
)
_COUNTED: Final = "|".join(
    (
        _any_of(R.CHARS8, R.BYTES8, R.UNICODE_CHARS8) + counted(0, 255),
        _any_of(R.DICTIONARY) + dictionary_id,
        _FIXED,
    )
)


class Member(NamedTuple):
    """
    An element with a text.

    :param header: its start tag, which has no attributes
    :param fixed: whether its texts usually have a fixed length, as those of numbers do
    :param nils: the attributes with which it may stand instead, then without a text
    """

    header: bytes
    fixed: bool
    nils: tuple[bytes, ...] = ()


class Nested(NamedTuple):
    """
    An element with others in it.

    :param header: its start tag, without attributes
    :param attributes: those that it has, one or the other; ``b""`` is none at all
    :param members: what is in it
    :param nils: the attributes with which it may stand instead, then with nothing in it
    """

    header: bytes
    attributes: tuple[bytes, ...]
    members: tuple[Part, ...]
    nils: tuple[bytes, ...] = ()


class Several(NamedTuple):
    """
    An element with any number of elements that are alike in it, each with a text.

    :param item: one of them; the others as of :class:`Nested`
    """

    header: bytes
    attributes: tuple[bytes, ...]
    item: Member
    nils: tuple[bytes, ...] = ()


class Null(NamedTuple):
    """
    An element with others in it, which has always been null.

    :param header: its start tag, without attributes
    :param nils: the attributes that say so
    :param texts: how many texts it would have
    :param lists: how many of them would be those of a :class:`Several`
    """

    header: bytes
    nils: tuple[bytes, ...]
    texts: int
    lists: int


#: One of the elements in a row.
Part: TypeAlias = Member | Nested | Several | Null


class Rows(NamedTuple):
    """
    Rows of one shape.

    :param header: the start tag of each, which has no attributes
    :param members: what is in it
    :param split: cuts bytes into the texts of rows, and a last one: what is none
    :param items: of each :class:`Several`, null or not: cuts its text into those of the items
    """

    header: bytes
    members: tuple[Part, ...]
    split: Callable[[bytes, int, int], list[tuple[bytes, ...]]]
    items: tuple[Callable[[bytes], list[bytes]], ...] = ()


class Cut(NamedTuple):
    """
    A run of rows that was cut.

    :param rows: their shape
    :param texts: of each row the records of its members, or attributes and the end; all items of a
        :class:`Several` and the end; or nothing: it, or what it is in, is null; and nothing
    :param size: of how many bytes the run is
    """

    rows: Rows
    texts: list[tuple[bytes, ...]]
    size: int


def cut(rows: Rows, data: bytes, at: int, stop: int) -> tuple[list[tuple[bytes, ...]], int]:
    """
    :param at: where a row may begin
    :param stop: where to stop
    :returns: the texts of the rows that follow each other from there, and where the last one ends
    """
    texts = rows.split(data, at, stop)
    if texts and (rest := texts[-1][-1]):
        texts.pop()
        stop -= len(rest)
    return texts, stop


class RowMaker:
    """
    Makes the shapes of rows, and keeps those that were made.
    """

    def __init__(self, most: int = MOST_MADE) -> None:
        self._most = most
        self._made: dict[tuple[bytes, tuple[Part, ...]], Rows] = {}
        # Clients and services may live in several threads.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._made)

    def find(self, header: bytes, members: tuple[Part, ...], seen: int) -> Rows | None:
        """
        :param seen: how many such rows were read one by one
        :returns: the rows of a shape; None: it has not been made, and is not worth it yet
        """
        key = header, members
        found = self._made.get(key)
        if found is not None or not 0 < count_texts(members) <= MOST_TEXTS:
            return found
        if seen < ENOUGH_SEEN * (1 + _count_long(members)):
            return None
        pattern = b"".join((re.escape(header), *map(_pattern, members), b"\\x01|(.+)"))
        made = Rows(header, members, _compile(pattern).findall, tuple(_items(members)))
        with self._lock:
            if len(self._made) >= self._most:
                self._made.clear()
            self._made[key] = made
        return made


def count_texts(parts: Iterable[Part]) -> int:
    """:returns: how many texts there are in a row"""
    return sum(
        count_texts(one.members)
        if isinstance(one, Nested)
        else one.texts
        if isinstance(one, Null)
        else 1
        for one in parts
    )


def _count_long(parts: Iterable[Part]) -> int:
    """:returns: how many members may have texts of any length"""
    return sum(
        _count_long(one.members)
        if isinstance(one, Nested)
        else isinstance(one, Several) or (isinstance(one, Member) and not one.fixed)
        for one in parts
    )


def _items(parts: Iterable[Part]) -> Iterator[Callable[[bytes], list[bytes]]]:
    for one in parts:
        if isinstance(one, Several):
            yield _compile(_member(one.item)).findall
        elif isinstance(one, Nested):
            yield from _items(one.members)
        elif isinstance(one, Null):
            yield from [_compile(b"").findall] * one.lists


def _compile(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


def _pattern(part: Part) -> bytes:
    """:returns: an expression for a part of a row, with a group for each text"""
    if isinstance(part, Member):
        return _member(part)
    header, nils = re.escape(part.header), [re.escape(nil) + b"\\x01" for nil in part.nils]
    if isinstance(part, Null):
        return header + _one_of(nils) + b"()" * part.texts
    start = _one_of(map(re.escape, part.attributes))
    if isinstance(part, Nested):
        whole = b"".join((start, *map(_pattern, part.members), b"\\x01"))
    else:
        whole = start + b"((?:" + _member(part.item, b"(?:") + b")*+\\x01)"
    return header + _one_of((whole, *nils))


def _one_of(choices: Iterable[bytes]) -> bytes:
    return b"(?:" + b"|".join(choices) + b")"


def _member(member: Member, begin: bytes = b"(") -> bytes:
    nils = b"".join(b"|" + re.escape(nil) + b"\\x01" for nil in member.nils)
    texts = (_FIXED if member.fixed else _COUNTED).encode("ascii")
    return re.escape(member.header) + begin + texts + nils + b")"


#: Of the process.
row_maker: Final = RowMaker()
