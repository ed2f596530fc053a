"""
From bytes to events.

:func:`read_events` gives the events of a document that has been checked to its last byte:
everything is well formed, every prefix resolved, every value converted. A tree
(:mod:`netshare.transport.xml.tree`) and a cursor (:mod:`netshare.transport.xml.cursor`) are made
of that one list, so there is one reader, and what a contract consumes is never half checked.

While records are of the common shapes a :class:`WindowReader` takes a window of them at once
(:mod:`.scanner`); everything else is :class:`.recordreader.RecordReader`'s.
"""

from __future__ import annotations

from typing import Any, Final

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.arrays import array_at
from netshare.transport.xml.binary.names import Scope
from netshare.transport.xml.binary.recordreader import RecordReader
from netshare.transport.xml.binary.scanner import CONVERTERS, SMALL, WINDOW, scanner
from netshare.transport.xml.binary.session import ReaderSession
from netshare.transport.xml.binary.textrecords import TextReader
from netshare.transport.xml.errors import QuotaExceeded, XmlException
from netshare.transport.xml.events import END, Event, Start, check_quotas
from netshare.transport.xml.nodes import Document, Element, Name
from netshare.transport.xml.quotas import BUFFERED_QUOTAS, ReaderQuotas
from netshare.transport.xml.tree import build_tree

__all__ = ["WindowReader", "read_document", "read_events", "scannable"]

#: The most attribute bytes that one token of the scanner can have.
_SCANNED_ATTRIBUTES: Final = 4 * (1 + 128 + 257)
#: Start tags longer than this are not remembered.
_MAX_TAG: Final = 512
_new = tuple.__new__


def read_events(
    data: bytes,
    session: ReaderSession | None = None,
    quotas: ReaderQuotas = BUFFERED_QUOTAS,
    start: int = 0,
) -> list[Event]:
    """
    Read a whole document ([MC-NBFX]).

    :param data: the bytes.
    :param session: the strings of the session; without one, odd dictionary ids are errors.
    :param quotas: limits.
    :param start: where the document begins (see :meth:`ReaderSession.read_table`); it extends
        to the end of *data*.
    :returns: its events. An empty document has none, as in .NET.
    :raises XmlException: malformed, or not what .NET would accept.
    :raises QuotaExceeded: too much of something.
    """
    data = bytes(data)
    events: list[Event] | None = None
    if scannable(quotas):
        try:
            events = WindowReader(data, session, quotas, start).read()
        except (XmlException, ValueError, LookupError):
            pass  # read again below, record by record, which finds out and says where
    if events is None:
        events = RecordReader(data, session, quotas, start).read()
    check_quotas(events, quotas)
    return events


def read_document(
    data: bytes,
    session: ReaderSession | None = None,
    quotas: ReaderQuotas = BUFFERED_QUOTAS,
    start: int = 0,
) -> Document:
    """
    Read a whole document into a tree; parameters and errors as :func:`read_events`.
    """
    return build_tree(read_events(data, session, quotas, start))


def scannable(quotas: ReaderQuotas) -> bool:
    """:returns: whether the scanner takes nothing that these forbid."""
    return quotas.max_bytes_per_read >= _SCANNED_ATTRIBUTES


class WindowReader(RecordReader):
    """
    One reading of one document, with the scanner's help; parameters as of
    :class:`.recordreader.RecordReader`. Any error it raises means only that the document has to be
    read without that help.
    """

    __slots__ = ()

    def _records(self) -> None:
        while self.pos < self.end and 0x40 <= self.data[self.pos] <= 0x77:
            before = self.pos
            self._window()
            if self.pos == before:
                break
        if self.pos < self.end:
            self._record()

    def _window(self) -> None:
        """Take what the scanner makes of the next window."""
        stop = min(self.pos + WINDOW, self.end)
        tokens = scanner()(self.data, self.pos, stop)
        append, outer, scope = self.events.append, self.outer, self.scope
        small, converters, texts = SMALL, CONVERTERS, self.memory.texts
        names, new, kind = scope.names, _new, Element
        limit = self.quotas.max_depth
        if len(outer) >= limit:
            raise ValueError("depth needs to be counted with care")
        if not outer:
            if self.rooted or tokens[0][2]:
                return  # a second root, or one that is all there is
            self.rooted = bool(tokens[0][0])
        other = b""
        for token in tokens:
            header, attributes, text, other = token
            if header:
                if attributes:
                    tag = header + attributes
                    name, run, inner, extra = scope.tags.get(tag) or self._learn_tag(tag)
                    self.extra_nodes += extra
                else:
                    name = names.get(header) or self._learn(header)
                    run, inner = (), scope
                if text:
                    children = small.get(text)
                    if children is None:
                        converter = converters.get(text[0])
                        if converter is not None:
                            children = converter(text)
                        else:
                            children = texts.get(text) or self._text(text)
                    append(new(kind, (name, run, children)))
                else:
                    append(new(Start, (name, run)))
                    outer.append(scope)
                    if len(outer) >= limit:
                        raise ValueError("depth needs to be counted with care")
                    if inner is not scope:
                        self.scope = scope = inner
                        names = scope.names
            elif other[0] == R.END_ELEMENT:
                for _ in other:
                    append(END)
                    scope = outer.pop()
                names = scope.names
                self.scope = scope
                if not outer:
                    if token is not tokens[-1]:
                        raise ValueError("more after the root: no matter for the scanner")
                    break
        self.pos = stop if not other or other[0] == R.END_ELEMENT else stop - len(other)

    def _part(self, piece: bytes) -> RecordReader:
        """:returns: a reader of some records of this document, in the same scope."""
        part = RecordReader.__new__(RecordReader)
        TextReader.__init__(part, piece, 0, self.strings)
        part.quotas, part.memory, part.scope = self.quotas, self.memory, self.scope
        part.extra_nodes = 0
        return part

    def _array(self, offset: int) -> None:
        super()._array(offset)
        # What reads tokens has to know the start tag of its items.
        cut = array_at(self.data, offset)
        if cut is not None and cut[0] not in self.scope.names:
            self._learn(cut[0])

    def _learn(self, header: bytes) -> Name:
        prefix, local = self._part(header)._qualified()
        name = Name(prefix, local, self._lookup(prefix, 0))
        self.memory.count(self.scope)
        self.scope.names[header] = name
        return name

    def _learn_tag(self, tag: bytes) -> tuple[Name, tuple[Any, ...], Scope, int]:
        part = self._part(tag + b"\x01")
        prefix, local = part._qualified()
        run = part._attributes()
        name = Name(prefix, local, part._lookup(prefix, 0))
        learnt = name, run, part.scope, part.extra_nodes
        if self.extra_nodes + part.extra_nodes > self.quotas.max_nodes:
            raise QuotaExceeded(f"More than {self.quotas.max_nodes} nodes", self.pos)
        if len(tag) <= _MAX_TAG and self.memory.keeps(part.scope):
            self.memory.count(self.scope)
            self.scope.tags[tag] = learnt
        return learnt

    def _text(self, text: bytes) -> tuple[Any, ...]:
        """:returns: the children that a record by dictionary id is."""
        children = (TextReader(text, 1, self.strings).dictionary_string(),)
        self.memory.count(self.scope)
        self.memory.texts[text] = children
        return children
