"""One framing session without I/O: events, decisions, and what real clients and servers wrote."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.events import (
    CLOSED,
    ENDED,
    MESSAGE_BEGUN,
    MESSAGE_ENDED,
    Acknowledged,
    Broken,
    Chunk,
    Closed,
    Envelope,
    Event,
    FaultReceived,
    PreambleEnded,
    PreambleRead,
    Problem,
    UpgradeAccepted,
    UpgradeAsked,
    ViaRead,
)
from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    END,
    PREAMBLE_ACK,
    PREAMBLE_END,
    SSL_TLS_UPGRADE,
    UPGRADE_RESPONSE,
    Mode,
    RecordType,
    encoding_record,
    preamble,
    text_record,
)
from netshare.framing.session import ClientSession, ServerSession
from netshare.framing.sized import envelope_header
from netshare.framing.sizes import encode_size
from tests.helpers.conversations import Conversation, conversations
from tests.helpers.wire import sized_envelope

VIA = "net.tcp://localhost:9000/calc"
DUPLEX = preamble(VIA)
SINGLETON = preamble(VIA, Mode.SINGLETON, BINARY)
TOO_LARGE = b"\xff\xff\xff\xff\x0f"


def merged(events: Iterable[Event]) -> list[Event]:
    """
    The events without what cuts between reads may change: neighbouring chunks are made one, and
    the guess at another protocol is left out, which is the better the more of it has come.
    """
    result: list[Event] = []
    for event in events:
        if isinstance(event, Broken):
            result.append(replace(event, reason=event.reason.partition("; it looks like")[0]))
        elif isinstance(event, Chunk) and result and isinstance(result[-1], Chunk):
            result[-1] = Chunk(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def serve(reads: Sequence[bytes], eof: bool = False, limit: int = 65536) -> list[Event]:
    """
    What a server sees that says yes to everything and ends each session when the client has,
    all sessions of the socket one after the other.
    """
    session = ServerSession()
    events: list[Event] = []

    def pump() -> None:
        nonlocal session
        while (event := session.next_event()) is not None:
            events.append(event)
            if isinstance(event, UpgradeAsked):
                assert session.accept_upgrade() == UPGRADE_RESPONSE
            elif isinstance(event, PreambleEnded):
                assert session.acknowledge(limit) == PREAMBLE_ACK
            elif event is ENDED:
                assert session.end() == END
                assert session.finished
                rest, ended = session.take_rest(), session.at_eof
                session = ServerSession()
                session.feed(rest)
                if ended:
                    session.feed_eof()

    for data in reads:
        session.feed(data)
        pump()
    if eof:
        session.feed_eof()
        pump()
    return merged(events)


def ask(
    reads: Sequence[bytes],
    mode: Mode = Mode.DUPLEX,
    upgrade: str | None = None,
    eof: bool = False,
    limit: int = 65536,
) -> tuple[list[Event], ClientSession]:
    """What a client sees that goes through with everything."""
    session = ClientSession(VIA, mode, upgrade=upgrade, limit=limit)
    events: list[Event] = []

    def pump() -> None:
        while (event := session.next_event()) is not None:
            events.append(event)
            if isinstance(event, UpgradeAccepted):
                assert session.end_preamble() == PREAMBLE_END

    for data in reads:
        session.feed(data)
        pump()
    if eof:
        session.feed_eof()
        pump()
    return merged(events), session


def cuts(data: bytes) -> Iterable[list[bytes]]:
    """The bytes whole, one by one, and cut in two in every place."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]


OPENED: list[Event] = [
    ViaRead(VIA, Mode.DUPLEX),
    PreambleRead(VIA, Mode.DUPLEX, BINARY_SESSION),
    PreambleEnded(),
]
STREAM_OPENED: list[Event] = [
    ViaRead(VIA, Mode.SINGLETON),
    PreambleRead(VIA, Mode.SINGLETON, BINARY),
    PreambleEnded(),
]
UPGRADE = preamble(VIA, upgrade=SSL_TLS_UPGRADE)
BIG = bytes(range(256)) * 2


def cut_off(reason: str) -> Broken:
    return Broken(Problem.PREMATURE_END, f"the connection ended {reason}")


def wrong(reason: str, fault: Fault | None = None) -> Broken:
    return Broken(Problem.PROTOCOL, reason, fault)


