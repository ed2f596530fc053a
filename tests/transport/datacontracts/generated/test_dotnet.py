"""What .NET wrote is read the generated way."""

from __future__ import annotations

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.soap.body import ReceivedBody
from netshare.transport.xml.binary import ReaderSession
from tests.helpers.binary_vectors import conversations
from tests.helpers.templates import OPERATIONS, encoder


def test_recorded_messages() -> None:
    """Each message of .NET's client, read again and again: soon so, and always as before."""
    (frames,) = (session.frames for name, session in conversations() if name == "data-0-0-c")
    encoding, strings = encoder(), ReaderSession(1 << 20)
    generated, ordinary = set(), set()
    for frame in frames:
        start = strings.read_table(frame)
        message = encoding.decode(frame)
        assert message.action is not None
        name = message.action.rpartition("/")[2]
        operation = formatter_for(OPERATIONS[name]).request
        first = operation.read(message)
        reader = operation._reader
        assert reader is not None
        for _ in range(4):
            reader._skip = reader._penalty = 0
            before = reader.read_so
            message = encoding.decode(b"\0" + frame[start:])
            assert isinstance(message.body_content, ReceivedBody)
            # So many kinds of messages has a session, whose bodies are not read at once.
            later = message.body_content.unread is not None
            assert repr(operation.read(message)) == repr(first)
        if later:
            (generated if reader.read_so > before else ordinary).add(name)
    # Some have values of which not all are usual.
    assert not ordinary - generated
    assert generated > {"EchoShape", "EchoShapes", "EchoObject", "EchoEverything", "EchoNode"}
