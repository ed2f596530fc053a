"""
The body of a message that began like one before: bytes, until its events are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netshare.transport.soap import MessageVersion, ReceivedBody
from netshare.transport.soap.envelope import read_envelope
from netshare.transport.xml import Element, Event, ReaderQuotas, Start, UniqueId, XmlException
from netshare.transport.xml.binary import ReaderSession, read_events
from netshare.transport.xml.binary.leaves import read_leaves
from netshare.transport.xml.binary.reader import WindowReader
from netshare.transport.xml.binary.recordreader import Progress
from netshare.transport.xml.binary.scanned import Scanned, scan
from netshare.transport.xml.events import check_quotas

__all__ = ["ReadTemplate", "SessionTemplate", "TemplateBody"]


@dataclass(frozen=True, slots=True)
class ReadTemplate:
    """What is known of messages that begin with the same bytes."""

    #: As far as the record type of the identifier; everything, if there is none.
    before: bytes
    #: From behind it to the end of the body's start tag, or of the wrapper's.
    behind: bytes
    #: Which identifier it is, and the event that it is in; empty: there is none.
    place: str
    index: int
    events: list[Event]
    #: Values of the addressing headers, all but the identifier.
    addressing: dict[str, Any]
    #: Of the first event in the body, and the elements around that.
    body_index: int
    outer: tuple[Element | Start, ...]
    progress: Progress
    #: Whether other sessions have it, too. The names that it knows are not added to then, since a
    #: name may be one of the strings that only one session has.
    shared: bool = False

    def is_like(self, other: ReadTemplate) -> bool:
        """Whether both are for the same messages."""
        return self.before == other.before and self.behind == other.behind


class SessionTemplate:
    """
    A template as one session uses it.

    :param template: of this session, or shared
    """

    __slots__ = ("_progress", "template")

    def __init__(self, template: ReadTemplate) -> None:
        self.template = template
        self._progress = None if template.shared else template.progress

    def progress(self, session: ReaderSession) -> Progress:
        """:returns: how far the template goes, in scopes that may learn names of this session."""
        own = self._progress
        if own is None:
            scope_of = session.memory.scope
            scope, outer, extra_nodes = self.template.progress
            outer = tuple(scope_of(one.namespaces) for one in outer)
            own = self._progress = Progress(scope_of(scope.namespaces), outer, extra_nodes)
        return own


class TemplateBody:
    """
    What follows on a template in one message, not yet read; see
    :class:`netshare.transport.soap.UnreadBody`.

    :param known: the template that the message begins with
    :param data: a string table and the document
    :param start: where the document begins
    :param at: where what follows begins
    :param identifier: of the message, if there is one in the template
    :param session: the strings of the session
    :param quotas: limits
    :param version: of the message
    """

    __slots__ = (
        "_at",
        "_data",
        "_identifier",
        "_known",
        "_quotas",
        "_session",
        "_start",
        "_strings",
        "_version",
    )

    def __init__(
        self,
        known: SessionTemplate,
        data: bytes,
        start: int,
        at: int,
        identifier: UniqueId | None,
        session: ReaderSession,
        quotas: ReaderQuotas,
        version: MessageVersion,
    ) -> None:
        self._known = known
        self._data = data
        self._start = start
        self._at = at
        self._identifier = identifier
        self._session = session
        self._quotas = quotas
        self._version = version
        #: So many strings the session has; the message could name no later ones.
        self._strings = len(session.strings)

    def read(self) -> ReceivedBody:
        body = self.read_on()
        if body is None:
            session = self._session
            if len(session.strings) != self._strings:
                session = ReaderSession.of(session.strings[: self._strings])
            events = read_events(self._data, session, self._quotas, self._start)
            body = read_envelope(events, self._version).body
            assert body is not None
        return body

    def scan(self, wrapper: tuple[str, str]) -> Scanned | None:
        template, session = self._known.template, self._session
        first = template.events[-1]
        if (
            len(template.events) != template.body_index + 1
            or type(first) is not Start
            or first.name[1:] != wrapper
            or len(session.strings) != self._strings
        ):
            return None
        progress = self._known.progress(session)
        return scan(self._data, self._at, progress, session.memory, self._quotas)

    def read_on(self) -> ReceivedBody | None:
        """:returns: the body; None: the message has to be read from its beginning."""
        template, session, quotas = self._known.template, self._session, self._quotas
        if len(session.strings) != self._strings:
            return None
        events = template.events.copy()
        if self._identifier is not None:
            before = events[template.index]
            assert type(before) is Element
            events[template.index] = Element(before.name, before.attributes, (self._identifier,))
        try:
            leaves = read_leaves(self._data, self._at, template.progress, quotas)
            if leaves is not None:
                events += leaves
            else:
                progress = self._known.progress(session)
                WindowReader.inside(self._data, session, quotas, self._at, progress, events).read()
            check_quotas(events, quotas)
        except (XmlException, ValueError, LookupError):
            return None
        return ReceivedBody(events, template.body_index, template.outer)