SERVER_CASES: dict[str, tuple[bytes, bool, list[Event]]] = {
    "nothing": (b"", False, []),
    "clean end at position 0": (b"", True, [CLOSED]),
    "end inside the preamble": (DUPLEX[:9], True, [cut_off("inside the preamble")]),
    "end behind the via": (DUPLEX[:-3], True, [OPENED[0], cut_off("inside the preamble")]),
    "open": (DUPLEX, False, OPENED),
    "end behind the ack": (DUPLEX, True, [*OPENED, cut_off("before the first message")]),
    "open and end": (DUPLEX + END, False, [*OPENED, ENDED]),
    "open, end, EOF": (DUPLEX + END, True, [*OPENED, ENDED, CLOSED]),
    "messages": (
        DUPLEX + sized_envelope(b"one") + sized_envelope(b"") + sized_envelope(BIG) + END,
        False,
        [*OPENED, Envelope(b"one"), Envelope(b""), Envelope(BIG), ENDED],
    ),
    "EOF behind a message": (
        DUPLEX + sized_envelope(b"one"),
        True,
        [*OPENED, Envelope(b"one"), CLOSED],
    ),
    "EOF inside a message": (
        DUPLEX + sized_envelope(b"one")[:-1],
        True,
        [*OPENED, cut_off("1 bytes before the end of a message")],
    ),
    "EOF inside the second message": (
        DUPLEX + sized_envelope(b"one") + sized_envelope(b"two")[:-2],
        True,
        [*OPENED, Envelope(b"one"), cut_off("2 bytes before the end of a message")],
    ),
    "EOF inside a size": (
        DUPLEX + b"\x06\x80",
        True,
        [*OPENED, cut_off("inside the size of a message")],
    ),
    "a size in a longer form": (
        DUPLEX + b"\x06\x83\x00one",
        False,
        [*OPENED, Envelope(b"one")],
    ),
    "a size beyond all": (
        DUPLEX + b"\x06" + TOO_LARGE,
        False,
        [*OPENED, wrong("the size of a message is beyond 0x7FFFFFFF")],
    ),
    "a size beyond the limit": (
        DUPLEX + b"\x06" + encode_size(65537),
        False,
        [
            *OPENED,
            Broken(
                Problem.QUOTA,
                "a message has 65537 bytes, the limit is 65536",
                Fault.MAX_MESSAGE_SIZE_EXCEEDED,
            ),
        ],
    ),
    "a chunk in a duplex session": (
        DUPLEX + MESSAGE_START,
        False,
        [
            *OPENED,
            wrong("a UNSIZED_ENVELOPE record stands where a SizedEnvelope or an End record has to"),
        ],
    ),
    "a fault from a client": (
        DUPLEX + Fault.SERVER_TOO_BUSY.record[:1],
        False,
        [*OPENED, wrong("a FAULT record stands where a SizedEnvelope or an End record has to")],
    ),
    "two sessions": (
        DUPLEX + sized_envelope(b"one") + END + SINGLETON + MESSAGE_START + b"\x01x\x00" + END,
        True,
        [
            *OPENED,
            Envelope(b"one"),
            ENDED,
            *STREAM_OPENED,
            MESSAGE_BEGUN,
            Chunk(b"x"),
            MESSAGE_ENDED,
            ENDED,
            CLOSED,
        ],
    ),
    "garbage behind a session": (
        DUPLEX + END + b"\x09",
        False,
        [*OPENED, ENDED, wrong("it begins with 0x09, not with a Version record")],
    ),
    "version 2": (
        b"\x00\x02",
        False,
        [wrong("framing version 2 is not known, only version 1", Fault.UNSUPPORTED_VERSION)],
    ),
    "mode 5": (
        b"\x00\x01\x00\x01\x05",
        False,
        [wrong("mode 5 is not one of 1 to 4", Fault.UNSUPPORTED_MODE)],
    ),
    "mode 3": (preamble(VIA, Mode.SIMPLEX), False, [wrong("mode SIMPLEX is not for TCP")]),
    "mode 4": (
        preamble(VIA, Mode.SINGLETON_SIZED),
        False,
        [wrong("mode SINGLETON_SIZED is not for TCP")],
    ),
    "a content type that is too long": (
        DUPLEX[:-3] + b"\x04" + encode_size(257),
        False,
        [
            OPENED[0],
            wrong("the content type has 257 bytes, the limit is 256", Fault.CONTENT_TYPE_TOO_LONG),
        ],
    ),
    "an upgrade": (
        UPGRADE + PREAMBLE_END + sized_envelope(b"secret") + END,
        False,
        [
            *OPENED[:2],
            UpgradeAsked(SSL_TLS_UPGRADE),
            PreambleEnded(),
            Envelope(b"secret"),
            ENDED,
        ],
    ),
    "two upgrades": (
        UPGRADE + text_record(RecordType.UPGRADE_REQUEST, "again") + PREAMBLE_END,
        False,
        [*OPENED[:2], UpgradeAsked(SSL_TLS_UPGRADE), UpgradeAsked("again"), PreambleEnded()],
    ),
    "EOF inside an upgrade": (
        UPGRADE,
        True,
        [*OPENED[:2], UpgradeAsked(SSL_TLS_UPGRADE), cut_off("inside the preamble")],
    ),
    "a stray record inside an upgrade": (
        UPGRADE + END,
        False,
        [
            *OPENED[:2],
            UpgradeAsked(SSL_TLS_UPGRADE),
            wrong("a END record stands where PreambleEnd or an UpgradeRequest has to"),
        ],
    ),
    "a stream": (
        SINGLETON + MESSAGE_START + b"\x05hello" + encode_size(512) + BIG + MESSAGE_STOP + END,
        False,
        [*STREAM_OPENED, MESSAGE_BEGUN, Chunk(b"hello" + BIG), MESSAGE_ENDED, ENDED],
    ),
    "an empty stream": (
        SINGLETON + MESSAGE_START + MESSAGE_STOP + END,
        False,
        [*STREAM_OPENED, MESSAGE_BEGUN, MESSAGE_ENDED, ENDED],
    ),
    "EOF before a stream": (SINGLETON, True, [*STREAM_OPENED, cut_off("before the message")]),
    "EOF inside a stream": (
        SINGLETON + MESSAGE_START + b"\x05hell",
        True,
        [*STREAM_OPENED, MESSAGE_BEGUN, Chunk(b"hell"), cut_off("inside the message")],
    ),
    "EOF inside a chunk's size": (
        SINGLETON + MESSAGE_START + b"\x85",
        True,
        [*STREAM_OPENED, MESSAGE_BEGUN, cut_off("inside the size of a chunk")],
    ),
    "EOF behind a stream": (
        SINGLETON + MESSAGE_START + MESSAGE_STOP,
        True,
        [*STREAM_OPENED, MESSAGE_BEGUN, MESSAGE_ENDED, CLOSED],
    ),
    "End before a stream": (
        SINGLETON + END,
        False,
        [*STREAM_OPENED, wrong("a END record stands where an UnsizedEnvelope record has to")],
    ),
    "a second stream": (
        SINGLETON + MESSAGE_START + MESSAGE_STOP + MESSAGE_START,
        False,
        [
            *STREAM_OPENED,
            MESSAGE_BEGUN,
            MESSAGE_ENDED,
            wrong("a UNSIZED_ENVELOPE record stands where an End record has to"),
        ],
    ),
    "a stream beyond the limit": (
        SINGLETON + MESSAGE_START + b"\x01x" + encode_size(65536),
        False,
        [
            *STREAM_OPENED,
            MESSAGE_BEGUN,
            Chunk(b"x"),
            Broken(Problem.QUOTA, "the message has more bytes than the limit of 65536"),
        ],
    ),
    "a chunk size beyond all": (
        SINGLETON + MESSAGE_START + TOO_LARGE,
        False,
        [*STREAM_OPENED, MESSAGE_BEGUN, wrong("the size of a chunk is beyond 0x7FFFFFFF")],
    ),
}


