"""What a reader remembers of names."""

from __future__ import annotations

import pytest

from netshare.transport.xml import (
    QuotaExceeded,
    ReaderQuotas,
)
from netshare.transport.xml.binary import ReaderSession, read_events


def test_nodes_are_counted_when_names_are_remembered() -> None:
    """A document of too many nodes is refused each time, also when its start tags are known."""
    # <r> with nine times <x a="" b="" c="" d=""/>: 47 nodes.
    tag = b"\x40\x01x" + b"".join(b"\x04\x01" + a + b"\xa8" for a in (b"a", b"b", b"c", b"d"))
    data = b"\x40\x01r" + (tag + b"\x01") * 9 + b"\x01"
    session = ReaderSession()
    for quotas in (ReaderQuotas(max_nodes=47), ReaderQuotas(max_nodes=46)) * 2:
        for _ in range(3):
            if quotas.max_nodes == 47:
                assert len(read_events(data, session, quotas)) == 11
            else:
                with pytest.raises(QuotaExceeded):
                    read_events(data, session, quotas)


def test_memory_of_names_is_bounded() -> None:
    """A peer that never repeats a name does not make a session grow."""
    session = ReaderSession()
    for i in range(5000):
        read_events(b"@\x01r\x08\x05%05d@\x05%05d\x81\x01" % (i, i), session)
    assert len(session.memory) <= 1100
