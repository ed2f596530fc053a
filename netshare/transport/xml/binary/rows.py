"""
Elements that are alike, cut at once: each with the same start tags in the same order and a text in
each, as the items of most long lists are.

The scanner cuts a list of 200 such elements into a thousand tokens. A regular expression of their
own, with their start tags as they are, cuts them into 200 tuples of texts in a quarter of the time.
To make it takes milliseconds, so that is done when many have been seen (:class:`RowMaker`), for all
sessions in which they have the same bytes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.scanner import counted, dictionary_id

__all__ = ["MARK", "Cut", "RowMaker", "Rows", "row_maker"]

#: Stands for the text of a token that is a run of rows; no text begins so.
MARK: Final = b"\x00rows"

#: How many are made at most for a process, and for how many members each.
MOST_MADE: Final = 64
MOST_MEMBERS: Final = 32

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
    One of the elements in a row.

    :param header: its start tag, which has no attributes
    :param fixed: whether its texts usually have a fixed length, as those of numbers do
    :param nils: the attributes with which it may stand instead, then without a text
    """

    header: bytes
    fixed: bool
    nils: tuple[bytes, ...] = ()


class Rows(NamedTuple):
    """
    Rows of one shape.

    :param header: the start tag of each, which has no attributes
    :param members: what is in it
    :param split: cuts bytes into the texts of rows, and a last one: what is none
    """

    header: bytes
    members: tuple[Member, ...]
    split: Callable[[bytes, int, int], list[tuple[bytes, ...]]]


class Cut(NamedTuple):
    """
    A run of rows that was cut.

    :param rows: their shape
    :param texts: of each row the records of its members, or attributes and the end; and nothing
    """

    rows: Rows
    texts: list[tuple[bytes, ...]]


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
        self._made: dict[tuple[bytes, tuple[Member, ...]], Rows] = {}
        # Clients and services may live in several threads.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._made)

    def find(self, header: bytes, members: tuple[Member, ...], seen: int) -> Rows | None:
        """
        :param seen: how many such rows were read one by one
        :returns: the rows of a shape; None: it has not been made, and is not worth it yet
        """
        key = header, members
        found = self._made.get(key)
        if found is not None or not 0 < len(members) <= MOST_MEMBERS:
            return found
        if seen < ENOUGH_SEEN * (1 + sum(not member.fixed for member in members)):
            return None
        with self._lock:
            if len(self._made) >= self._most:
                self._made.clear()
            found = self._made[key] = Rows(header, members, _splitter(header, members))
        return found


def _splitter(
    header: bytes, members: tuple[Member, ...]
) -> Callable[[bytes, int, int], list[tuple[bytes, ...]]]:
    pieces = [re.escape(header)]
    for member in members:
        nils = b"".join(b"|" + re.escape(nil) + b"\\x01" for nil in member.nils)
        texts = (_FIXED if member.fixed else _COUNTED).encode("ascii")
        pieces.append(re.escape(member.header) + b"(" + texts + nils + b")")
    pieces.append(b"\\x01|(.+)")
    return re.compile(b"".join(pieces), re.DOTALL).findall


#: Of the process.
row_maker: Final = RowMaker()
