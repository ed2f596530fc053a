"""Reading whole documents: recorded, made up, and anything at all."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.xml import (
    Event,
    XmlException,
    build_tree,
    to_xml,
)
from netshare.transport.xml.binary import ReaderSession, read_document, read_events
from tests.helpers.binary_documents import SESSION, mutate
from tests.helpers.binary_vectors import (
    MESSAGE,
    MESSAGE_IN_SESSION,
    MESSAGE_XML,
    RecordedSession,
    conversations,
    oracle_documents,
)
from tests.helpers.reading import carefully, xml


@pytest.mark.parametrize("document", oracle_documents(), ids=lambda d: str(d["name"]))
def test_oracle_document(document: dict[str, Any]) -> None:
    """Each document that Microsoft's reader was asked about reads the same, or is refused too."""
    if "error" in document:
        with pytest.raises(XmlException):
            xml(document["hex"], document.get("session"))
    else:
        assert xml(document["hex"], document.get("session")) == document["xml"]


def test_message_with_static_dictionary() -> None:
    """The recorded order message reads as its text form."""
    assert to_xml(read_document(MESSAGE)) == MESSAGE_XML


def test_message_with_session_table() -> None:
    """The same message with a string table in front reads the same."""
    session = ReaderSession()
    start = session.read_table(MESSAGE_IN_SESSION)
    assert to_xml(read_document(MESSAGE_IN_SESSION, session, start=start)) == MESSAGE_XML


@pytest.mark.parametrize(("name", "recorded"), list(conversations()))
def test_recorded_conversation(name: str, recorded: RecordedSession) -> None:
    """Every envelope .NET and CoreWCF exchanged reads as .NET's own reader shows it."""
    assert recorded.frames
    session = ReaderSession()
    for frame, shown, strings in zip(recorded.frames, recorded.xml, recorded.strings, strict=True):
        known = len(session.strings)
        start = session.read_table(frame)
        assert session.strings[known:] == strings, name
        assert to_xml(read_document(frame, session, start=start)) == shown


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    """Any bytes give a document or our exception."""
    try:
        to_xml(read_document(data, ReaderSession.of(SESSION)))
    except XmlException:
        pass


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_mutations_of_a_message(seed: int, data: st.DataObject) -> None:
    """A real message with damage gives a document or our exception, both ways the same."""
    damaged = mutate(random.Random(seed), MESSAGE[: data.draw(st.integers(1, 900))] + b"\x01" * 5)
    try:
        expected: list[Event] | None = carefully(damaged)
    except XmlException:
        expected = None
    try:
        events: list[Event] | None = read_events(damaged)
    except XmlException:
        events = None
    assert (events is None) == (expected is None)
    if events is not None and expected is not None:
        assert repr(build_tree(events)) == repr(build_tree(expected))
