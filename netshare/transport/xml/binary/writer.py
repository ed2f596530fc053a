"""
Writing binary XML.

:class:`BinaryWriter` has the interface of every writer (:class:`netshare.transport.xml.XmlWriter`)
and two ways around it for code that writes the same shapes again and again:
:meth:`BinaryWriter.raw` puts in bytes made before, and :meth:`BinaryWriter.header` gives the bytes
of a start tag's name to make them of.

The last record of an element may close it. A text is therefore kept back until it is known what
follows, and its type byte made odd if it is the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.dictionary import STATIC_IDS
from netshare.transport.xml.binary.encode import (
    ENCODERS,
    bytes_head,
    bytes_record,
    encode_text,
    pack_items,
)
from netshare.transport.xml.binary.records import multibyte
from netshare.transport.xml.binary.session import WriterSession
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.nodes import ArrayElements, Comment, Document, Element, Node
from netshare.transport.xml.values import DictionaryString, QualifiedName, Value, ValueList, lexical
from netshare.transport.xml.writer import WriterScope, XmlWriter

__all__ = ["LEAF_ENCODERS", "BinaryWriter", "encode", "encode_envelope"]

_END: Final = b"\x01"
_BINARY: Final = (bytes, bytearray, memoryview)
#: For elements of one value. Bytes are not among them: they should not be copied.
LEAF_ENCODERS: Final = {k: e for k, e in ENCODERS.items() if k not in _BINARY}
#: Values longer than this are worth a piece of their own.
LONG: Final = 65536
_MAX_HEADERS: Final = 4096
_static_headers: dict[tuple[str, str], bytes] = {}


def counted(text: str) -> bytes:
    """:returns: a string with its length in bytes in front."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise XmlException("A lone surrogate cannot be written") from None
    return multibyte(len(raw)) + raw


