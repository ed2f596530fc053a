"""
Recorded conversations taken apart into framing sessions and their messages, and one side of them
played again: :class:`RecordedClient` to a service, :class:`RecordedService` to a client.

What is played is what was recorded, byte for byte, with two exceptions. The identifiers that the
side under test makes differ from those that were recorded, so that they are exchanged in what is
said to it. And sessions that were upgraded (their recordings are of what was inside) are played
without the request for the upgrade.
"""

from __future__ import annotations

import json
import re
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.protocol import Factory, Protocol

from netshare.framing.events import (
    Acknowledged,
    Chunk,
    Ended,
    Envelope,
    Event,
    FaultReceived,
    MessageBegun,
    MessageEnded,
    PreambleEnded,
    PreambleRead,
    UpgradeAccepted,
    UpgradeAsked,
    ViaRead,
)
from netshare.framing.records import PREAMBLE_ACK, Mode, preamble
from netshare.framing.session import ClientSession, ServerSession
from netshare.transport.encoders import BinaryEncoder, TextEncoder, encoder_for
from netshare.transport.encoders.charsets import MARKS
from netshare.transport.encoders.compression import compress, decompress
from netshare.transport.xml import parse, to_xml
from netshare.transport.xml.binary import ReaderSession, read_document
from tests.helpers.conversations import VECTORS
from tests.helpers.wire import sized_envelope

