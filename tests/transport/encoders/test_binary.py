"""Messages in binary, with and without a session."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    BinarySessionEncoder,
    encoder_for,
)
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, Message
from netshare.transport.xml import (
    QuotaExceeded,
    SessionInvalid,
    XmlException,
)
from netshare.transport.xml.binary import WriterSession
from netshare.transport.xml.binary.dictionary import STATIC_IDS
from netshare.transport.xml.binary.records import read_multibyte
from tests.helpers.binary_vectors import RecordedSession
from tests.helpers.messages import RECORDED, again


def test_sessions_are_apart() -> None:
    """Each session has its own strings, in each direction; beyond the quota they go inline."""
    encoder = encoder_for("binary-session", max_session_size=60)
    client, server = encoder.session(), encoder.session()
    for number in range(20):
        name = f"name{number}"
        data = client.encode(Message("urn:a", lambda w, name=name: w.element(name, "", "urn:n")))
        message = server.decode(data)
        assert message.body_element().local == name
        assert client.decode(server.encode(again(message))).body_element().local == name
    with pytest.raises(XmlException):
        encoder.session().decode(data[1:])
    greedy = encoder_for("binary-session").session()
    with pytest.raises(QuotaExceeded):
        server.decode(greedy.encode(Message("urn:" + "b" * 100)))
    with pytest.raises(SessionInvalid):
        server.decode(data)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_envelopes_written_again(name: str) -> None:
    """The headers of every envelope of .NET, and its faults, come out byte by byte."""
    recorded: RecordedSession = RECORDED[name]
    encoder = encoder_for("binary-session")
    known: list[str] = []
    for frame, strings in zip(recorded.frames, recorded.strings, strict=True):
        message = encoder.decode(frame)
        # Give the strings the ids they have in the recording, whatever the body needs them for.
        known += strings
        writing = WriterSession()
        for string in known:
            writing._add(string)
        writing.take_table()
        own = BinarySessionEncoder("x", MESSAGE_VERSION_DEFAULT, encoder.quotas, 0)
        own.know(writing=writing)
        written = own.encode(again(message))
        size, start = read_multibyte(written, 0)
        written = written[start + size :]
        size, start = read_multibyte(frame, 0)
        expected = frame[start + size :]
        begin = expected.index(b"\x56\x0e")
        assert written[: begin + 2] == expected[: begin + 2]
        # Longer texts .NET does not end in their own record.
        if message.is_fault and len(expected) < 300 and not STATIC_IDS.keys() & strings:
            assert written == expected