@pytest.mark.parametrize(("data", "eof", "expected"), SERVER_CASES.values(), ids=SERVER_CASES)
def test_server_sees_the_same_however_it_is_cut(
    data: bytes, eof: bool, expected: list[Event]
) -> None:
    """A server's events depend on the bytes alone, whole, one by one or cut anywhere."""
    for reads in cuts(data):
        assert serve(reads, eof) == expected


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"\x16\x03\x01", "TLS"), (b"GET / HTTP/1.1\r\n", "HTTP"), (b"SSH-2.0", "SSH")],
)
def test_other_protocols_are_named(data: bytes, name: str) -> None:
    """A client of another protocol is dropped, and the reason says which one it seems to be."""
    session = ServerSession()
    session.feed(data)
    event = session.next_event()
    assert isinstance(event, Broken)
    assert event.reason.endswith(f"it looks like {name}")
    assert event.fault is None


ACK: list[Event] = [Acknowledged()]
CLIENT_CASES: dict[str, tuple[bytes, dict[str, object], list[Event]]] = {
    "silence": (b"", {}, []),
    "EOF in place of the ack": (b"", {"eof": True}, [cut_off("before the ack")]),
    "EOF in place of the upgrade": (
        b"",
        {"eof": True, "upgrade": SSL_TLS_UPGRADE},
        [cut_off("before the upgrade response")],
    ),
    "ack": (b"\x0b", {}, ACK),
    "ack and EOF": (b"\x0b", {"eof": True}, [*ACK, cut_off("before the first message")]),
    "upgrade": (
        b"\x0a\x0b\x07",
        {"upgrade": SSL_TLS_UPGRADE},
        [UpgradeAccepted(), Acknowledged(), ENDED],
    ),
    "ack in place of the upgrade": (
        b"\x0b",
        {"upgrade": SSL_TLS_UPGRADE},
        [wrong("a PREAMBLE_ACK record stands where the upgrade response has to")],
    ),
    "upgrade refused": (
        Fault.UPGRADE_INVALID.record,
        {"upgrade": SSL_TLS_UPGRADE},
        [FaultReceived(Fault.UPGRADE_INVALID.uri)],
    ),
    "HTTP": (
        b"HTTP/1.1 400 Bad Request\r\n",
        {},
        [Broken(Problem.HTTP, "the answer to the preamble looks like HTTP")],
    ),
    "other nonsense": (b"\x55", {}, [wrong("byte 0x55 stands where the ack has to")]),
    **{fault.value: (fault.record, {"eof": True}, [FaultReceived(fault.uri)]) for fault in Fault},
    "an invented fault": (b"\x08\x05urn:x", {}, [FaultReceived("urn:x")]),
    "a fault of 256 bytes": (b"\x08\x80\x02" + b"f" * 256, {}, [FaultReceived("f" * 256)]),
    "a fault of 257 bytes": (
        b"\x08\x81\x02",
        {},
        [wrong("a fault's text is longer than the 256 bytes allowed")],
    ),
    "EOF inside a fault": (b"\x08\x05urn", {"eof": True}, [cut_off("inside a fault")]),
    "a fault in a session": (
        b"\x0b" + sized_envelope(b"one") + Fault.MAX_MESSAGE_SIZE_EXCEEDED.record,
        {},
        [*ACK, Envelope(b"one"), FaultReceived(Fault.MAX_MESSAGE_SIZE_EXCEEDED.uri)],
    ),
    "something behind End": (
        b"\x0b\x07\x06",
        {},
        [*ACK, ENDED, wrong("a SIZED_ENVELOPE record stands where nothing more has to")],
    ),
    "a reply beyond the limit": (
        b"\x0b" + envelope_header(11),
        {"limit": 10},
        [
            *ACK,
            Broken(
                Problem.QUOTA,
                "a message has 11 bytes, the limit is 10",
                Fault.MAX_MESSAGE_SIZE_EXCEEDED,
            ),
        ],
    ),
    "a streamed reply": (
        b"\x0b\x05\x05hello\x00\x07",
        {"mode": Mode.SINGLETON},
        [*ACK, MESSAGE_BEGUN, Chunk(b"hello"), MESSAGE_ENDED, ENDED],
    ),
    "no reply": (b"\x0b\x07", {"mode": Mode.SINGLETON}, [*ACK, ENDED]),
    "a fault behind a streamed reply": (
        b"\x0b\x05\x00" + Fault.SERVER_TOO_BUSY.record,
        {"mode": Mode.SINGLETON},
        [*ACK, MESSAGE_BEGUN, MESSAGE_ENDED, FaultReceived(Fault.SERVER_TOO_BUSY.uri)],
    ),
}


