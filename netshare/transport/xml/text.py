"""
XML as text: the same infoset and the same writer interface as binary XML.

:func:`to_xml` gives exactly what .NET's text writer makes of a document that its reader reads;
:func:`to_indented_xml` is for people. :func:`parse` is the reader of text encodings: no DTD, no
entities, no processing instructions, as in WCF, and with the same quotas as binary.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from netshare.transport.xml.errors import QuotaExceeded, XmlException
from netshare.transport.xml.events import END, Event, Start, check_quotas
from netshare.transport.xml.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Document,
    Element,
    Name,
    NamespaceDeclaration,
)
from netshare.transport.xml.quotas import BUFFERED_QUOTAS, ReaderQuotas
from netshare.transport.xml.tree import build_tree
from netshare.transport.xml.values import Value, lexical
from netshare.transport.xml.writer import XmlWriter

__all__ = ["TextWriter", "parse", "parse_events", "to_indented_xml", "to_xml"]

_IN_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f&<>\ufffe\uffff]")
_IN_ATTRIBUTE: Final = re.compile('[\x00-\x1f"&<>\ufffe\uffff]')
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}


def _entity(match: re.Match[str]) -> str:
    character = match.group()
    return _ENTITIES.get(character) or f"&#x{ord(character):X};"


class TextWriter(XmlWriter):
    """
    Writes XML text as .NET's ``XmlUTF8TextWriter`` does, without declaration.

    :param max_length: characters at most.
    :param indent: what to indent by, for people; blank text is then added between elements.
    :param short_empty: write an element in which nothing was written as ``<a/>``, as .NET does
        when it writes a message; when it copies a document it writes ``<a></a>``.
    """

    __slots__ = (
        "_first",
        "_indent",
        "_max_length",
        "_names",
        "_parts",
        "_short_empty",
        "_simple",
        "_size",
    )

    def __init__(
        self,
        max_length: int = BUFFERED_QUOTAS.max_expansion,
        indent: str = "",
        short_empty: bool = False,
    ) -> None:
        super().__init__()
        self._short_empty = short_empty
        self._parts: list[str] = []
        self._size = 0
        self._max_length = max_length
        self._indent = indent
        self._names: list[str] = []
        #: For each open element: nothing but text in it so far.
        self._simple: list[bool] = []
        self._first = True

    def getvalue(self) -> str:
        """
        :returns: the text so far.
        :raises XmlException: an element is still open.
        """
        if self._outer:
            raise XmlException(f"The element '{self._names[-1]}' is not closed")
        return "".join(self._parts)

    def take(self) -> str:
        """:returns: what was written since the last call, for documents sent in pieces."""
        if self._tag_open:
            self._close_tag()
        taken = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        return taken

    def encode(self, encoding: str = "utf-8") -> bytes:
        """
        :param encoding: a Python codec, e.g. ``utf-8`` or ``utf-16-le``; no byte order mark.
        :returns: the text so far as bytes.
        :raises XmlException: a lone surrogate.
        """
        try:
            return self.getvalue().encode(encoding)
        except UnicodeEncodeError as error:
            raise XmlException("A lone surrogate cannot be written") from error

    def _emit(self, text: str) -> None:
        self._size += len(text)
        if self._size > self._max_length:
            raise QuotaExceeded(f"The text is longer than {self._max_length} characters")
        self._parts.append(text)

    def _line(self) -> None:
        if self._indent:
            if not self._first:
                self._emit("\n" + self._indent * len(self._names))
            self._first = False

    def _write_start(self, prefix: str, local: str) -> None:
        if self._simple:
            self._simple[-1] = False
        self._line()
        name = f"{prefix}:{local}" if prefix else local
        self._names.append(name)
        self._simple.append(True)
        self._emit("<" + name)

    def _write_attribute(self, prefix: str, local: str, value: Value) -> None:
        name = f"{prefix}:{local}" if prefix else local
        self._emit(f' {name}="{_IN_ATTRIBUTE.sub(_entity, lexical(value))}"')

    def _write_xmlns(self, prefix: str, uri: str) -> None:
        name = f"xmlns:{prefix}" if prefix else "xmlns"
        self._emit(f' {name}="{_IN_ATTRIBUTE.sub(_entity, uri)}"')

    def _write_tag_end(self) -> None:
        self._emit(">")

    def _write_end(self) -> None:
        name = self._names.pop()
        if not self._simple.pop():
            self._line()
        self._emit(f"</{name}>")

    def _write_text(self, value: Value) -> None:
        text = lexical(value)
        # Base64 has nothing to escape, and may be long.
        self._emit(text if type(value) is bytes else _IN_TEXT.sub(_entity, text))

    def end_element(self) -> None:
        """
        End the open element.

        :raises XmlException: none is open.
        """
        if not (self._tag_open and self._short_empty):
            super().end_element()
            return
        for prefix, (uri, _) in self._declared.items():
            self._write_xmlns(prefix, uri)
        self._declared.clear()
        self._tag_open = False
        self._names.pop()
        self._simple.pop()
        self._emit("/>")
        self._scope = self._outer.pop()

    def _write_comment(self, text: str) -> None:
        if self._simple:
            self._simple[-1] = False
        self._line()
        self._emit(f"<!--{text}-->")


class _DotNetCopy(TextWriter):
    """What ``XmlDictionaryWriter.WriteNode`` does with arrays: it leaves out their attributes."""

    __slots__ = ()

    def array(self, array: ArrayElements) -> None:
        super().array(array._replace(attributes=()))


def to_xml(document: Document | Element, max_length: int = BUFFERED_QUOTAS.max_expansion) -> str:
    """
    Print a document exactly as .NET copies it from its binary reader to its text writer: empty
    elements with an end tag, declarations after attributes and only where needed, and without
    the attributes of array elements.

    :param document: a document or one element of it.
    :param max_length: characters at most.
    :returns: the text, without XML declaration.
    :raises QuotaExceeded: the text would be longer.
    :raises XmlException: what .NET's text writer refuses too (reserved prefixes, ``--`` in
        comments).
    """
    return _print(_DotNetCopy(max_length), document)


def to_indented_xml(
    document: Document | Element, max_length: int = BUFFERED_QUOTAS.max_expansion
) -> str:
    """:returns: the document with a line for each element; as :func:`to_xml` otherwise."""
    return _print(TextWriter(max_length, indent="  "), document)


def _print(writer: TextWriter, document: Document | Element) -> str:
    if type(document) is Document:
        writer.document(document)
    else:
        writer.node(document)  # type: ignore[arg-type]
    return writer.getvalue()


def parse(
    data: bytes | str, encoding: str | None = None, quotas: ReaderQuotas = BUFFERED_QUOTAS
) -> Document:
    """
    Read XML text into the same tree as binary XML; all text is ``str``.

    :param data: the document.
    :param encoding: what the transport says of it (``utf-8``, ``utf-16``, ``utf-16le``, …);
        ``None``: by byte order mark and XML declaration.
    :param quotas: limits.
    :returns: the tree.
    :raises XmlException: not well formed, or with a DTD, an entity, a processing instruction.
    :raises QuotaExceeded: too much of something.
    """
    return build_tree(parse_events(data, encoding, quotas))


def parse_events(
    data: bytes | str, encoding: str | None = None, quotas: ReaderQuotas = BUFFERED_QUOTAS
) -> list[Event]:
    """:returns: the events of XML text, for a cursor; parameters and errors as :func:`parse`."""
    if isinstance(data, str):
        try:
            data, encoding = data.encode("utf-8"), "utf-8"
        except UnicodeEncodeError as error:
            raise XmlException("The text has a lone surrogate") from error
    try:
        events = Parsing(encoding, quotas).run(data)
    except expat.ExpatError as error:
        raise XmlException(f"{error}") from None
    except (LookupError, ValueError) as error:  # encodings that expat cannot have
        raise XmlException(f"The encoding cannot be read: {error}") from None
    check_quotas(events, quotas)
    return events


class Parsing:
    """
    One run of expat.

    :param encoding: what the transport says, as for :func:`parse`.
    :param quotas: limits.
    """

    def __init__(self, encoding: str | None, quotas: ReaderQuotas) -> None:
        parser = expat.ParserCreate(encoding)
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self._parser = parser
        self._quotas = quotas
        self._events: list[Event] = []
        self._scopes: list[dict[str, str]] = [{"": "", "xml": XML_NAMESPACE}]
        self._nodes = 0
        #: Pieces of the text that is being read; expat gives it in many.
        self._run: list[str] = []

    def run(self, data: bytes) -> list[Event]:
        """:returns: the events of a whole document; :param data: it."""
        self._parser.Parse(data, True)
        return self._events

    def _add(self, event: Event) -> None:
        if self._run:
            self._flush()
        self._nodes += 1
        if self._nodes > self._quotas.max_nodes:
            raise QuotaExceeded(f"More than {self._quotas.max_nodes} nodes", self._offset())
        self._events.append(event)

    def _offset(self) -> int:
        return self._parser.CurrentByteIndex

    def _start(self, name: str, attributes: list[str]) -> None:
        if len(self._scopes) > self._quotas.max_depth:
            raise QuotaExceeded(
                f"MaxDepth ({self._quotas.max_depth}) has been exceeded", self._offset()
            )
        pairs = list(zip(attributes[::2], attributes[1::2], strict=True))
        if sum(len(n) + len(v) for n, v in pairs) > self._quotas.max_bytes_per_read:
            limit = self._quotas.max_bytes_per_read
            raise QuotaExceeded(f"MaxBytesPerRead ({limit}) has been exceeded", self._offset())
        scope = self._scopes[-1]
        declared = {n[6:]: v for n, v in pairs if n == "xmlns" or n.startswith("xmlns:")}
        if declared:
            self._nodes += len(scope) // 8
            for prefix, uri in declared.items():
                self._check_declaration(prefix, uri)
            scope = {**scope, **declared}
        self._scopes.append(scope)
        found: list[Attribute | NamespaceDeclaration] = []
        seen: set[tuple[str, str]] = set()
        for key, value in pairs:
            if key == "xmlns" or key.startswith("xmlns:"):
                found.append(NamespaceDeclaration(key[6:], value))
                continue
            qualified = self._name(key, scope, attribute=True)
            if qualified[1:] in seen:
                raise XmlException(f"Duplicate attribute '{key}'", self._offset())
            seen.add(qualified[1:])
            found.append(Attribute(qualified, value))
        self._add(Start(self._name(name, scope, attribute=False), tuple(found)))

    def _check_declaration(self, prefix: str, uri: str) -> None:
        if (
            (prefix and not uri)
            or (prefix == "xml") != (uri == XML_NAMESPACE)
            or (prefix == "xmlns" or uri == XMLNS_NAMESPACE)
        ):
            raise XmlException(f"xmlns:{prefix}='{uri}' is not allowed", self._offset())

    def _name(self, qualified: str, scope: dict[str, str], attribute: bool) -> Name:
        prefix, colon, local = qualified.rpartition(":")
        if (colon and not prefix) or not local or ":" in prefix:
            raise XmlException(f"'{qualified}' is no qualified name", self._offset())
        if attribute and not prefix:
            return Name("", local, "")
        uri = scope.get(prefix)
        if uri is None:
            raise XmlException(f"The prefix '{prefix}' is not defined", self._offset())
        return Name(prefix, local, uri)

    def _end(self, name: str) -> None:
        self._scopes.pop()
        if self._run:
            self._flush()
        events = self._events
        # A leaf is one event, as from binary XML.
        last = events[-1]
        before = events[-2] if len(events) > 1 else None
        if type(last) is Start:
            events[-1] = Element(last.name, last.attributes)
        elif type(last) is str and type(before) is Start:
            events[-2:] = [Element(before.name, before.attributes, (last,))]
        else:
            self._add(END)

    def _text(self, text: str) -> None:
        self._run.append(text)

    def _flush(self) -> None:
        """Make one event of the pieces of text."""
        text = "".join(self._run)
        self._run.clear()
        self._add(text)

    def _comment(self, text: str) -> None:
        self._add(Comment(text))

    def _doctype(self, *_: object) -> None:
        raise XmlException("A DTD is not allowed", self._offset())

    def _instruction(self, *_: object) -> None:
        raise XmlException("A processing instruction is not allowed", self._offset())
