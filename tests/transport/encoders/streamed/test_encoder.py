"""Sending streamed messages: both encodings, any chunks."""

from __future__ import annotations

import hashlib
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.encoders import encoder_for
from netshare.transport.encoders.streamed import stream_decoder
from netshare.transport.soap import Message, StreamBody, new_message_id
from tests.helpers.streamed import KINDS, PATH, encode_stream, pattern, receive


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, 300_000])
def test_round_trip(kind: str, size: int) -> None:
    """What is sent in any encoding and in any chunks is received, with its path."""
    encoder = encoder_for(kind, max_message_size=10_000_000)
    content = pattern(size)
    message = Message(
        "urn:a", StreamBody(PATH), version=encoder.version, message_id=new_message_id()
    )
    for chunk in (1 if size < 1000 else 4001, 70_000):
        chunks = [content[at : at + chunk] for at in range(0, size, chunk)]
        data = b"".join(encode_stream(encoder, message, chunks))
        for cut in (1 if size < 1000 else 999, 65536):
            received, out, path = receive(encoder, data, cut)
            assert out == content
            assert path == list(PATH)
            assert received.message_id == message.message_id
        # It is an ordinary message, too.
        element = encoder.decode(data).body_element()
        assert element is not None
        assert element.local == "Echo"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.binary(max_size=300), max_size=8),
    st.integers(1, 400),
)
def test_any_chunks(kind: str, chunks: list[bytes], cut: int) -> None:
    """Whatever the chunks sent and received, the content is the same."""
    encoder = encoder_for(kind)
    message = Message("urn:a", StreamBody(PATH[:1]), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, chunks))
    assert receive(encoder, data, cut)[1] == b"".join(chunks)


@pytest.mark.parametrize("kind", ["binary", "text", "application/soap+msbin1+gzip"])
def test_bounded_memory(kind: str) -> None:
    """64 MiB pass through both directions without more than 8 MiB being held."""
    encoder = encoder_for(kind, max_message_size=1 << 30)
    decoder = stream_decoder(encoder)
    # Nothing that compression makes small: a piece of the wire is at most this large, then.
    chunk = os.urandom(1 << 20)
    digest, expected = hashlib.md5(), hashlib.md5()
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    tracemalloc.start()
    decided = False
    for piece in encode_stream(encoder, message, (chunk for _ in range(64))):
        for at in range(0, len(piece), 65536):
            for out in decoder.feed(piece[at : at + 65536]):
                digest.update(out)
            if decoder.message is not None and not decided:
                decided = True
                for out in decoder.expect_stream():
                    digest.update(out)
    decoder.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for _ in range(64):
        expected.update(chunk)
    assert digest.digest() == expected.digest()
    assert peak < 8 << 20
