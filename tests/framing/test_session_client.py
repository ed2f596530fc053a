"""netshare.framing.session: what a client sees of any server."""

from __future__ import annotations

import pytest

from netshare.framing.events import (
    ENDED,
    MESSAGE_BEGUN,
    MESSAGE_ENDED,
    Acknowledged,
    Broken,
    Chunk,
    Envelope,
    Event,
    FaultReceived,
    Problem,
    UpgradeAccepted,
)
from netshare.framing.faults import Fault
from netshare.framing.records import (
    PREAMBLE_ACK,
    SSL_TLS_UPGRADE,
    Mode,
)
from netshare.framing.session import ClientSession
from netshare.framing.sized import envelope_header
from tests.helpers.sessions import (
    ACK,
    VIA,
    ask,
    cut_off,
    cuts,
    wrong,
)
from tests.helpers.wire import sized_envelope

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