@pytest.mark.parametrize(("data", "how", "expected"), CLIENT_CASES.values(), ids=CLIENT_CASES)
def test_client_sees_the_same_however_it_is_cut(
    data: bytes, how: dict[str, object], expected: list[Event]
) -> None:
    """A client's events depend on the bytes alone, whole, one by one or cut anywhere."""
    for reads in cuts(data):
        assert ask(reads, **how)[0] == expected  # type: ignore[arg-type]


def test_a_fault_names_itself() -> None:
    """A received fault says which of WCF's it is, or that it is none of them."""
    assert FaultReceived(Fault.SERVER_TOO_BUSY.uri).fault is Fault.SERVER_TOO_BUSY
    assert FaultReceived("urn:x").fault is None


@pytest.mark.parametrize("data", [DUPLEX, DUPLEX + END + b"more"])
def test_surrender_gives_every_byte_back(data: bytes) -> None:
    """After the via a session can be given up, with all bytes from the preamble's first on."""
    for reads in cuts(data):
        session = ServerSession()
        event = None
        fed = 0
        for read in reads:
            session.feed(read)
            fed += len(read)
            event = session.next_event()
            if event is not None:
                break
        assert event == OPENED[0]
        assert session.surrender() == data[:fed]
        assert session.next_event() is None


