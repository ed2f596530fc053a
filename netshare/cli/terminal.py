"""
Text for people: tables that fit, and values as one says them.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from netshare.printable import printable

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column of a table.
    """

    title: str
    #: Numbers stand to the right.
    right: bool = False
    #: The least width to which its texts may be shortened; None: never.
    least: int | None = None
    #: Where a text loses what does not fit: in its middle, for texts whose end tells them apart.
    middle: bool = False


def room() -> int | None:
    """
    How many columns there are to write in; None, for as many as needed, unless standard output
    is a terminal.
    """
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def clean(text: object) -> str:
    """
    A text that cannot do anything to a terminal: what others chose, such as paths and command
    lines, may hold control characters.
    """
    return printable(str(text))


def for_terminal(xml: str, to: TextIO | None = None) -> str:
    """
    XML that cannot do anything to a terminal and means the same; where it does not go to a
    terminal, the XML as it is.

    :param to: where it goes; None: to standard output
    """
    if not (to or sys.stdout).isatty():
        return xml
    return "".join(c if c.isprintable() or c in "\n\t" else f"&#x{ord(c):X};" for c in xml)


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def shorten(text: str, limit: int, middle: bool = False) -> str:
    """
    A text in at most ``limit`` columns; where something is missing it has an ellipsis.
    """
    if width(text) <= limit:
        return text
    if limit <= 1:
        return "…"[:limit]
    end = (limit - 1) // 2 if middle else 0
    head = _take(text, limit - 1 - end)
    tail = _take(text[::-1], end)[::-1] if end else ""
    return f"{head}…{tail}"


def _take(text: Iterable[str], limit: int) -> str:
    taken: list[str] = []
    used = 0
    for character in text:
        used += width(character)
        if used > limit:
            break
        taken.append(character)
    return "".join(taken)


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], limit: int | None = None
) -> list[str]:
    """
    The lines of a table, its titles first.

    :param limit: the width to keep to, as far as the columns may be shortened
    """
    widths = [
        max(width(column.title), *(width(row[index]) for row in rows), 0)
        for index, column in enumerate(columns)
    ]
    if limit is not None:
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
        for index, column in reversed(list(enumerate(columns))):
            if column.least is not None and excess > 0:
                cut = min(excess, max(0, widths[index] - column.least))
                widths[index] -= cut
                excess -= cut
    titles = [column.title for column in columns]
    return [_line(columns, widths, cells) for cells in (titles, *rows)]


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = []
    for column, size, cell in zip(columns, widths, cells, strict=True):
        text = shorten(cell, size, column.middle)
        blank = " " * (size - width(text))
        padded.append(blank + text if column.right else text + blank)
    return _GAP.join(padded).rstrip()


def age(since: str | None, now: float) -> str:
    """
    How long ago something was, in one unit: ``42 s``, ``3 min``, ``5 h``, ``12 d``.

    :param since: ISO 8601, with its time zone
    :param now: seconds since the epoch
    """
    try:
        seconds = max(0, int(now - datetime.fromisoformat(since or "").timestamp()))
    except ValueError:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size * 2:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def local_time(since: str | None) -> str:
    """A point in time on this machine's clock: ``2026-05-04 17:03``."""
    try:
        return f"{datetime.fromisoformat(since or '').astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return "-"


def wrap(text: str, limit: int | None, indent: int = 0) -> list[str]:
    """
    A sentence in as many lines as it needs, all but the first of them indented.
    """
    if limit is None:
        return [text]
    # The least width is for terminals in which nothing would be readable anyway.
    return textwrap.wrap(
        text,
        max(limit, indent + 20),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 address``, ``1,024 addresses``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
