"""
Writing envelopes of which only the arguments change.

When the second message of an operation comes, the ordinary writer writes what stands in front of
the arguments with an identifier that cannot be one; cut there, it is the template of all that
follow. The session's strings matter to a writer only while they are new, and after the first
message none in it is.

The first one, which brings the strings, is the same in every session that has come as far: for it
there are the templates that sessions share (:mod:`.shared`), which know the strings, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.datacontracts import Serializer, UnencodableValue
from netshare.transport.datacontracts.types import LeafWriter
from netshare.transport.encoders.templates.shared import SharedTemplates
from netshare.transport.soap import AddressingVersion, Message, MessageVersion
from netshare.transport.xml import UniqueId, XmlException, XmlWriter
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from netshare.transport.xml.binary.session import NewStrings
from netshare.transport.xml.binary.writer import LEAF_ENCODERS
from netshare.transport.xml.writer import WriterScope

__all__ = ["OperationBody", "SharedWriteTemplates", "WriteTemplates"]

#: An element: what writes it, its name, its namespace, and whose value it is.
Part: TypeAlias = tuple[Serializer, str, str, str]

#: Of wrapper, body and envelope.
_ENDS: Final = b"\x01\x01\x01"
#: Stands where the identifier will be. No text contains these bytes, since they are not UTF-8.
_PLACE: Final = UniqueId(b"\xff" * 16)
#: Templates of one session; a contract's operations, but not a service's inventions.
_MAX_TEMPLATES: Final = 256
#: The types of an address that go out as what they are.
_PLAIN: Final = (str, type(None))
#: Characters that the strings before, and what is new in, a shared template may have, each.
_MAX_SHARED: Final = 4096


class OperationBody:
    """
    The body of an operation's message.

    :param wrapper: the element around the parts: name and namespace; None: there is none
    :param parts: what is in it
    :param values: of the parts
    :param operation: whose message it is, for errors
    :param declarations: prefixes and namespaces that the element of the body declares
    """

    __slots__ = ("declarations", "operation", "parts", "values", "wrapper")

    def __init__(
        self,
        wrapper: tuple[str, str] | None,
        parts: Sequence[Part],
        values: Mapping[str, Any],
        operation: str = "",
        declarations: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.declarations = declarations
        self.wrapper = wrapper
        self.parts = parts
        self.values = values
        self.operation = operation

    def __call__(self, writer: XmlWriter) -> None:
        for prefix, uri in self.declarations:
            writer.declare(prefix, uri)
        if self.wrapper is not None:
            writer.start_element(*self.wrapper)
        self.write_parts(writer)
        if self.wrapper is not None:
            writer.end_element()

    def write_parts(self, writer: XmlWriter) -> None:
        """
        Write what is inside of the wrapper.

        :raises UnencodableValue: a value is not what the contract says; it names operation and
            member
        """
        values = self.values
        try:
            for serializer, name, namespace, member in self.parts:
                serializer.write(writer, name, namespace, values[member])
        except UnencodableValue as error:
            if self.operation:
                error.inside(self.operation)
            raise


#: The attribute that the identifier is (empty: there is none), action, To, ReplyTo and wrapper.
_Key: TypeAlias = tuple[str, str | None, str | None, str | None, tuple[str, str]]

#: Of each part: its member, its start tag, what makes its text, and whether there are nulls of it.
_Leaves: TypeAlias = list[tuple[str, bytes, LeafWriter, bool]]


class _Template(NamedTuple):
    #: As far as the record type of the identifier; everything, if there is none.
    before: bytes
    #: From behind it to the end of the wrapper's start tag.
    behind: bytes
    scopes: list[WriterScope]
    #: None: some part is not simple.
    leaves: _Leaves | None


class _Opening(NamedTuple):
    """A shared template, for a message that brings new strings."""

    template: _Template
    #: Of the envelope, and of the names of the parts.
    strings: NewStrings
    leaf_strings: NewStrings
    #: Kept, so that no others get their :func:`id`.
    parts: Sequence[Part]


#: By the strings that a session has, the identity of the parts, and what else makes a message.
SharedWriteTemplates: TypeAlias = SharedTemplates[tuple[tuple[str, ...], int, _Key], _Opening]


class WriteTemplates:
    """
    The templates of what one side writes in a session.

    :param session: the strings of the session
    :param version: of the messages
    :param shared: the templates of all sessions of this size and version
    """

    def __init__(
        self, session: WriterSession, version: MessageVersion, shared: SharedWriteTemplates
    ) -> None:
        self._session = session
        self._version = version
        self._shared = shared
        #: Whether messages say which they are.
        self._numbered = version.addressing is not AddressingVersion.NONE
        #: None: there was one such message, and the next makes the template.
        self._templates: dict[_Key, _Template | None] = {}

    def write(self, message: Message) -> list[bytes | memoryview]:
        """
        Write a message as :meth:`.Message.write` does.

        :param message: a message of the version, with a body that is not streamed
        :returns: the document, in pieces as :meth:`.BinaryWriter.pieces` makes them
        :raises XmlException: it cannot be written
        """
        key = self._key(message)
        if key is None:
            return self._ordinary(message)
        body = message.body_content
        assert type(body) is OperationBody
        template = self._templates.get(key)
        if template is None:
            if key not in self._templates:
                return self._first(key, message, body)
            template = _make(self._session, self._version, body.parts, *key)[0]
            self._templates[key] = template
        begin = _begin(template, message)
        simple = _simple(begin, template.leaves, body.values)
        return self._complete(begin, template.scopes, body) if simple is None else [simple]

    def _first(self, key: _Key, message: Message, body: OperationBody) -> list[bytes | memoryview]:
        """Write the first message of its kind in the session."""
        session, templates = self._session, self._templates
        strings = session.strings
        if strings is None:
            opening = None
        else:
            place = strings, id(body.parts), key
            opening = self._shared.get(place)
            if opening is None:
                self._share(place, body.parts)
        if opening is None:
            written = self._ordinary(message)
            if len(templates) < _MAX_TEMPLATES:
                templates[key] = None
            return written
        template = opening.template
        begin = _begin(template, message)
        simple = _simple(begin, template.leaves, body.values)
        # In scopes of its own, which learn what is good for this session.
        scopes = [WriterScope(scope) for scope in template.scopes]
        mark = session.mark()
        session.learn(opening.strings)
        if simple is None:
            try:
                written, own = self._complete(begin, scopes, body), None
            except Exception:
                # The strings of a message that failed are the next one's as well.
                session.go_back(mark)
                return self._ordinary(message)
        else:
            session.learn(opening.leaf_strings)
            written, own = [simple], template._replace(scopes=scopes)
        if len(templates) < _MAX_TEMPLATES:
            templates[key] = own
        return written

    def _complete(
        self, begin: list[bytes], scopes: list[WriterScope], body: OperationBody
    ) -> list[bytes | memoryview]:
        writer = BinaryWriter.inside(self._session, begin, scopes)
        body.write_parts(writer)
        writer.end_element()
        writer.end_element()
        writer.end_element()
        return writer.pieces()

    def _share(self, place: tuple[tuple[str, ...], int, _Key], parts: Sequence[Part]) -> None:
        """Make a template for sessions to come, if that is worth it."""
        strings, _, key = place
        if sum(map(len, strings)) > _MAX_SHARED or not self._shared.wanted(place):
            return
        session = WriterSession.of(strings, self._session.max_size)
        try:
            template, new, leaf_new = _make(session, self._version, parts, *key)
        except XmlException:
            return  # as the message will say
        if new is None or leaf_new is None:
            return  # from here on it is full, in that session and in this
        size = len(template.before) + len(template.behind)
        if size + len(new.entries) + len(leaf_new.entries) <= _MAX_SHARED:
            self._shared.keep(place, _Opening(template, new, leaf_new, parts))

    def _ordinary(self, message: Message) -> list[bytes | memoryview]:
        writer = BinaryWriter(self._session)
        message.write(writer)
        return writer.pieces()

    def _key(self, message: Message) -> _Key | None:
        """:returns: what a message has in common with its like; None: it has no template."""
        body = message.body_content
        if (
            type(body) is not OperationBody
            or body.wrapper is None
            or body.declarations
            or message.headers
            or message.is_fault
            or message.fault_to is not None
            or message.from_ is not None
            or type(message.reply_to) not in _PLAIN
        ):
            return None
        own, other = message.message_id, message.relates_to
        if own is None and other is None:
            place = ""
        elif not self._numbered:
            return None
        elif other is None and type(own) is UniqueId:
            place = "message_id"
        elif own is None and type(other) is UniqueId:
            place = "relates_to"
        else:
            return None
        return place, message.action, message.to, message.reply_to, body.wrapper


def _make(
    session: WriterSession,
    version: MessageVersion,
    parts: Sequence[Part],
    place: str,
    action: str | None,
    to: str | None,
    reply_to: str | None,
    wrapper: tuple[str, str],
) -> tuple[_Template, NewStrings | None, NewStrings | None]:
    """
    :returns: a template, and the strings that are new in its envelope, and in the names of its
        parts; None: the session's table is full
    """
    like = Message(action, version=version, reply_to=reply_to, to=to)
    if place:
        setattr(like, place, _PLACE)
    mark = session.mark()
    writer = BinaryWriter(session)
    like.write_start(writer)
    writer.start_element(*wrapper)
    before, _, behind = writer.take().partition(_PLACE[0])
    new, mark = session.new_strings(mark), session.mark()
    template = _Template(before, behind, writer.scopes, _leaves(writer, parts))
    return template, new, session.new_strings(mark)


def _leaves(writer: BinaryWriter, parts: Sequence[Part]) -> _Leaves | None:
    leaves = []
    for serializer, name, namespace, member in parts:
        prefix, make_text = writer.prefix_of(namespace), serializer.write_leaf
        if prefix is None or make_text is None:
            return None
        nullable = serializer.contract.nullable
        leaves.append((member, writer.header(prefix, name), make_text, nullable))
    return leaves


def _begin(template: _Template, message: Message) -> list[bytes]:
    """:returns: everything in front of the parts."""
    identifier: Any = message.message_id if message.relates_to is None else message.relates_to
    if identifier is None:
        return [template.before]
    return [template.before, identifier[0], template.behind]


def _simple(
    begin: list[bytes],
    leaves: _Leaves | None,
    values: Mapping[str, Any],
) -> bytes | None:
    """:returns: the document; None: a value is not so simple, or cannot be written at all."""
    if leaves is None:
        return None
    written = begin.copy()
    try:
        for member, header, make_text, nullable in leaves:
            value = values[member]
            if value is None or (nullable and not value):
                return None
            text = make_text(value)
            encoder = LEAF_ENCODERS.get(type(text))
            if encoder is None:
                return None
            written += (header, encoder(text, 1))
    except (UnencodableValue, XmlException):
        return None
    written.append(_ENDS)
    return b"".join(written)
