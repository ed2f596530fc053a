"""netshare.framing.session: recorded conversations of real clients and servers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from netshare.framing.events import (
    ENDED,
    Acknowledged,
    Broken,
    Chunk,
    Envelope,
    Event,
    FaultReceived,
    PreambleEnded,
    PreambleRead,
    UpgradeAccepted,
    UpgradeAsked,
)
from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
    PREAMBLE_END,
    UPGRADE_RESPONSE,
    Mode,
    RecordType,
    preamble,
    text_record,
)
from netshare.framing.session import ClientSession
from tests.helpers.conversations import Conversation, conversations
from tests.helpers.sessions import (
    merged,
    serve,
)
from tests.helpers.wire import sized_envelope

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
