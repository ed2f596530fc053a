"""
Envelopes of which only the arguments change.

Of the messages of one operation, in one session, everything in front of the arguments is the same
but for the message's identifier. When the second of them comes the ordinary writer writes that with
an identifier that cannot be one; cut there, it is the template of all that follow. The session's
strings matter to a writer only while they are new, and after the first message none in it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.binary import BinaryWriter, UniqueId, WriterSession, XmlException
from netshare.transport.binary.basewriter import WriterScope, XmlWriter
from netshare.transport.binary.writer import LEAF_ENCODERS
from netshare.transport.datacontracts import Serializer, UnencodableValue
from netshare.transport.datacontracts.contracts import LeafWriter
from netshare.transport.messages import AddressingVersion, Message, MessageVersion

__all__ = ["OperationBody", "WriteTemplates"]

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


class OperationBody:
    """
    The body of an operation's message.

    :param wrapper: the element around the parts: name and namespace; None: there is none
    :param parts: what is in it
    :param values: of the parts
    """

    __slots__ = ("parts", "values", "wrapper")

    def __init__(
        self,
        wrapper: tuple[str, str] | None,
        parts: Sequence[Part],
        values: Mapping[str, Any],
    ) -> None:
        self.wrapper = wrapper
        self.parts = parts
        self.values = values

    def __call__(self, writer: XmlWriter) -> None:
        if self.wrapper is not None:
            writer.start_element(*self.wrapper)
        self.write_parts(writer)
        if self.wrapper is not None:
            writer.end_element()

    def write_parts(self, writer: XmlWriter) -> None:
        """Write what is inside of the wrapper."""
        values = self.values
        for serializer, name, namespace, member in self.parts:
            serializer.write(writer, name, namespace, values[member])


#: The attribute that the identifier is (empty: there is none), action, To, ReplyTo and wrapper.
_Key: TypeAlias = tuple[str, str | None, str | None, str | None, tuple[str, str]]


class _Template(NamedTuple):
    #: As far as the record type of the identifier; everything, if there is none.
    before: bytes
    #: From behind it to the end of the wrapper's start tag.
    behind: bytes
    scopes: list[WriterScope]
    #: Where all parts are simple: whose values they are, the records of their names, what makes
    #: their texts, and whether there are nulls of them.
    leaves: list[tuple[str, bytes, LeafWriter, bool]] | None


class WriteTemplates:
    """
    The templates of what one side writes in a session.

    :param session: the strings of the session
    :param version: of the messages
    """

    def __init__(self, session: WriterSession, version: MessageVersion) -> None:
        self._session = session
        self._version = version
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
            if key in self._templates:
                template = self._templates[key] = self._make(body.parts, *key)
            else:
                written = self._ordinary(message)
                if len(self._templates) < _MAX_TEMPLATES:
                    self._templates[key] = None
                return written
        identifier: Any = message.message_id if message.relates_to is None else message.relates_to
        begin = [template.before]
        if identifier is not None:
            begin += (identifier[0], template.behind)
        simple = _simple(begin, template.leaves, body.values)
        if simple is not None:
            return [simple]
        writer = BinaryWriter.inside(self._session, begin, template.scopes)
        body.write_parts(writer)
        writer.end_element()
        writer.end_element()
        writer.end_element()
        return writer.pieces()

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
        self,
        parts: Sequence[Part],
        place: str,
        action: str | None,
        to: str | None,
        reply_to: str | None,
        wrapper: tuple[str, str],
    ) -> _Template:
        like = Message(action, version=self._version, reply_to=reply_to, to=to)
        if place:
            setattr(like, place, _PLACE)
        writer = BinaryWriter(self._session)
        like.write_start(writer)
        writer.start_element(*wrapper)
        before, _, behind = writer.take().partition(_PLACE[0])
        leaves = []
        for serializer, name, namespace, member in parts:
            prefix, make_text = writer.prefix_of(namespace), serializer.write_leaf
            if prefix is None or make_text is None:
                return _Template(before, behind, writer.scopes, None)
            nullable = serializer.contract.nullable
            leaves.append((member, writer.header(prefix, name), make_text, nullable))
        return _Template(before, behind, writer.scopes, leaves)


def _simple(
    begin: list[bytes],
    leaves: list[tuple[str, bytes, LeafWriter, bool]] | None,
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