def test_nothing_is_used_while_a_decision_is_pending() -> None:
    """Behind a decision no event comes out, and the bytes stay where they can be taken."""
    session = ServerSession()
    idle = [session.idle]
    session.feed(UPGRADE + b"hello, tls")
    idle.append(session.idle)
    assert idle == [True, False]
    assert [session.next_event() for _ in range(3)] == [
        *OPENED[:2],
        UpgradeAsked(SSL_TLS_UPGRADE),
    ]
    assert session.next_event() is None
    assert session.accept_upgrade() == UPGRADE_RESPONSE
    assert session.take_rest() == b"hello, tls"
    session.feed(PREAMBLE_END + sized_envelope(b"one"))
    assert session.next_event() == PreambleEnded()
    assert session.next_event() is None
    assert session.buffered == len(sized_envelope(b"one"))
    session.acknowledge()
    assert session.next_event() == Envelope(b"one")


def test_bytes_behind_the_clients_end_wait_for_ours() -> None:
    """The next preamble may arrive before our End; it stays untouched until it is taken."""
    session = ServerSession()
    session.feed(DUPLEX + END + DUPLEX)
    while session.next_event() is not None:
        pass
    session.acknowledge()
    assert session.next_event() is ENDED
    assert session.next_event() is None
    finished = [session.finished]
    session.end()
    finished.append(session.finished)
    assert finished == [False, True]
    assert session.take_rest() == DUPLEX


def test_the_size_of_a_message_is_judged_before_its_body() -> None:
    """A message over the limit is refused at its size; one at the limit is taken."""
    head = DUPLEX + envelope_header(10)
    assert isinstance(serve([head], limit=9)[-1], Broken)
    assert serve([head + b"0123456789"], limit=10)[-1] == Envelope(b"0123456789")


def test_a_stream_is_never_held() -> None:
    """Of a chunk of a gigabyte each piece comes out as it came in and nothing is kept."""
    session = ServerSession()
    session.feed(SINGLETON)
    while session.next_event() is not None:
        pass
    session.acknowledge(limit=1 << 31)
    session.feed(MESSAGE_START + encode_size(1 << 30))
    assert session.next_event() is MESSAGE_BEGUN
    assert session.next_event() is None
    piece = bytes(65536)
    for _ in range(100):
        session.feed(piece)
        event = session.next_event()
        assert isinstance(event, Chunk)
        assert event.data is piece
        assert session.next_event() is None
        assert session.buffered == 0


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (ServerSession.acknowledge, "not now: waiting for a via"),
        (ServerSession.accept_upgrade, "not now: waiting for a via"),
        (ServerSession.end, "not now: waiting for a via"),
    ],
)
def test_a_decision_nobody_asked_for_is_an_error(decide: object, message: str) -> None:
    """Answering what was not asked is a programmer's error and says so."""
    with pytest.raises(RuntimeError, match=message):
        decide(ServerSession())  # type: ignore[operator]


def test_end_only_once() -> None:
    """A second End of the same side is a programmer's error."""
    _, session = ask([PREAMBLE_ACK])
    session.end()
    with pytest.raises(RuntimeError, match="ended the session already"):
        session.end()


