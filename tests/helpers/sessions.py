"""Framing sessions driven by bytes: what a server and a client see of what they are fed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from netshare.framing.events import (
    ENDED,
    Acknowledged,
    Broken,
    Chunk,
    Event,
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
    preamble,
)
from netshare.framing.session import ClientSession, ServerSession

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


ACK: list[Event] = [Acknowledged()]
