"""Compressed messages."""

from __future__ import annotations

import zlib

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import Message
from netshare.transport.xml import (
    QuotaExceeded,
    XmlException,
)
from tests.helpers.messages import again, text_messages


def test_recorded_gzip() -> None:
    """Compressed messages of .NET and CoreWCF are read, and written ones are as theirs."""
    frames = text_messages("gzip")
    assert len(frames) == 4
    for half in (frames[:2], frames[2:]):
        reading = encoder_for("application/soap+msbinsession1+gzip").session()
        messages = [reading.decode(frame) for frame in half]
        assert messages[0].action.startswith("urn:peers:basic/IBasic/Echo")
        writing, again_reading = reading.session(), reading.session()
        for message in messages:
            data = writing.encode(again(message))
            assert data[:2] == b"\x1f\x8b"
            assert again_reading.decode(data).body_element() == message.body_element()


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
def test_compression_bombs(kind: str) -> None:
    """A message may not expand to more than the limit, nor be cut off or no such data."""
    encoder = encoder_for(f"application/soap+msbin1+{kind}", max_message_size=10_000)
    small = encoder.encode(Message("urn:a", lambda w: w.element("x", "y" * 5000)))
    assert encoder.decode(small).body_element().text == "y" * 5000
    large = encoder.encode(Message("urn:a", lambda w: w.element("x", "y" * 10_000_000)))
    assert len(large) < 30_000
    with pytest.raises(QuotaExceeded, match="10000"):
        encoder.decode(large)
    for bad in (small[:-9], small[:5], b"", b"\0" * 50):
        with pytest.raises(XmlException):
            encoder.decode(bad)
    if kind == "gzip":
        half = encoder_for("binary").encode(Message("urn:a", lambda w: w.element("x", "z")))
        joined = b"".join(
            zlib.compress(half[at : at + 40], wbits=31) for at in range(0, len(half), 40)
        )
        assert encoder.decode(joined).body_element().text == "z"
    else:
        with pytest.raises(XmlException, match="more after"):
            encoder.decode(small + b"x")