@pytest.mark.parametrize(
    ("tail", "eof", "reusable"),
    [
        (b"\x07", False, True),
        (b"", False, False),
        (b"\x07\x00", False, False),
        (b"\x07", True, False),
    ],
)
def test_a_client_knows_when_its_socket_is_free(tail: bytes, eof: bool, reusable: bool) -> None:
    """The socket can carry another session once both have ended and nothing else came."""
    session = ClientSession(VIA)
    session.feed(PREAMBLE_ACK + tail)
    session.next_event()
    session.end()
    session.next_event()
    if eof:
        session.feed_eof()
    assert session.reusable is reusable


@pytest.mark.parametrize("mode", [Mode.SIMPLEX, Mode.SINGLETON_SIZED])
def test_a_client_refuses_modes_that_tcp_has_not(mode: Mode) -> None:
    """A client session is Duplex or Singleton."""
    with pytest.raises(ValueError, match="is not for TCP"):
        ClientSession(VIA, mode)


# ---- what real programs wrote --------------------------------------------------------------------

RECORDED = list(conversations())


Opening = tuple[str, Mode, str, str | None]


def openings_of(events: Iterable[Event]) -> list[Opening]:
    """What the clients of these server sessions asked for."""
    openings: list[Opening] = []
    for event in events:
        if isinstance(event, PreambleRead):
            openings.append((event.via, event.mode, event.content_type, None))
        elif isinstance(event, UpgradeAsked):
            openings[-1] = (*openings[-1][:3], event.name)
    return openings


def ask_all(openings: Iterable[Opening], reads: Iterable[bytes]) -> list[Event]:
    """What a client sees that opens these sessions one after the other on one socket."""
    sessions = (ClientSession(*opening, limit=1 << 24) for opening in openings)
    session = next(sessions)
    events: list[Event] = []
    for data in reads:
        session.feed(data)
        while (event := session.next_event()) is not None:
            events.append(event)
            if isinstance(event, UpgradeAccepted):
                assert session.end_preamble() == PREAMBLE_END
            elif event is ENDED:
                session.end()
                rest = session.take_rest()
                assert session.reusable
                session = next(sessions, session)
                session.feed(rest)
    return merged(events)


def again(events: Iterable[Event]) -> bytes:
    """The bytes that the events of a duplex session stand for."""
    written = bytearray()
    for event in events:
        if isinstance(event, PreambleRead):
            written += preamble(event.via, event.mode, event.content_type)[:-1]
        elif isinstance(event, UpgradeAsked):
            written += text_record(RecordType.UPGRADE_REQUEST, event.name)
        elif isinstance(event, PreambleEnded):
            written += PREAMBLE_END
        elif isinstance(event, UpgradeAccepted):
            written += UPGRADE_RESPONSE
        elif isinstance(event, Acknowledged):
            written += PREAMBLE_ACK
        elif isinstance(event, FaultReceived):
            written += text_record(RecordType.FAULT, event.uri)
        elif isinstance(event, Envelope):
            written += sized_envelope(event.payload)
        elif event is ENDED:
            written += END
    return bytes(written)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_a_server_understands_real_clients(recorded: Conversation) -> None:
    """What .NET's and Mono's clients wrote is read whole, one by one and in odd pieces alike."""
    data = recorded.side("c")
    whole = serve([data], limit=1 << 24)
    assert not [event for event in whole if isinstance(event, Broken)]
    if not any(isinstance(event, Chunk) for event in whole):
        assert again(whole) == data
    for size in (1, 7, 1000):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert serve(pieces, limit=1 << 24) == whole


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_a_client_understands_real_servers(recorded: Conversation) -> None:
    """
    With the openings of the real client, our client writes its very preambles and reads to the
    end what .NET's and Mono's services answered, whole, one by one and in odd pieces alike.
    """
    openings = openings_of(serve([recorded.side("c")], limit=1 << 24))
    data = recorded.side("s")
    whole = ask_all(openings, [data])
    assert not [event for event in whole if isinstance(event, Broken)]
    if openings[0][1] is Mode.DUPLEX:
        assert again(whole) == data
    for size in (1, 7, 1000):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert ask_all(openings, pieces) == whole
    written = recorded.side("c")
    for via, mode, content_type, upgrade in openings:
        opening = ClientSession(via, mode, content_type, upgrade).opening
        assert opening in written
        written = written[written.index(opening) + len(opening) :]


