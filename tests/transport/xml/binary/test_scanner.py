"""The scanner: many records at a time, with the same result."""

from __future__ import annotations

import random

import pytest

from netshare.transport.xml import (
    BUFFERED_QUOTAS,
    XmlException,
    build_tree,
    to_xml,
)
from netshare.transport.xml.binary import ReaderSession, read_document, read_events
from netshare.transport.xml.binary.reader import WindowReader
from netshare.transport.xml.binary.scanner import header_of
from tests.helpers.binary_documents import SESSION, Maker, mutate
from tests.helpers.binary_vectors import (
    MESSAGE,
    RecordedSession,
    conversations,
)
from tests.helpers.reading import carefully


def test_both_ways_of_reading_agree() -> None:
    """With and without the scanner the same tree, and the same refusals, come out."""
    rng = random.Random(7)
    read = refused = 0
    for _ in range(1500):
        data = Maker(rng, rng.choice([0, 0.01])).document()
        if rng.random() < 0.3:
            data = mutate(rng, data)
        try:
            slow = to_xml(build_tree(carefully(data, ReaderSession.of(SESSION))))
        except XmlException:
            refused += 1
            with pytest.raises(XmlException):
                to_xml(read_document(data, ReaderSession.of(SESSION)))
        else:
            read += 1
            assert to_xml(read_document(data, ReaderSession.of(SESSION))) == slow
    assert read > 400
    assert refused > 200


@pytest.mark.parametrize(("name", "recorded"), list(conversations()))
def test_ordinary_messages_need_no_second_reading(name: str, recorded: RecordedSession) -> None:
    """The scanner never stumbles over what .NET sends."""
    session = ReaderSession()
    for frame in recorded.frames:
        start = session.read_table(frame)
        assert WindowReader(frame, session, BUFFERED_QUOTAS, start).read(), name


def test_large_message_crosses_windows() -> None:
    """A message of many windows reads the same with and without the scanner."""
    begin = MESSAGE.index(b"@\x04Line")
    end = MESSAGE.index(b"@\x04Line", begin + 1)
    line = MESSAGE[begin:end]
    data = MESSAGE[:begin] + b"".join(
        line.replace(b"medium", b"m" * (i % 60)).replace(b"\x991", bytes([0x99, 0x2B + i % 60]))
        for i in range(700)
    ) + b"\x01" * 4  # fmt: skip
    assert len(data) > 100_000
    assert build_tree(read_events(data)) == build_tree(carefully(data))


@pytest.mark.parametrize(
    "header", [b"\x40\x03abc", b"\x5e\x01a", b"\x42\x10", b"\x45\x81\x02", b"\x5d\x7f"]
)
def test_headers(header: bytes) -> None:
    """A start tag is told from its attributes."""
    assert header_of(header + b"\x08\x03urn") == header
