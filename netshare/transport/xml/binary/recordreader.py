"""
From bytes to events, record after record: the definition of what is accepted, which is what .NET's
``XmlBinaryReader`` accepts, with the exact complaint about everything else.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.arrays import array_values
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.session import ReaderSession
from netshare.transport.xml.binary.textrecords import TextReader
from netshare.transport.xml.errors import QuotaExceeded, XmlException
from netshare.transport.xml.events import END, Event, Start
from netshare.transport.xml.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
)
from netshare.transport.xml.quotas import ReaderQuotas
from netshare.transport.xml.values import Value

__all__ = ["Progress", "RecordReader"]

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_static_memory: Final = NameMemory(4096)
_NO_STRINGS: Final[list[str]] = []


class Progress(NamedTuple):
    """
    How far a reader has come, but for the events.

    :param scope: the namespaces in force.
    :param outer: those outside of each open element.
    :param extra_nodes: what counts as nodes and is no event.
    """

    scope: Scope
    outer: tuple[Scope, ...]
    extra_nodes: int


class RecordReader(TextReader):
    """
    One reading of one document.

    :param data: the bytes.
    :param session: the strings of the session.
    :param quotas: limits.
    :param start: where the document begins.
    """

    __slots__ = ("events", "extra_nodes", "memory", "outer", "quotas", "rooted", "scope")

    def __init__(
        self, data: bytes, session: ReaderSession | None, quotas: ReaderQuotas, start: int
    ) -> None:
        super().__init__(data, start, _NO_STRINGS if session is None else session.strings)
        self.quotas = quotas
        self.memory = _static_memory if session is None else session.memory
        self.events: list[Event] = []
        self.scope = self.memory.scope({"": ""})
        #: The scopes outside of each open element.
        self.outer: list[Scope] = []
        self.rooted = False
        self.extra_nodes = 0

    @classmethod
    def inside(
        cls,
        data: bytes,
        session: ReaderSession,
        quotas: ReaderQuotas,
        start: int,
        before: Progress,
        events: list[Event],
    ) -> RecordReader:
        """
        :param before: how far another reader came, with a document that is the same until *start*.
        :param events: of that document until there.
        :returns: a reader that goes on there; other parameters as of the constructor.
        """
        reader = cls.__new__(cls)
        TextReader.__init__(reader, data, start, session.strings)
        reader.quotas, reader.memory = quotas, session.memory
        reader.events = events
        reader.scope, outer, reader.extra_nodes = before
        reader.outer = [*outer]
        reader.rooted = True
        return reader

    @property
    def progress(self) -> Progress:
        """What a reader of another document has to know to go on from here."""
        return Progress(self.scope, tuple(self.outer), self.extra_nodes)

    def step(self) -> None:
        """
        Take one record, or a start tag with its attributes, or a leaf.

        :raises XmlException: it is bad.
        """
        try:
            self._record()
        except IndexError:
            raise self._unexpected_end() from None

    def read(self) -> list[Event]:
        """
        :returns: all events
        :raises XmlException: the document is bad
        """
        try:
            while self.pos < self.end:
                self._records()
                if len(self.events) + self.extra_nodes > self.quotas.max_nodes:
                    raise QuotaExceeded(f"More than {self.quotas.max_nodes} nodes", self.pos)
        except IndexError:
            raise self._unexpected_end() from None
        if self.outer:
            raise self._unexpected_end()
        return self.events

    def _records(self) -> None:
        """Take the next record, or several."""
        self._record()

    def _unexpected_end(self) -> XmlException:
        still_open: list[str] = []
        for event in self.events:
            if type(event) is Start:
                still_open.append(event.name.local)
            elif event is END:
                still_open.pop()
        names = ", ".join(reversed(still_open))
        return XmlException(
            "Unexpected end of file" + (f"; not closed: {names}" if names else ""), self.end
        )

    # -- record by record

    def _record(self) -> None:
        """Take one record, or a run of texts; a start tag together with its attributes."""
        offset = self.pos
        kind = self.data[offset]
        if R.SHORT_ELEMENT <= kind <= R.MAX_ELEMENT:
            self._start_element()
        elif kind == R.END_ELEMENT:
            self.pos += 1
            self._end_element(offset)
        elif kind == R.COMMENT:
            self.pos += 1
            self.events.append(Comment(self.string()))
        elif kind == R.ARRAY:
            self.pos += 1
            self._array(offset)
        elif kind >= R.ZERO:
            self._content(offset)
        else:
            raise self.bad(f"record type 0x{kind:02X} where content was expected", offset)

    def _content(self, offset: int) -> None:
        self.pos += 1
        kind = self.data[offset]
        value: Value
        if kind & 1:
            value = self._text_with_end(kind)
        elif kind in (R.BYTES16, R.BYTES32):
            value, kind = self.long_bytes(kind)
        else:
            value = self.text(kind)
        if not self.outer and not (
            value in ("", b"") or (isinstance(value, str) and not value.strip(" \t\r\n"))
        ):
            raise self.bad("text outside of the root element", offset)
        self.events.append(value)
        if kind & 1:
            self._end_element(offset)

    def _text_with_end(self, kind: int) -> Value:
        if kind == R.START_LIST + 1:
            raise self.bad("record type 0xA5 where content was expected", self.pos - 1)
        return self.text(kind - 1)

    def _end_element(self, offset: int) -> None:
        if not self.outer:
            raise self.bad("an end element without a beginning", offset)
        self.events.append(END)
        self.scope = self.outer.pop()

    def _open(self) -> tuple[Name, tuple[Any, ...], Scope]:
        """:returns: name and attributes of the start tag here, and the scope outside of it."""
        if not self.outer:
            if self.rooted:
                raise XmlException("There are multiple root elements", self.pos)
            self.rooted = True
        if len(self.outer) >= self.quotas.max_depth:
            raise QuotaExceeded(f"MaxDepth ({self.quotas.max_depth}) has been exceeded", self.pos)
        outside = self.scope
        offset = self.pos
        prefix, local = self._qualified()
        begin = self.pos
        attributes: tuple[Any, ...] = ()
        if R.SHORT_ATTRIBUTE <= self.data[begin] <= R.MAX_ATTRIBUTE:
            attributes = self._attributes()
            if self.pos - begin > self.quotas.max_bytes_per_read:
                limit = self.quotas.max_bytes_per_read
                raise QuotaExceeded(f"MaxBytesPerRead ({limit}) has been exceeded", begin)
        return Name(prefix, local, self._lookup(prefix, offset)), attributes, outside

    def _start_element(self) -> None:
        name, attributes, outside = self._open()
        kind = self.data[self.pos]
        # A leaf is one event; anything else begins here.
        if kind == R.END_ELEMENT:
            self.pos += 1
            self.events.append(Element(name, attributes))
        elif kind > R.ZERO and kind & 1:
            self.pos += 1
            try:
                value = self._text_with_end(kind)
            except IndexError:
                self.events.append(Start(name, attributes))
                raise
            self.events.append(Element(name, attributes, (value,)))
        else:
            self.events.append(Start(name, attributes))
            self.outer.append(outside)
            return
        self.scope = outside

    def _qualified(self) -> tuple[str, str]:
        """:returns: prefix and local name of the element record here."""
        offset = self.pos
        kind = self.data[offset]
        self.pos += 1
        prefix = ""
        if kind in (R.ELEMENT, R.DICTIONARY_ELEMENT):
            prefix = self.string()
        elif kind >= R.PREFIX_ELEMENT_A:
            prefix = _LETTERS[kind - R.PREFIX_ELEMENT_A]
        elif kind >= R.PREFIX_DICTIONARY_ELEMENT_A:
            prefix = _LETTERS[kind - R.PREFIX_DICTIONARY_ELEMENT_A]
        if kind in (R.SHORT_ELEMENT, R.ELEMENT) or kind >= R.PREFIX_ELEMENT_A:
            local = self.string()
        else:
            local = self.dictionary_string()
        if not local:
            raise self.bad("an element without a name", offset)
        return prefix, local

    def _lookup(self, prefix: str, offset: int) -> str:
        uri = self.scope.namespaces.get(prefix)
        if uri is None:
            if prefix == "xml":
                return XML_NAMESPACE
            raise XmlException(f"The prefix '{prefix}' is not defined", offset)
        return uri

    def _attributes(self) -> tuple[Any, ...]:
        """:returns: the attributes here; their declarations are in force from now on."""
        data = self.data
        found: list[tuple[str, str, Value, int] | NamespaceDeclaration] = []
        declared: dict[str, str] = {}
        while R.SHORT_ATTRIBUTE <= data[self.pos] <= R.MAX_ATTRIBUTE:
            offset = self.pos
            kind = data[offset]
            self.pos += 1
            if R.SHORT_XMLNS <= kind <= R.DICTIONARY_XMLNS:
                declaration = self._declaration(kind, offset)
                if declaration.prefix in declared:
                    raise XmlException(f"Duplicate xmlns:{declaration.prefix}", offset)
                declared[declaration.prefix] = declaration.uri
                found.append(declaration)
            else:
                found.append((*self._attribute(kind), offset))
        if declared:
            # Each set of declarations is a copy of those around it.
            self.extra_nodes += len(self.scope.namespaces) // 8
            self.scope = self.memory.scope({**self.scope.namespaces, **declared})
        attributes: list[Attribute | NamespaceDeclaration] = []
        seen: set[tuple[str, str]] = set()
        for item in found:
            if type(item) is NamespaceDeclaration:
                attributes.append(item)
                continue
            prefix, local, value, offset = item  # type: ignore[misc]
            uri = self._lookup(prefix, offset) if prefix else ""
            if (uri, local) in seen:
                raise XmlException(f"Duplicate attribute '{local}'", offset)
            seen.add((uri, local))
            attributes.append(Attribute(Name(prefix, local, uri), value))
        self.extra_nodes += len(found)
        return tuple(attributes)

    def _declaration(self, kind: int, offset: int) -> NamespaceDeclaration:
        prefix = self.string() if kind in (R.XMLNS, R.DICTIONARY_XMLNS) else ""
        uri = self.string() if kind in (R.SHORT_XMLNS, R.XMLNS) else self.dictionary_string()
        if prefix and not uri:
            raise XmlException("The empty namespace requires an empty prefix", offset)
        if (prefix == "xml" and uri != XML_NAMESPACE) or (
            prefix == "xmlns" and uri != XMLNS_NAMESPACE
        ):
            raise XmlException(f"The prefix '{prefix}' has its own namespace only", offset)
        return NamespaceDeclaration(prefix, uri)

    def _attribute(self, kind: int) -> tuple[str, str, Value]:
        offset = self.pos - 1
        prefix = ""
        if kind in (R.ATTRIBUTE, R.DICTIONARY_ATTRIBUTE):
            prefix = self.string()
        elif kind >= R.PREFIX_ATTRIBUTE_A:
            prefix = _LETTERS[kind - R.PREFIX_ATTRIBUTE_A]
        elif kind >= R.PREFIX_DICTIONARY_ATTRIBUTE_A:
            prefix = _LETTERS[kind - R.PREFIX_DICTIONARY_ATTRIBUTE_A]
        if kind in (R.SHORT_ATTRIBUTE, R.ATTRIBUTE) or kind >= R.PREFIX_ATTRIBUTE_A:
            local = self.string()
        else:
            local = self.dictionary_string()
        if not local:
            raise self.bad("an attribute without a name", offset)
        return prefix, local, self.text(self.take(1)[0])

    def _array(self, offset: int) -> None:
        if not R.SHORT_ELEMENT <= self.data[self.pos] <= R.MAX_ELEMENT:
            raise self.bad("an array without an element", offset)
        name, attributes, outside = self._open()
        if self.take(1)[0] != R.END_ELEMENT:
            raise self.bad("an array whose element does not end", self.pos - 1)
        kind = self.take(1)[0]
        item = R.ARRAY_ITEMS.get(kind - 1)
        if item is None:
            raise self.bad(f"an array of record type 0x{kind:02X}", self.pos - 1)
        count = self.multibyte()
        if count == 0:
            raise self.bad("an array without elements")
        begin = self.pos
        raw = self.take(count * item[0])
        self.extra_nodes += count
        if len(self.events) + self.extra_nodes > self.quotas.max_nodes:
            raise QuotaExceeded(f"More than {self.quotas.max_nodes} nodes", begin)
        self.events.append(
            ArrayElements(name, attributes, kind - 1, array_values(kind, raw, count, begin))
        )
        self.scope = outside
