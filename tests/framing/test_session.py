"""One framing session without I/O: events, decisions, and what real clients and servers wrote."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.events import (
    CLOSED,
    ENDED,
    MESSAGE_BEGUN,
    MESSAGE_ENDED,
    Broken,
    Chunk,
    Closed,
    Envelope,
    Event,
    FaultReceived,
    PreambleEnded,
    Problem,
    UpgradeAsked,
)
from netshare.framing.faults import Fault
from netshare.framing.records import (
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
from netshare.framing.session import ServerSession
from netshare.framing.sizes import encode_size
from tests.helpers.sessions import (
    BIG,
    DUPLEX,
    OPENED,
    SINGLETON,
    STREAM_OPENED,
    TOO_LARGE,
    UPGRADE,
    VIA,
    ask,
    cut_off,
    cuts,
    serve,
    wrong,
)
from tests.helpers.wire import sized_envelope

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


# ---- what real programs wrote --------------------------------------------------------------------


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
