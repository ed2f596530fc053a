"""
Envelopes of which only the arguments change.

Of the messages of one operation, in one session, everything in front of the arguments is the same
but for the message's identifier. It is written once, by the ordinary writer, with an identifier
that cannot be one; cut there, it is the template of all others. What the writer does depends on
the session's strings only when they are new, and after a template was made none in it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.binary import BinaryWriter, UniqueId, WriterSession
from netshare.transport.binary.basewriter import WriterScope, XmlWriter
from netshare.transport.messages import AddressingVersion, Message, MessageVersion

__all__ = ["OperationBody", "WriteTemplates"]

#: What writes an element, its name, its namespace, and whose value it is.
PartWriter: TypeAlias = tuple[Callable[[Any, str, str, Any], None], str, str, str]

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
    :param parts: what writes them
    :param values: of the parts
    """

    __slots__ = ("parts", "values", "wrapper")

    def __init__(
        self,
        wrapper: tuple[str, str] | None,
        parts: Sequence[PartWriter],
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
        for write, name, namespace, member in self.parts:
            write(writer, name, namespace, values[member])


class _Template(NamedTuple):
    #: As far as the record type of the identifier; everything, if there is none.
    before: bytes
    #: From behind it to the end of the wrapper's start tag.
    behind: bytes
    scopes: list[WriterScope]


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
        self._templates: dict[tuple[Any, ...], _Template] = {}

    def write(self, message: Message) -> BinaryWriter:
        """
        Write a message as :meth:`.Message.write` does.

        :param message: a message of the version, with a body that is not streamed
        :returns: the writer, with the document
        :raises XmlException: it cannot be written
        """
        writer = self._like_others(message)
        if writer is None:
            writer = BinaryWriter(self._session)
            message.write(writer)
        return writer

    def _like_others(self, message: Message) -> BinaryWriter | None:
        """:returns: None: it is none of those that have templates, and nothing was done."""
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
        identifier = own if other is None else other
        if identifier is None:
            place = ""
        elif type(identifier) is not UniqueId or not self._numbered or None not in (own, other):
            return None
        else:
            place = "message_id" if other is None else "relates_to"
        key = (place, message.action, message.to, message.reply_to, body.wrapper)
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                return None
            template = self._templates[key] = self._make(message, place, body.wrapper)
        before, behind, scopes = template
        written = (before,) if identifier is None else (before, identifier[0], behind)
        writer = BinaryWriter.inside(self._session, written, scopes)
        body.write_parts(writer)
        writer.end_element()
        writer.end_element()
        writer.end_element()
        return writer

    def _make(self, message: Message, place: str, wrapper: tuple[str, str]) -> _Template:
        like = Message(
            message.action, version=self._version, reply_to=message.reply_to, to=message.to
        )
        if place:
            setattr(like, place, _PLACE)
        writer = BinaryWriter(self._session)
        like.write_start(writer)
        writer.start_element(*wrapper)
        before, _, behind = writer.take().partition(_PLACE[0])
        return _Template(before, behind, writer.scopes)
