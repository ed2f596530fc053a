"""
The rest of a document as the scanner's tokens, for a reader that needs no events.

Such a reader takes what is usual and nothing else: where it gives up, or there are no tokens, the
document is read again from its beginning, by :func:`.reader.read_events`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.arrays import ARRAY, array_at
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.recordreader import Progress
from netshare.transport.xml.binary.rows import MARK, Cut, Rows, cut
from netshare.transport.xml.binary.scanner import WINDOW, scanner
from netshare.transport.xml.quotas import INT_MAX, ReaderQuotas

__all__ = ["Scanned", "Token", "scan"]

#: Header, attributes, text and what is none of these; see :func:`.scanner.scanner`. A run of rows
#: is one token: the start tag of each, nothing, :data:`.rows.MARK`, and a :class:`.rows.Cut`; an
#: array is one with :data:`.arrays.ARRAY` and an :class:`.arrays.ArrayCut`.
Token: TypeAlias = tuple[bytes, bytes, bytes, Any]
#: No text of a token is longer, whatever its type, nor an array of bytes, but for long texts.
_LONGEST: Final = 1024
#: By the record type of a long text: of how many bytes its length is.
_LENGTHS: Final = {
    R.CHARS16 | 1: 2,
    R.CHARS32 | 1: 4,
    R.UNICODE_CHARS16 | 1: 2,
    R.UNICODE_CHARS32 | 1: 4,
}
#: Where there may be rows they are looked for in so many bytes, then in four times as many, and
#: then no more.
_FIRST: Final = 256
#: Who cuts fewer rows at a time gains nothing.
_WORTH_IT: Final = 4


class Scanned(NamedTuple):
    """
    The tokens from some place of a document to its end.

    :param tokens: start tags with or without a text, and runs of ends
    :param scope: the namespaces in force where they begin
    :param memory: what is known of names
    :param open: how many elements are open there
    :param left: how many more may be
    """

    tokens: list[Token]
    scope: Scope
    memory: NameMemory
    open: int
    left: int


def scan(
    data: bytes, start: int, progress: Progress, memory: NameMemory, quotas: ReaderQuotas
) -> Scanned | None:
    """
    Cut the rest of a document into tokens.

    :param data: the bytes
    :param start: where a start tag begins
    :param progress: of a reader of the same document until there
    :param memory: of that reader
    :param quotas: limits
    :returns: the tokens; None: there is something else than tokens, or a limit is near
    """
    left = quotas.max_depth - len(progress.outer)
    if (
        left < 1
        or min(quotas.max_string_content_length, quotas.max_array_length) < _LONGEST
        or quotas.max_name_table_char_count < INT_MAX
    ):
        return None
    tokens: list[Token] = []
    pos, end, split = start, len(data), scanner()
    rows = memory.rows
    size = _FIRST if rows else WINDOW
    while pos < end:
        stop = min(pos + size, end)
        window: list[Token] = split(data, pos, stop)
        rest = window[-1][3]
        broken = rest and rest[0] != 1
        if broken:
            del window[-1]
            stop -= len(rest)
        array = array_at(data, stop) if broken and rest[0] == R.ARRAY else None
        if array is not None:
            header, items, stop = array
            window.append((header, b"", ARRAY, items))
        elif (broken or stop < end) and window and window[-1][0] and not window[-1][2]:
            # What ends the window may be the text of a start tag.
            header, attributes, _, _ = window.pop()
            text = _long_text(data, stop, quotas)
            if text:
                window.append((header, attributes, text, b""))
                stop += len(text)
            else:
                stop -= len(header) + len(attributes)
        if stop == pos and size < WINDOW:
            size = WINDOW
            continue
        if stop == pos or len(tokens) > quotas.max_nodes:
            return None
        if size < WINDOW:
            first = _first_row(window, rows)
            if first is None:
                size = 4 * size if size == _FIRST else WINDOW
            else:
                shape = rows[window[first][0]]
                stop = pos + sum(len(h) + len(a) + len(t) + len(o) for h, a, t, o in window[:first])
                del window[first:]
                begin = stop
                texts, stop = cut(shape, data, begin, min(begin + WINDOW, end))
                if texts:
                    window.append((shape.header, b"", MARK, Cut(shape, texts, stop - begin)))
                size = _FIRST if len(texts) >= _WORTH_IT else WINDOW
        tokens += window
        pos = stop
    # More nodes than any document of this length has; if those are too many they are counted.
    if 2 * len(data) + progress.extra_nodes > quotas.max_nodes:
        nodes = sum(_nodes(token) for token in tokens)
        if start + nodes + progress.extra_nodes > quotas.max_nodes:
            return None
    return Scanned(tokens, progress.scope, memory, len(progress.outer), left)


def _first_row(window: list[Token], rows: dict[bytes, Rows]) -> int | None:
    """:returns: the index of the first start tag that may be that of a row; None: there is none"""
    for index, (header, attributes, text, _) in enumerate(window):
        if header in rows and not attributes and not text:
            return index
    return None


def _nodes(token: Token) -> int:
    """:returns: how many nodes a token has, or more"""
    _, attributes, text, other = token
    if text == ARRAY:
        return 1 + int(other.length)
    if text == MARK:
        return 2 * int(other.size)
    return 1 + len(attributes) + len(other)


def _long_text(data: bytes, at: int, quotas: ReaderQuotas) -> bytes | None:
    """:returns: a record of a text that the scanner finds too long, and the end of its element"""
    size = _LENGTHS.get(data[at]) if at < len(data) else None
    if size is None:
        return None
    length = int.from_bytes(data[at + 1 : at + 1 + size], "little")
    if length > quotas.max_string_content_length:
        return None
    text = data[at : at + 1 + size + length]
    return text if len(text) == 1 + size + length else None
