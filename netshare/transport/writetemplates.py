"""
Envelopes of which only the arguments change.

Of the messages of one operation, in one session, everything in front of the arguments is the same
but for the message's identifier. When the second of them comes the ordinary writer writes that with
an identifier that cannot be one; cut there, it is the template of all that follow. The session's
strings matter to a writer only while they are new, and after the first message none in it is.
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


#: The attribute that the identifier is (empty: there is none), action, To, ReplyTo and wrapper.
_Key: TypeAlias = tuple[str, str | None, str | None, str | None, tuple[str, str]]


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
        #: None: there was one such message, and the next makes the template.
        self._templates: dict[_Key, _Template | None] = {}

    def write(self, message: Message) -> BinaryWriter:
        """
        Write a message as :meth:`.Message.write` does.

        :param message: a message of the version, with a body that is not streamed
        :returns: the writer, with the document
        :raises XmlException: it cannot be written
        """
        key = self._key(message)
        if key is None:
            return self._ordinary(message)
        template = self._templates.get(key)
        if template is None:
            if key in self._templates:
                template = self._templates[key] = self._make(*key)
            else:
                writer = self._ordinary(message)
                if len(self._templates) < _MAX_TEMPLATES:
                    self._templates[key] = None
                return writer
        body = message.body_content
        assert type(body) is OperationBody
        identifier: Any = message.message_id or message.relates_to
        before, behind, scopes = template
        written = (before,) if identifier is None else (before, identifier[0], behind)
        writer = BinaryWriter.inside(self._session, written, scopes)
        body.write_parts(writer)
        writer.end_element()
        writer.end_element()
        writer.end_element()
        return writer

    def _ordinary(self, message: Message) -> BinaryWriter:
        writer = BinaryWriter(self._session)
        message.write(writer)
        return writer

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
        return _Template(before, behind, writer.scopes)