LARGE = 1 << 26
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ID = re.compile(r"urn:uuid:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_MESSAGE_ID = re.compile(r"MessageID[^>]*>" + _ID.pattern)
_RELATES_TO = re.compile(r"RelatesTo[^>]*>" + _ID.pattern)
_SESSION_ID = re.compile(r"uuid:[0-9a-f-]{36};id=\d+")


@dataclass(frozen=True)
class Item:
    """
    One thing that was said.

    :param who: ``c`` or ``s``
    :param kind: ``open`` (a preamble, or its ack), ``message``, ``end`` or ``fault``
    :param raw: the records, as they were on the wire
    :param payload: of a message
    """

    who: str
    kind: str
    raw: bytes
    payload: bytes = b""


@dataclass
class RecordedSession:
    """A framing session."""

    via: str
    mode: Mode
    content_type: str
    upgrade: str | None = None
    items: list[Item] = field(default_factory=list)

    def messages(self, who: str) -> list[str]:
        """The XML of what one side said."""
        reader = XmlReader(self.content_type)
        said = (item for item in self.items if (item.who, item.kind) == (who, "message"))
        return [reader.read(item.payload) for item in said]


@dataclass
class Recording:
    """
    A conversation that was recorded: a file of tests/vectors/dotnet, or one of
    ``peers/recorded.py``.

    :ivar alike: makes of an envelope what has to be the same in what was recorded and what is said
    """

    name: str
    contract: str
    calls: list[dict[str, Any]]
    callbacks: list[dict[str, Any]]
    sessions: list[RecordedSession]
    alike: Callable[[str], str] = str


def recording(name: str) -> Recording:
    """:returns: a recording by its name; all of them have one connection."""
    read = json.loads((VECTORS / "dotnet" / f"{name}.json").read_text("utf-8"))
    (connection,) = read["connections"]
    return Recording(
        name,
        read["contract"],
        read["calls"],
        read["callbacks"],
        list(sessions_of(_steps(connection["steps"]))),
    )


def _steps(steps: list[list[str]]) -> Iterator[tuple[str, bytes]]:
    for who, *data in steps:
        if who != "-" and data and not data[0].startswith("error"):
            yield who, bytes.fromhex(data[0])


class XmlReader:
    """The XML of the messages of one direction of a session, in canonical form."""

    def __init__(self, content_type: str) -> None:
        self._encoder = encoder_for(content_type)
        self._tables = ReaderSession()

    def read(self, payload: bytes) -> str:
        """:returns: the same text for envelopes that are the same but for prefixes."""
        encoder = self._encoder
        if isinstance(encoder, TextEncoder):
            return canonical(to_xml(parse(_text(encoder, payload)[0])))
        assert isinstance(encoder, BinaryEncoder)
        if encoder.compression:
            payload = decompress(encoder.compression, payload, LARGE)
        start = self._tables.read_table(payload) if encoder.has_session else 0
        tables = self._tables if encoder.has_session else None
        return canonical(to_xml(read_document(payload, tables, start=start)))


def _text(encoder: TextEncoder, payload: bytes) -> tuple[str, str]:
    """:returns: a message as text, and the codec: a byte order mark is right, a name need not be"""
    for mark, charset in MARKS:
        if payload.startswith(mark):
            return str(payload[len(mark) :], charset.codec), charset.codec
    return str(payload, encoder.charset.codec), encoder.charset.codec


def canonical(xml: str) -> str:
    """Canonical XML 2.0, its prefixes numbered."""
    return ElementTree.canonicalize(
        xml,
        rewrite_prefixes=True,
        qname_aware_attrs=[_XSI_TYPE],
        qname_aware_tags=[f"{{{_SOAP}}}Value", "faultcode"],
    )


def without_ids(xml: str) -> str:
    """Without the identifiers of messages and sessions, which are other ones each time."""
    return _SESSION_ID.sub("a session", _ID.sub("a message", xml))


def message_id(xml: str) -> str | None:
    """The message's own identifier."""
    found = _MESSAGE_ID.search(xml)
    return found and found[1]


def related_to(xml: str) -> str | None:
    """The identifier of the message that this one answers."""
    found = _RELATES_TO.search(xml)
    return found and found[1]


# ---- what was said, in which order


class Listener:
    """
    Both sides of one connection as this project's framing reads them.

    :ivar sessions: those that have begun
    """

    def __init__(self) -> None:
        self.sessions: list[RecordedSession] = []
        self._new()

    def hear(self, who: str, data: bytes) -> list[Item]:
        """:returns: what is complete with these bytes"""
        heard: list[Item] = []
        self._raw[who] += data
        session = self._server if who == "c" else self._client
        assert session is not None, "the server spoke first"
        session.feed(data)
        while (event := session.next_event()) is not None:
            item = self._item(who, event)
            if item is not None:
                heard.append(item)
                self.sessions[-1].items.append(item)
        if self._ended == {"c", "s"}:
            assert not any(map(len, self._raw.values())), "something stands behind End"
            self._new()
        return heard

    def _new(self) -> None:
        self._server = ServerSession()
        self._client: ClientSession | None = None
        self._raw = {"c": b"", "s": b""}
        self._parts = {"c": b"", "s": b""}
        self._ended: set[str] = set()

    def _take(self, who: str) -> bytes:
        raw, self._raw[who] = self._raw[who], b""
        return raw

    def _item(self, who: str, event: Event) -> Item | None:
        match event:
            case PreambleRead(via, mode, content_type):
                self.sessions.append(RecordedSession(via, mode, content_type))
                self._client = ClientSession(via, mode, content_type, None, LARGE)
            case UpgradeAsked(name):
                session = self.sessions[-1]
                session.upgrade = name
                self._client = ClientSession(
                    session.via, session.mode, session.content_type, name, LARGE
                )
                self._server.accept_upgrade()
            case UpgradeAccepted():
                assert self._client is not None
                self._client.end_preamble()
            case PreambleEnded():
                self._server.acknowledge(LARGE)
                raw, session = self._take(who), self.sessions[-1]
                if session.upgrade is not None:
                    raw = preamble(session.via, session.mode, session.content_type)
                return Item(who, "open", raw)
            case Acknowledged():
                self._take(who)
                return Item(who, "open", PREAMBLE_ACK)
            case Envelope(payload):
                return Item(who, "message", self._take(who), payload)
            case Chunk(data):
                self._parts[who] += data
            case MessageEnded():
                payload, self._parts[who] = self._parts[who], b""
                return Item(who, "message", self._take(who), payload)
            case Ended():
                self._ended.add(who)
                return Item(who, "end", self._take(who))
            case FaultReceived(_):
                return Item(who, "fault", self._take(who))
            case ViaRead() | MessageBegun():
                pass
            case _:
                raise AssertionError(f"{who} said what it may not: {event}")
        return None


def sessions_of(steps: Iterable[tuple[str, bytes]]) -> Iterator[RecordedSession]:
    """:returns: the framing sessions of a connection, of who said what"""
    listener = Listener()
    for who, data in steps:
        # Byte by byte, so that each item has its own bytes; not where that would take long.
        pieces = [data] if len(data) > 20_000 else [bytes((byte,)) for byte in data]
        for piece in pieces:
            listener.hear(who, piece)
    yield from listener.sessions


# ---- one side, played again


class Identifiers:
    """What the identifiers of the recording are in this replay."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def learn(self, recorded: str, said: str) -> None:
        """The same message, as it was recorded and as it is said now."""
        old, new = message_id(recorded), message_id(said)
        if old and new:
            self._now[old] = new

    def exchange(self, item: Item, session: RecordedSession) -> bytes:
        """:returns: the records of a recorded item with the identifiers of this replay"""
        if item.kind != "message":
            return item.raw
        encoder = encoder_for(session.content_type)
        if isinstance(encoder, BinaryEncoder) and encoder.compression:
            data = decompress(encoder.compression, item.payload, LARGE)
            changed = self._exchange(data, "ascii")
            return (
                item.raw
                if changed == data
                else sized_envelope(compress(encoder.compression, changed))
            )
        # The sizes of records stay as they are: both forms of an identifier have always one length.
        codec = _text(encoder, item.payload)[1] if isinstance(encoder, TextEncoder) else "ascii"
        return self._exchange(item.raw, codec)

    def _exchange(self, data: bytes, codec: str) -> bytes:
        for old, new in self._now.items():
            data = data.replace(uuid.UUID(old).bytes_le, uuid.UUID(new).bytes_le)
            data = data.replace(old.encode(codec), new.encode(codec))
        return data


class RecordedService(Protocol):
    """
    Says to a client what a service said, after the client has said what a client said.

    :param recorded: the recording
    :ivar differences: where the client said something else: (what it said, what was recorded)
    """

    def __init__(self, recorded: Recording) -> None:
        self._sessions = iter(recorded.sessions)
        self._alike = recorded.alike
        self._ids = Identifiers()
        self._listener = Listener()
        self._session: RecordedSession | None = None
        self._at = 0
        #: How many items of clients were heard, and how many had been recorded.
        self.heard = 0
        self.expected = sum(item.who == "c" for one in recorded.sessions for item in one.items)

    def dataReceived(self, data: bytes) -> None:
        # An item at a time: what follows End belongs to the next session.
        for byte in data:
            for item in self._listener.hear("c", bytes((byte,))):
                self._heard(item)

    def _heard(self, item: Item) -> None:
        session = self._session
        if session is not None and item.kind == "end" and self._at == len(session.items):
            return  # the recorded client reset the connection; ending the session is as good
        self.heard += 1
        if item.kind == "open":
            self._session = next(self._sessions)
            self._at = 0
            self._recordedXml = {who: iter(self._session.messages(who)) for who in "cs"}
            self._saidXml = XmlReader(self._session.content_type)
            here = self._listener.sessions[-1]
            asked = (here.via, here.mode, here.content_type)
            recorded = (self._session.via, self._session.mode, self._session.content_type)
            assert asked == recorded, f"{asked} was asked for, and not {recorded}"
        session = self._session
        assert session is not None
        recorded_item = session.items[self._at]
        assert (item.who, item.kind) == (recorded_item.who, recorded_item.kind)
        if item.kind == "message":
            said, was = self._saidXml.read(item.payload), next(self._recordedXml["c"])
            assert without_ids(self._alike(said)) == without_ids(self._alike(was))
            self._ids.learn(was, said)
        self._at += 1
        self._answer(session)

    def _answer(self, session: RecordedSession) -> None:
        while self._at < len(session.items) and session.items[self._at].who == "s":
            raw = self._ids.exchange(session.items[self._at], session)
            self._at += 1
            self._listener.hear("s", raw)
            self.write(raw)

    def write(self, raw: bytes) -> None:
        """Say something."""
        assert self.transport is not None
        self.transport.write(raw)


class RecordedServiceFactory(Factory):
    """Makes the one :class:`RecordedService` of a recording."""

    noisy = False

    def __init__(self, recorded: Recording) -> None:
        self._recorded = recorded
        self.made: list[RecordedService] = []

    def buildProtocol(self, addr: Any) -> RecordedService:
        assert not self.made, "one connection was recorded"
        self.made.append(RecordedService(self._recorded))
        return self.made[0]
