"""netshare.framing.chunked: the one message of a Singleton session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.events import (
    ENDED,
    MESSAGE_BEGUN,
    MESSAGE_ENDED,
    Chunk,
    Event,
)
from netshare.framing.records import (
    END,
)
from netshare.framing.session import ServerSession
from netshare.framing.sizes import encode_size
from tests.helpers.sessions import (
    SINGLETON,
    STREAM_OPENED,
    serve,
)


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


@given(st.lists(st.binary(min_size=1, max_size=300)), st.integers(1, 50))
def test_chunks_survive_the_way(chunks: list[bytes], size: int) -> None:
    """What is sent in chunks arrives as the same bytes, whatever the cuts."""
    body = b"".join(encode_size(len(chunk)) + chunk for chunk in chunks)
    there = SINGLETON + MESSAGE_START + body + MESSAGE_STOP + END
    events = serve([there[i : i + size] for i in range(0, len(there), size)])
    sent = b"".join(chunks)
    middle: list[Event] = [Chunk(sent)] if sent else []
    assert events == [*STREAM_OPENED, MESSAGE_BEGUN, *middle, MESSAGE_ENDED, ENDED]
