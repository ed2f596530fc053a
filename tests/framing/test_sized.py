"""netshare.framing.sized: the messages of a Duplex session."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.framing.events import (
    ENDED,
    Broken,
    Envelope,
    Event,
    PreambleEnded,
)
from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
)
from netshare.framing.session import ServerSession
from netshare.framing.sized import envelope_header
from tests.helpers.sessions import (
    ACK,
    DUPLEX,
    OPENED,
    ask,
    serve,
)
from tests.helpers.wire import sized_envelope


def test_the_size_of_a_message_is_judged_before_its_body() -> None:
    """A message over the limit is refused at its size; one at the limit is taken."""
    head = DUPLEX + envelope_header(10)
    assert isinstance(serve([head], limit=9)[-1], Broken)
    assert serve([head + b"0123456789"], limit=10)[-1] == Envelope(b"0123456789")


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


def test_the_header_of_a_message() -> None:
    """What stands before a message has its size, as far as framing can say it."""
    assert envelope_header(200) == b"\x06\xc8\x01"
    with pytest.raises(ValueError, match="0x7fffffff"):
        envelope_header(1 << 31)