class BinaryWriter(XmlWriter):
    """
    Writes one document.

    Names and namespaces go by their ids: the static dictionary's, else the session's.

    :param session: the strings of the session, which learns new ones; without it strings that
        are not in the static dictionary are written out. Its table
        (:meth:`WriterSession.take_table`) has to be sent in front of the document.
    """

    __slots__ = ("_headers", "_parts", "_session", "_text", "_text_end")

    def __init__(self, session: WriterSession | None = None) -> None:
        super().__init__()
        self._parts: list[bytes | memoryview] = []
        self._session = session
        self._headers = _static_headers if session is None else session.headers
        #: Which part begins the last text record, and how many parts there were with it: while
        #: nothing follows, the record may still become the end.
        self._text = 0
        self._text_end = -1

    @classmethod
    def inside(
        cls, session: WriterSession | None, written: Iterable[bytes], scopes: list[WriterScope]
    ) -> BinaryWriter:
        """
        :param session: as of the constructor.
        :param written: what stands in front, down to the end of a start tag.
        :param scopes: what :attr:`scopes` was there.
        :returns: a writer that goes on behind that.
        """
        writer = cls.__new__(cls)
        writer.inline_names = writer._tag_open = False
        writer._declared = {}
        writer._parts = [*written]
        writer._session = session
        writer._headers = _static_headers if session is None else session.headers
        writer._text, writer._text_end = 0, -1
        writer._outer = scopes[:-1]
        writer._scope = scope = scopes[-1]
        if len(scope.known) > _MAX_HEADERS:
            scope.known.clear()
        return writer

    def getvalue(self) -> bytes:
        """
        :returns: the document so far.
        :raises XmlException: an element is still open.
        """
        if self._outer:
            raise XmlException(f"{len(self._outer)} elements are not closed")
        return b"".join(self._parts)

    def pieces(self) -> list[bytes | memoryview]:
        """
        :returns: the document so far, in pieces: immutable bytes that are long
            are not copied, all else is joined.
        :raises XmlException: an element is still open.
        """
        parts = self._parts
        if self._outer or sum(map(len, parts)) <= LONG:
            return [self.getvalue()]
        pieces: list[bytes | memoryview] = []
        begin = 0
        for index, part in enumerate(parts):
            if len(part) > LONG and type(part) is memoryview and type(part.obj) is bytes:
                pieces += (b"".join(parts[begin:index]), part)
                begin = index + 1
        pieces.append(b"".join(parts[begin:]))
        return pieces

    def take(self) -> bytes:
        """:returns: what was written since the last call, for documents sent in pieces."""
        if self._tag_open:
            self._close_tag()
        taken = b"".join(self._parts)
        self._parts.clear()
        self._text = -1
        return taken

    @property
    def session(self) -> WriterSession | None:
        """The session's strings, as of the constructor."""
        return self._session

    def id_of(self, text: str) -> int | None:
        """:returns: the id of a string, in the session a new one if need be."""
        if self.inline_names:
            return None
        if self._session is None:
            return STATIC_IDS.get(text)
        return self._session.id_of(text)

    def header(self, prefix: str, local: str) -> bytes:
        """
        :returns: the element record of a name, good for as long as the session. It does not
            declare anything.
        :raises XmlException: no name can be so.
        """
        header = self._headers.get((prefix, local))
        if header is None or self.inline_names:
            header = self._named(
                prefix, local, R.SHORT_ELEMENT, R.PREFIX_DICTIONARY_ELEMENT_A, R.PREFIX_ELEMENT_A
            )
            if self.inline_names:
                return header
            if len(self._headers) >= _MAX_HEADERS:
                self._headers.clear()
            self._headers[prefix, local] = header
        return header

    def _named(self, prefix: str, local: str, short: int, key_a: int, name_a: int) -> bytes:
        """:returns: an element or attribute record without value; short + 2 is by dictionary."""
        key = self.id_of(local)
        name = counted(local) if key is None else multibyte(key)
        if not prefix:
            return bytes((short if key is None else short + 2,)) + name
        if len(prefix) == 1 and "a" <= prefix <= "z":
            return bytes(((name_a if key is None else key_a) + ord(prefix) - 97,)) + name
        return bytes((short + 1 if key is None else short + 3,)) + counted(prefix) + name

    def raw(self, fragment: bytes) -> None:
        """
        Put in records made before.

        :param fragment: complete and balanced records, for which every namespace they use is
            declared here, with ids of this session.
        """
        if self._tag_open:
            self._close_tag()
        self._parts.append(fragment)

    # -- records

    def _write_start(self, prefix: str, local: str) -> None:
        header = self._headers.get((prefix, local))
        self._parts.append(self.header(prefix, local) if header is None else header)

    def _write_attribute(self, prefix: str, local: str, value: Value) -> None:
        name = self._named(
            prefix, local, R.SHORT_ATTRIBUTE, R.PREFIX_DICTIONARY_ATTRIBUTE_A, R.PREFIX_ATTRIBUTE_A
        )
        if isinstance(value, _BINARY):
            record = bytes_record(bytes(value), 0) if value else b"\xa8"
        else:
            record = self._record(value)
        self._parts.append(name + record)

    def _write_xmlns(self, prefix: str, uri: str) -> None:
        key = self.id_of(uri) if uri else None
        if prefix:
            head = (b"\x09" if key is None else b"\x0b") + counted(prefix)
        else:
            head = b"\x08" if key is None else b"\x0a"
        self._parts.append(head + (counted(uri) if key is None else multibyte(key)))

    def _record(self, value: Value) -> bytes:
        """:returns: a text record, perhaps two, by dictionary where that is asked for."""
        if isinstance(value, DictionaryString):
            key = self.id_of(value)
            return encode_text(str(value)) if key is None else b"\xaa" + multibyte(key)
        if isinstance(value, QualifiedName):
            prefix, local = value
            key = self.id_of(local) if len(prefix) == 1 and "a" <= prefix <= "z" else None
            if key is None:
                return encode_text(lexical(value))
            return bytes((R.QNAME_DICTIONARY, ord(prefix) - 97)) + multibyte(key)
        if isinstance(value, ValueList):
            return b"\xa4" + b"".join(map(self._item, value)) + b"\xa6"
        return encode_text(value)

    def _item(self, value: Value) -> bytes:
        """:returns: the one record of a list's item."""
        if isinstance(value, _BINARY):
            return bytes_record(bytes(value), 0)
        if isinstance(value, ValueList):
            raise XmlException("A list in a list cannot be written")
        # .NET's reader cannot do anything with a qualified name in a list.
        return self._record(lexical(value) if isinstance(value, QualifiedName) else value)

    def _write_text(self, value: Value) -> None:
        if isinstance(value, _BINARY):
            # As .NET: whole groups of three, then what remains in a record of its own. Large
            # values are not copied before they are sent.
            view = memoryview(value).cast("B")
            whole = len(view) - len(view) % 3
            for piece in (view[:whole], view[whole:]):
                if piece:
                    self._text = len(self._parts)
                    self._parts += (bytes_head(len(piece)), piece)
                    self._text_end = len(self._parts)
            return
        record = self._record(value)
        self._text = len(self._parts)
        self._parts.append(record)
        self._text_end = -1 if record[0] == R.START_LIST else len(self._parts)

    def _write_end(self) -> None:
        parts = self._parts
        if self._text_end == len(parts):
            record = parts[self._text]
            parts[self._text] = bytes((record[0] | 1,)) + record[1:]
            self._text_end = -1
        else:
            parts.append(_END)

    def _write_comment(self, text: str) -> None:
        self._parts.append(b"\x02" + counted(text))

    def element(self, local: str, value: Value, namespace: str = "", prefix: str = "") -> None:
        """Write an element with one value; parameters as of the methods this puts together."""
        header = self._headers.get((prefix, local))
        encoder = LEAF_ENCODERS.get(type(value))
        if (
            header is None
            or encoder is None
            or self._scope.get(prefix) != namespace
            or self.inline_names
        ):
            super().element(local, value, namespace, prefix)
            return
        if self._tag_open:
            self._close_tag()
        self._parts.append(header)
        self._parts.append(encoder(value, 1))

    def array(self, array: ArrayElements) -> None:
        """
        Write an array record.

        :param array: name, attributes, the even record type of the items, and the items.
        :raises XmlException: an item does not fit the type.
        """
        if not array.values:
            return
        items = pack_items(array.kind, array.values)
        if self._tag_open:
            self._close_tag()
        self._parts.append(b"\x03")
        self._start_node(array)
        self._close_tag()
        head = b"\x01" + bytes((array.kind | 1,)) + multibyte(len(array.values))
        self._parts.append(head + items)
        self._scope = self._outer.pop()

    def node(self, node: Node) -> None:
        """
        Write a node and what it contains.

        :param node: of any kind; elements as deep as they like.
        """
        if self._tag_open:
            self._close_tag()
        append, encoders = self._parts.append, LEAF_ENCODERS
        stack: list[Iterator[Node]] = []
        items: Iterator[Node] = iter((node,))
        known = self._scope.known
        while True:
            for item in items:
                if type(item) is not Element:
                    self._leaf(item)
                    continue
                name, attributes, children = item
                header = known.get(name)
                if header is None or attributes:
                    self._start_node(item)
                    self._close_tag()
                    known = self._scope.known
                    if self._scope.get(name[0]) == name[2]:
                        known[name] = self.header(name[0], name[1])
                elif not children:
                    append(header)
                    append(_END)
                    continue
                elif len(children) == 1 and (encoder := encoders.get(type(children[0]))):
                    append(header)
                    append(encoder(children[0], 1))
                    continue
                else:
                    append(header)
                    self._outer.append(self._scope)
                stack.append(items)
                items = iter(children)
                break
            else:
                if not stack:
                    return
                items = stack.pop()
                self._write_end()
                self._scope = self._outer.pop()
                known = self._scope.known

    def _leaf(self, item: Node) -> None:
        if type(item) is ArrayElements:
            self.array(item)
        elif type(item) is Comment:
            self.comment(item.text)
        else:
            self.text(item)  # type: ignore[arg-type]


def encode(document: Document | Element, session: WriterSession | None = None) -> bytes:
    """
    Write a tree.

    :param document: a document or an element.
    :param session: the strings of the session (see :class:`BinaryWriter`).
    :returns: the binary document, without string table.
    :raises XmlException: it cannot be written.
    """
    writer = BinaryWriter(session)
    if type(document) is Document:
        writer.document(document)
    else:
        writer.node(document)  # type: ignore[arg-type]
    return writer.getvalue()


def encode_envelope(document: Document | Element, session: WriterSession) -> bytes:
    """
    Write a tree as one sized envelope of a session carries it.

    :returns: the string table with what is new, and the binary document.
    """
    body = encode(document, session)
    return session.take_table() + body