# ---- anything at all -----------------------------------------------------------------------------

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([DUPLEX, SINGLETON, UPGRADE, END, MESSAGE_START, MESSAGE_STOP]),
        st.sampled_from([PREAMBLE_ACK, UPGRADE_RESPONSE, b"\x06", b"\x08", TOO_LARGE]),
        st.binary(max_size=40).map(sized_envelope),
        st.text(min_size=1, max_size=20).map(encoding_record),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(PIECES, st.booleans(), st.integers(1, 9))
def test_a_server_never_raises(pieces: list[bytes], eof: bool, size: int) -> None:
    """Whatever comes, a server answers with events, the same ones however it is cut."""
    data = b"".join(pieces)
    small = [data[i : i + size] for i in range(0, len(data), size)]
    assert serve(pieces, eof) == serve(small, eof) == serve([data], eof)


@settings(max_examples=300)
@given(PIECES, st.booleans(), st.integers(1, 9), st.sampled_from([Mode.DUPLEX, Mode.SINGLETON]))
def test_a_client_never_raises(pieces: list[bytes], eof: bool, size: int, mode: Mode) -> None:
    """Whatever comes, a client answers with events, the same ones however it is cut."""
    data = b"".join(pieces)
    small = [data[i : i + size] for i in range(0, len(data), size)]
    for upgrade in (None, SSL_TLS_UPGRADE):
        whole = ask([data], mode, upgrade, eof)[0]
        assert ask(pieces, mode, upgrade, eof)[0] == ask(small, mode, upgrade, eof)[0] == whole
        assert sum(isinstance(event, Broken | Closed | FaultReceived) for event in whole) <= 1


@given(st.lists(st.binary(max_size=300)), st.integers(1, 50))
def test_envelopes_survive_the_way(messages: list[bytes], size: int) -> None:
    """What one side sends as envelopes the other receives, in order, in both directions."""
    data = b"".join(envelope_header(len(message)) + message for message in messages) + END
    there = DUPLEX + data
    pieces = [there[i : i + size] for i in range(0, len(there), size)]
    expected: list[Event] = [*(Envelope(message) for message in messages), ENDED]
    assert serve(pieces) == [*OPENED, *expected]
    back = PREAMBLE_ACK + data
    assert ask([back[i : i + size] for i in range(0, len(back), size)])[0] == [*ACK, *expected]


@pytest.mark.parametrize(
    "sizes",
    [[65536], [5000, 1, 4095, 4096], [3, 70_000], [1, 4000], [4095], [200_000, 2]],
    ids=str,
)
def test_a_large_envelope_survives_the_way(sizes: list[int]) -> None:
    """A message of many reads arrives whole, be the reads long, short, or in turn both."""
    first, second = (bytes(n * k & 0xFF for n in range(150_000)) for k in (7, 11))
    data = DUPLEX + sized_envelope(first) + sized_envelope(second) + sized_envelope(b"") + END
    reads = []
    at = 0
    while at < len(data):
        size = sizes[len(reads) % len(sizes)]
        reads.append(data[at : at + size])
        at += size
    expected = [*OPENED, Envelope(first), Envelope(second), Envelope(b""), ENDED]
    assert serve(reads, limit=150_000) == expected


def test_an_envelope_in_tiny_reads_takes_little_memory() -> None:
    """A message that comes byte by byte takes about its size while it comes, not fifty times."""
    session = ServerSession()
    session.feed(DUPLEX)
    while (event := session.next_event()) is not None:
        if isinstance(event, PreambleEnded):
            session.acknowledge(1 << 20)
    session.feed(envelope_header(1 << 20))
    assert session.next_event() is None
    tracemalloc.start()
    try:
        for _ in range(400_000):
            session.feed(b"x")
            assert session.next_event() is None
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 800_000


@given(st.lists(st.binary(min_size=1, max_size=300)), st.integers(1, 50))
def test_chunks_survive_the_way(chunks: list[bytes], size: int) -> None:
    """What is sent in chunks arrives as the same bytes, whatever the cuts."""
    body = b"".join(encode_size(len(chunk)) + chunk for chunk in chunks)
    there = SINGLETON + MESSAGE_START + body + MESSAGE_STOP + END
    events = serve([there[i : i + size] for i in range(0, len(there), size)])
    sent = b"".join(chunks)
    middle: list[Event] = [Chunk(sent)] if sent else []
    assert events == [*STREAM_OPENED, MESSAGE_BEGUN, *middle, MESSAGE_ENDED, ENDED]
