"""Receiving streamed messages: recorded ones, any cuts, too much of them."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.encoders.streamed import stream_decoder
from netshare.transport.soap import FaultCode, Message, MessageInvalid, SoapFault, StreamBody
from netshare.transport.xml import QuotaExceeded, XmlException
from tests.helpers.streamed import KINDS, PATH, encode_stream, pattern, receive, recorded_messages


@pytest.mark.parametrize("cut", [1, 7, 65536])
def test_recorded_streams(cut: int) -> None:
    """Every stream of the recordings comes out with its headers, however it is cut."""
    encoder = encoder_for("binary")
    seen = set()
    for side, data in recorded_messages():
        action = encoder.decode(data).action or ""
        operation = action.rpartition("/")[2]
        stream = operation in ("Upload", "UploadFile", "Reverse", "DownloadResponse")
        message, content, path = receive(encoder, data, cut, stream)
        assert message.action == action
        assert (message.message_id is None) == (side == "s")
        assert (message.relates_to is None) == (side == "c")
        if stream:
            expected = pattern(3000 if operation == "Reverse" else 5000)
            assert content in (expected, b"")
            assert path[0][1] == "urn:peers:stream"
        else:
            assert content == b""
            element = message.body_element()
            assert element is not None
            assert element == encoder.decode(data).body_element()
        seen.add(operation)
    assert len(seen) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off(kind: str) -> None:
    """A message that ends too early is an error wherever it ends, never something shorter."""
    encoder = encoder_for(kind)
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [pattern(50)]))
    for end in range(len(data) - 1):
        with pytest.raises((XmlException, MessageInvalid)):
            receive(encoder, data[:end], 16)
    for stream in (True, False):
        receive(encoder, data, 16, stream)


@pytest.mark.parametrize("kind", KINDS)
def test_fault_instead_of_stream(kind: str) -> None:
    """That the body is a fault is known before the body is read."""
    encoder = encoder_for(kind)
    fault = SoapFault(FaultCode.sender(), "no")
    data = encoder.encode(fault.to_message(version=encoder.version))
    message, _, _ = receive(encoder, data, 10, stream=False)
    assert message.is_fault
    assert SoapFault.from_message(message).reason == "no"


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_headers_too_large(kind: str) -> None:
    """Headers that never end are refused at the limit."""
    encoder = encoder_for(kind)
    message = Message("urn:" + "a" * 5000, StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [b"x"]))
    decoder = stream_decoder(encoder, 1000)
    for at in range(0, 1000, 100):
        assert decoder.feed(data[at : at + 100]) == []
    with pytest.raises(QuotaExceeded):
        decoder.feed(data[1000:1100])


def test_body_too_large() -> None:
    """A collected body is refused at the limit of the message."""
    for kind in ("binary", "text"):
        encoder = encoder_for(kind, max_message_size=100_000)
        message = Message("urn:a", StreamBody(PATH), version=encoder.version)
        data = b"".join(encode_stream(encoder, message, [bytes(200_000)]))
        with pytest.raises(QuotaExceeded):
            receive(encoder, data, 5000, stream=False)


def test_expansion_of_a_stream() -> None:
    """A compressed stream may not become more than the limit."""
    encoder = encoder_for("application/soap+msbin1+gzip", max_message_size=1_000_000)
    message = Message("urn:a", StreamBody(PATH), version=encoder.version)
    data = b"".join(encode_stream(encoder, message, [bytes(5_000_000)]))
    assert len(data) < 20_000
    with pytest.raises(QuotaExceeded):
        receive(encoder, data, 1000)
