"""
Reading envelopes that begin as one did before.

A session makes templates for itself, and finds those that others have made (:mod:`.shared`).
What follows on a template in a message is not read before it is asked for (:mod:`.unread`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from netshare.transport.encoders.templates.shared import SharedTemplates
from netshare.transport.encoders.templates.unread import (
    ReadTemplate,
    SessionTemplate,
    TemplateBody,
)
from netshare.transport.soap import Message, MessageVersion, ReceivedBody
from netshare.transport.soap.envelope import EnvelopeParts, is_fault, read_envelope
from netshare.transport.xml import Element, Event, ReaderQuotas, Start, UniqueId
from netshare.transport.xml.binary import ReaderSession, read_events
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.reader import scannable
from netshare.transport.xml.binary.recordreader import RecordReader

__all__ = ["ReadTemplates", "SharedReadTemplates"]

#: Templates that may be made in one session.
_MAX_TEMPLATES: Final = 32
#: Bytes that one may have.
_MAX_SIZE: Final = 2048
#: Where identifiers are in a message, and what their headers are called.
_PLACES: Final = {"message_id": "MessageID", "relates_to": "RelatesTo"}
_IDENTIFIER_SIZE: Final = 16
#: Bytes of a message of which a template is shared, and of the session's strings until then.
_MAX_SHARED: Final = 4096
#: Shared templates for the same strings.
_MAX_ALIKE: Final = 8

#: By the strings that a session has: what was read of messages with no others.
SharedReadTemplates: TypeAlias = SharedTemplates[tuple[str, ...], tuple[ReadTemplate, ...]]


class ReadTemplates:
    """
    Reads the messages of one direction of a session.

    :param session: the strings of the session
    :param quotas: limits; where the scanner cannot be used there are no templates
    :param version: of the messages
    :param shared: the templates of all sessions with these quotas and this version
    """

    def __init__(
        self,
        session: ReaderSession,
        quotas: ReaderQuotas,
        version: MessageVersion,
        shared: SharedReadTemplates,
    ) -> None:
        self._session = session
        self._quotas = quotas
        self._version = version
        self._shared = shared
        self._templates: list[SessionTemplate] = []
        #: Templates have scopes of the session's memory in them, and are forgotten with them.
        self._generation = session.memory.generation
        #: With how many strings templates of others were looked for.
        self._known = -1
        #: The actions of messages that were met once.
        self._met: set[str | None] = set()
        #: How many more templates may be made.
        self._room = _MAX_TEMPLATES if scannable(quotas) else 0

    def read(self, data: bytes, start: int) -> Message:
        """
        Read a message.

        :param data: a string table and a document
        :param start: where the document begins
        :raises XmlException: the XML is bad
        :raises MessageInvalid: it is no message of the version
        """
        strings = self._session.strings
        if self._session.memory.generation != self._generation:
            self._forget()
        if len(strings) != self._known and len(strings) <= _MAX_SHARED:
            self._known = len(strings)
            self._templates += map(SessionTemplate, self._shared.get(tuple(strings)) or ())
        for known in self._templates:
            template = known.template
            if data.startswith(template.before, start):
                place = start + len(template.before)
                behind = place + _IDENTIFIER_SIZE if template.place else place
                if data.startswith(template.behind, behind):
                    message = self._go_on(known, data, start, behind, data[place:behind])
                    if message is not None:
                        return message
                    break
        events = read_events(data, self._session, self._quotas, start)
        parts = read_envelope(events, self._version)
        if self._room and not parts.headers and not parts.is_fault:
            self._meet(parts, events, data, start)
        return Message(
            body_content=parts.body,
            version=self._version,
            headers=parts.headers,
            is_fault=parts.is_fault,
            **parts.addressing,
        )

    def _go_on(
        self, known: SessionTemplate, data: bytes, start: int, at: int, raw: bytes
    ) -> Message | None:
        """:returns: the message; None: it has to be read from its beginning."""
        template = known.template
        at += len(template.behind)
        if not starts_element(data, at):
            return None
        identifier, addressing = None, template.addressing
        if raw:
            identifier = UniqueId(raw)
            addressing = {**addressing, template.place: identifier}
        unread = TemplateBody(
            known, data, start, at, identifier, self._session, self._quotas, self._version
        )
        if template.body_index < len(template.events):
            body = ReceivedBody.later(unread)
        else:
            # Whether it is a fault is said by what follows.
            read = unread.read_on()
            if read is None or _begins_fault(read, self._version):
                return None
            body = read
        return Message(body_content=body, version=self._version, **addressing)

    def _forget(self) -> None:
        self._generation = self._session.memory.generation
        self._templates.clear()

    # ---- making templates

    def _meet(self, parts: EnvelopeParts, events: list[Event], data: bytes, start: int) -> None:
        """A message was read whose like may come again; that is believed of the second."""
        action = parts.addressing.get("action")
        if len(data) <= _MAX_SHARED:
            self._share(action, data[start:])
        if action not in self._met:
            if len(self._met) < _MAX_TEMPLATES:
                self._met.add(action)
            return
        self._room -= 1
        template = self._make(parts, events, data, start, self._session)
        if template is not None:
            self._templates.append(SessionTemplate(template))

    def _share(self, action: str | None, document: bytes) -> None:
        """Make a template for other sessions, if that is worth it."""
        if len(self._session.strings) > _MAX_SHARED:
            return
        strings = tuple(self._session.strings)
        if sum(map(len, strings)) > _MAX_SHARED:
            return
        if not self._shared.wanted(strings, action):
            return
        alike = self._shared.get(strings) or ()
        if len(alike) == _MAX_ALIKE:
            return
        # As a session reads it that has met nothing but these strings.
        session = ReaderSession.of(list(strings))
        events = read_events(document, session, self._quotas)
        parts = read_envelope(events, self._version)
        template = self._make(parts, events, document, 0, session)
        if template is not None and not any(map(template.is_like, alike)):
            self._shared.keep(strings, (*alike, replace(template, shared=True)))

    def _make(
        self,
        parts: EnvelopeParts,
        events: list[Event],
        data: bytes,
        start: int,
        session: ReaderSession,
    ) -> ReadTemplate | None:
        places = [place for place in _PLACES if place in parts.addressing]
        body = parts.body
        if len(places) > 1 or body is None or body.index < 0:
            return None
        place = places[0] if places else ""
        # Record by record, since it matters where they end.
        reader = RecordReader(data, session, self._quotas, start)
        index, before = -1, start
        while len(reader.events) < body.index:
            reader.step()
            if place and _is_header(reader, _PLACES[place]):
                index, before = len(reader.events) - 1, reader.pos - _IDENTIFIER_SIZE
                if data[before - 1] != R.UNIQUE_ID + 1:
                    return None
        end, progress = reader.pos, reader.progress
        read = reader.events.copy()
        if not starts_element(data, end) or end - start > _MAX_SIZE or (place and index < 0):
            return None
        reader.step()
        if type(reader.events[-1]) is Start and starts_element(data, reader.pos):
            end, progress = reader.pos, reader.progress
            read = reader.events
        if read != events[: len(read)]:
            return None
        addressing = {key: value for key, value in parts.addressing.items() if key != place}
        behind = before + (_IDENTIFIER_SIZE if place else 0)
        if not place:
            before = behind = end
        return ReadTemplate(
            data[start:before],
            data[behind:end],
            place,
            index,
            read,
            addressing,
            body.index,
            body.outer,
            progress,
        )


def starts_element(data: bytes, at: int) -> bool:
    """
    :returns: whether an element begins here. In front of one a start tag is complete and certainly
        no leaf; what any other record there says about it is the reader's matter.
    """
    return at < len(data) and R.SHORT_ELEMENT <= data[at] <= R.MAX_ELEMENT


def _begins_fault(body: ReceivedBody, version: MessageVersion) -> bool:
    """:returns: whether what stands in a body is a fault."""
    first = body.events[body.index]
    assert type(first) is Element or type(first) is Start
    return is_fault(first, version)


def _is_header(reader: RecordReader, local: str) -> bool:
    """:returns: whether what was read last is this header, with an identifier in it."""
    last = reader.events[-1]
    return (
        type(last) is Element
        and len(reader.outer) == 2
        and last.name.local == local
        and len(last.children) == 1
        and type(last.children[0]) is UniqueId
    )
