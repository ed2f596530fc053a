"""
What has to hold for any input whatever: asked with random bytes by Hypothesis, in every run of the
tests, and by coverage-guided fuzzing (tests/fuzz), for longer.

Each check takes bytes, whose first ones choose what to try, and raises AssertionError, or whatever
was not to be raised, when something does not hold.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from netshare.cli.decode.captures import CaptureError, from_bytes
from netshare.cli.decode.report import as_json, lines
from netshare.framing.events import (
    Broken,
    Chunk,
    Closed,
    Ended,
    Envelope,
    Event,
    FaultReceived,
    PreambleEnded,
    UpgradeAccepted,
    UpgradeAsked,
)
from netshare.framing.faults import Fault
from netshare.framing.records import END, PREAMBLE_ACK, SSL_TLS_UPGRADE, Mode, preamble
from netshare.framing.session import ClientSession, ServerSession
from netshare.transport.encoders import MessageEncoder, encoder_for
from netshare.transport.encoders.compression import Compression, Decompressor, compress, decompress
from netshare.transport.soap import Message, MessageInvalid, SoapFault
from netshare.transport.tools import Piece, Side, decode
from netshare.transport.xml import (
    Attribute,
    Element,
    NamespaceDeclaration,
    QuotaExceeded,
    XmlException,
    parse,
    to_xml,
)

#: The largest message that sessions take here, and what compressed ones may become.
LIMIT = 4096
VIA = "net.tcp://host/p"


# ---- framing


def check_framing(data: bytes) -> None:
    """
    A session tells the same of a byte stream however it is cut, ends, and never raises.
    """
    if len(data) < 2:
        return
    kind, cut, stream = data[0] % 4, 1 + data[1], data[2:]
    whole = list(_events(_session(kind), [stream]))
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    assert _joined(_events(_session(kind), pieces)) == _joined(whole)
    for event in whole:
        if isinstance(event, Envelope):
            assert len(event.payload) <= LIMIT
    assert sum(len(event.data) for event in whole if isinstance(event, Chunk)) <= LIMIT
    # Nothing that could come out twice, or for ever.
    assert len(whole) <= len(stream) + 5


def _session(kind: int) -> ServerSession | ClientSession:
    if kind == 0:
        return ServerSession()
    mode = Mode.SINGLETON if kind == 1 else Mode.DUPLEX
    upgrade = SSL_TLS_UPGRADE if kind == 2 else None
    return ClientSession(VIA, mode, upgrade=upgrade, limit=LIMIT)


def _events(session: ServerSession | ClientSession, pieces: list[bytes]) -> Iterator[Event]:
    """Everything that happens in a session, to which everything is conceded."""
    fed = 0
    for piece in [*pieces, None]:
        if piece is None:
            session.feed_eof()
        else:
            session.feed(piece)
            fed += len(piece)
        for event in _now(session):
            yield event
            if isinstance(event, Broken | Closed | Ended | FaultReceived):
                return  # what follows belongs to the next session, or to nobody
        assert session.buffered <= fed
    assert session.next_event() is None


def _now(session: ServerSession | ClientSession) -> Iterator[Event]:
    while (event := session.next_event()) is not None:
        yield event
        if isinstance(event, PreambleEnded):
            assert isinstance(session, ServerSession)
            session.acknowledge(LIMIT)
        elif isinstance(event, UpgradeAsked):
            assert isinstance(session, ServerSession)
            session.accept_upgrade()
        elif isinstance(event, UpgradeAccepted):
            assert isinstance(session, ClientSession)
            session.end_preamble()


def _joined(events: Iterator[Event] | list[Event]) -> list[object]:
    """The events, without what depends on how the stream was cut."""
    found: list[object] = []
    for event in events:
        if isinstance(event, Broken):
            found.append((event.problem, event.fault))
        elif isinstance(event, Chunk) and found and isinstance(found[-1], bytes):
            found[-1] += event.data
        else:
            found.append(event.data if isinstance(event, Chunk) else event)
    if found and isinstance(found[-1], tuple):
        # How much of a message gets through before its limit is noticed depends on the cut.
        while len(found) > 1 and isinstance(found[-2], bytes):
            del found[-2]
    return found


def check_decode(data: bytes) -> None:
    """
    ``netshare decode`` explains every byte once, whatever it is, and can print what it found.
    """
    if not data:
        return
    middle = 1 + data[0] * len(data) // 256
    for pieces in (
        [Piece(Side.CLIENT, data[1:])],
        [Piece(Side.SERVER, data[1:])],
        [Piece(Side.CLIENT, data[1:middle]), Piece(Side.SERVER, data[middle:])],
    ):
        records = decode(pieces)
        for side in Side:
            size = sum(len(piece.data) for piece in pieces if piece.side is side)
            ours = sorted((r.offset, r.size) for r in records if r.side is side)
            at = 0
            for offset, length in ours:
                assert offset == at
                at += length
            assert at == size
        json.dumps(as_json(records))
        assert "\n".join(lines(records))
    try:
        for capture in from_bytes(data[1:]):
            decode(capture.pieces)
    except CaptureError:
        pass


# ---- messages as text

_TEXTS = (
    "application/soap+xml; charset=utf-8",
    "text/xml; charset=utf-8",
    "application/soap+xml; charset=utf-16LE",
    "text/xml; charset=utf-16BE",
)


def check_text(data: bytes) -> None:
    """
    A message as text is read, or refused with one of our errors; what was read can be written, and
    then says the same.
    """
    if not data:
        return
    encoder = encoder_for(_TEXTS[data[0] % len(_TEXTS)])
    message = _message(encoder, data[1:])
    if message is not None:
        _check_message(encoder, message)
    try:
        document = parse(data[1:])
        shown = to_xml(document)
    except XmlException:
        return
    try:
        again = parse(shown)
    except XmlException as error:
        raise AssertionError(f"what was printed cannot be read: {shown!r}") from error
    assert to_xml(again) == shown


def _message(encoder: MessageEncoder, payload: bytes) -> Message | None:
    try:
        return encoder.decode(payload)
    except (XmlException, MessageInvalid):
        return None


def _check_message(encoder: MessageEncoder, message: Message) -> None:
    try:
        fault = SoapFault.from_message(message) if message.is_fault else None
        body = message.body_element()
        shown = None if body is None else to_xml(body)
        message.not_understood()
        texts = [(h.namespace, h.name, h.actor, h.must_understand) for h in message.headers]
        again = encoder.decode(encoder.encode(message))
    except (XmlException, MessageInvalid):
        return  # e.g. a quota, or a name that the writer does not write
    for name in ("action", "to", "from_", "reply_to", "fault_to", "message_id", "relates_to"):
        assert getattr(again, name) == getattr(message, name), name
    body = again.body_element()
    assert (body is None) == (shown is None)
    if body is not None and shown is not None:
        envelope = {
            "s": message.version.soap.namespace,
            "a": message.version.addressing.namespace,
        }
        _assert_same(parse(shown).root, parse(to_xml(body)).root, {}, envelope)
    assert [(h.namespace, h.name, h.actor, h.must_understand) for h in again.headers] == texts
    if fault is not None:
        assert SoapFault.from_message(again).reason == fault.reason


def _assert_same(
    one: Element, other: Element, scope: dict[str, str], in_other: dict[str, str]
) -> None:
    """
    Two elements say the same, and no prefix means anything else. Declarations of what is declared
    further out already may be missing.
    """
    scope, in_other = scope | _declared(one), in_other | _declared(other)
    assert one.name[1:] == other.name[1:]
    assert scope.items() <= in_other.items(), (scope, in_other)
    assert _attributes(one) == _attributes(other)
    assert len(one.children) == len(other.children)
    for mine, theirs in zip(one.children, other.children, strict=True):
        if isinstance(mine, Element):
            assert isinstance(theirs, Element)
            _assert_same(mine, theirs, scope, in_other)
        else:
            assert mine == theirs


def _declared(element: Element) -> dict[str, str]:
    found = [one for one in element.attributes if isinstance(one, NamespaceDeclaration)]
    return {one.prefix: one.uri for one in found}


def _attributes(element: Element) -> list[tuple[object, ...]]:
    found = [one for one in element.attributes if isinstance(one, Attribute)]
    return [(*one.name[1:], one.value) for one in found]


# ---- compressed messages


def check_compressed(data: bytes) -> None:
    """
    What comes out is what zlib makes of it, and never more than allowed, however it is cut.
    """
    if len(data) < 2:
        return
    kind, cut, rest = ("gzip", "deflate")[data[0] % 2], 1 + data[1], data[2:]
    whole = _decompressed(kind, [rest])
    pieces = _decompressed(kind, [rest[at : at + cut] for at in range(0, len(rest), cut)])
    # One that is both too long and damaged may be refused for either.
    assert whole == pieces or (isinstance(whole, type) and isinstance(pieces, type))
    assert isinstance(whole, type) or len(whole) <= LIMIT
    reference = zlib.decompressobj(Compression[kind])
    try:
        expected = reference.decompress(rest)
    except zlib.error:
        assert isinstance(whole, type)
    else:
        if len(expected) > LIMIT:
            assert whole is QuotaExceeded
        elif not reference.eof:
            assert whole is XmlException
        elif not reference.unused_data:
            assert whole == expected
    made = compress(kind, rest)
    assert _decompressed(kind, [made]) == (rest if len(rest) <= LIMIT else QuotaExceeded)
    for content_type in ("application/soap+msbin1", "application/soap+msbinsession1"):
        encoder = encoder_for(f"{content_type}+{kind}", max_message_size=LIMIT)
        _message(encoder.session(), rest)
        _message(encoder.session(), made)


def _decompressed(kind: str, pieces: list[bytes]) -> bytes | type[XmlException]:
    """What comes out, or how it is refused."""
    try:
        if len(pieces) == 1:
            return decompress(kind, pieces[0], LIMIT)
        expanding = Decompressor(kind, LIMIT)
        return b"".join(map(expanding.feed, pieces)) + expanding.finish()
    except XmlException as error:
        return type(error)


# ---- to begin with


def framing_seeds() -> Iterator[bytes]:
    """Recorded conversations, one direction each, and faults."""
    from tests.helpers.conversations import conversations

    for conversation in conversations():
        for kind, who in enumerate("cs"):
            yield bytes((2 + kind if kind else 0, 50)) + conversation.side(who)[:3000]
    yield bytes((1, 7)) + PREAMBLE_ACK + b"\x05\x03abc\x00" + END
    for fault in Fault:
        yield bytes((2, 3)) + fault.record


def decode_seeds() -> Iterator[bytes]:
    """The same, and the forms in which they may be given."""
    for seed in framing_seeds():
        yield seed[1:]
    data = preamble(VIA) + END
    yield b"\0" + data.hex().encode()
    yield b"\0" + data.hex().encode() + b"\n\t0b07\n"
    yield b"\0" + json.dumps({"steps": [["c", data.hex()], ["s", "0b"]]}).encode()


def text_seeds() -> Iterator[bytes]:
    """Recorded messages as text, and faults."""
    from tests.helpers.conversations import conversations

    for conversation in conversations():
        if "text" not in conversation.name:
            continue
        pieces = [
            Piece(Side.CLIENT if who == "c" else Side.SERVER, data)
            for who, data in conversation.steps
        ]
        for record in decode(pieces):
            if record.content is not None:
                shown = record.content.xml()
                soap12 = "2003/05" in shown
                yield bytes((0 if soap12 else 1,)) + shown.encode()
                yield bytes((2 if soap12 else 3,)) + shown.encode("utf-16")
    yield b'\0<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;<!--x--><![CDATA[y]]></a>'


def compressed_seeds() -> Iterator[bytes]:
    """Compressed messages, and small ones that become large."""
    from tests.helpers.binary_vectors import MESSAGE

    for number, kind in enumerate(("gzip", "deflate")):
        for content in (MESSAGE[:600], b"", bytes(LIMIT), bytes(LIMIT + 1), bytes(100_000)):
            yield bytes((number, 20)) + compress(kind, content)
    yield bytes((0, 3)) + compress("gzip", b"a") + compress("gzip", b"b")
