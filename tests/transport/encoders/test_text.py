"""Messages as text, in all charsets."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import Message, SoapFault
from netshare.transport.xml import (
    XmlException,
)
from tests.helpers.messages import again, envelopes, text_messages
from tests.helpers.places import VECTORS

MONO = {
    "none-echo": "application/soap+msbinsession1",
    "none-duplex": "application/soap+msbinsession1",
    "default-port-808": "application/soap+msbinsession1",
    "via-escaped": "application/soap+msbinsession1",
    "text": "application/soap+xml; charset=utf-8",
    "text11": "text/xml; charset=utf-8",
    "text16le": "application/soap+xml; charset=utf-16LE",
}


@pytest.mark.parametrize("name", ["text11", "text12", "text12-utf16"])
def test_recorded_text_written_again(name: str) -> None:
    """Text of .NET in any version and charset comes out byte by byte."""
    kind = {
        "text11": "text/xml; charset=utf-8",
        "text12": "application/soap+xml; charset=utf-8",
        "text12-utf16": "application/soap+xml; charset=utf-16LE",
    }[name]
    encoder = encoder_for(kind)
    frames = text_messages(name)
    assert len(frames) == 10
    for frame in frames:
        message = encoder.decode(frame)
        assert encoder.encode(again(message)) == frame


@pytest.mark.parametrize("name", MONO)
def test_messages_of_mono(name: str) -> None:
    """Messages of Mono are read, requests answered by replies that relate to them."""
    encoder = encoder_for(MONO[name], max_message_size=1 << 20)
    requests, replies = (
        [
            encoder.session().decode(frame) if not encoder.has_session else frame
            for frame in envelopes((VECTORS / "mono" / f"{name}.{side}.bin").read_bytes())
        ]
        for side in ("c2s", "s2c")
    )
    if encoder.has_session:
        # Each direction has its own strings.
        requests = [m for s in [encoder.session()] for m in map(s.decode, requests)]
        replies = [m for s in [encoder.session()] for m in map(s.decode, replies)]
    assert requests
    asked = {m.message_id for m in requests if m.message_id is not None}
    answered = {m.relates_to for m in replies if m.relates_to is not None}
    assert asked
    assert answered <= asked
    for message in requests:
        assert message.action
        assert not message.not_understood()
    faults = [SoapFault.from_message(m) for m in replies if m.is_fault]
    assert all(f.reason and f.code.name for f in faults)


@pytest.mark.parametrize(
    ("content_type", "mark"),
    [
        ("application/soap+xml; charset=utf-8", b""),
        ('text/xml; charset="UTF-8"', b""),
        ("application/soap+xml; charset=utf16", b"\xff\xfe"),
        ("application/soap+xml; charset=utf-16LE", b"\xff\xfe"),
        ("text/xml; charset=unicodeFFFE", b"\xfe\xff"),
        ("text/xml; charset=utf-16BE", b"\xfe\xff"),
    ],
)
def test_charsets(content_type: str, mark: bytes) -> None:
    """Each spelling of a charset is understood, with and without byte order mark."""
    encoder = encoder_for(content_type)
    assert encoder.accepts(content_type)
    assert encoder.accepts(encoder.content_type.upper())
    assert not encoder.accepts("application/soap+msbin1")
    data = encoder.encode(Message("urn:é中", version=encoder.version))
    assert data.startswith(mark)
    assert encoder.decode(data).action == "urn:é中"
    bare = data[len(mark) :]
    assert encoder.decode(bare).action == "urn:é中"
    # A mark says more than the content type.
    marked = b"\xef\xbb\xbf" + encoder_for(content_type.partition(";")[0]).encode(
        Message("urn:é中", version=encoder.version)
    )
    assert encoder.decode(marked).action == "urn:é中"
    if mark:
        with pytest.raises(XmlException):
            encoder.decode(data[:-1])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<",
        b"<!DOCTYPE x [<!ENTITY e 'f'>]><x>&e;</x>",
        b"<?php ?><x/>",
        b"\xff\xff",
        b"<x>\xff</x>",
        b"\xff\xfe<",
    ],
)
def test_bad_text(text: bytes) -> None:
    """Text that is no XML, or has a DTD, entities or instructions, is refused."""
    with pytest.raises(XmlException):
        encoder_for("text").decode(text)
