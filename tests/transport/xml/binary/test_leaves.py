"""The end of a message of which the rest is known."""

from __future__ import annotations

import pytest

from netshare.transport.xml import BUFFERED_QUOTAS, ReaderQuotas
from netshare.transport.xml.binary import ReaderSession, read_events
from netshare.transport.xml.binary.leaves import read_leaves
from netshare.transport.xml.binary.recordreader import RecordReader

#: <r>, and leaves <a>, <b> with values.
ROOT, LEAVES = b"\x40\x01r", b"\x40\x01a\x89\x05\x40\x01b\x99\x02hi"


def reader(session: ReaderSession) -> RecordReader:
    """A reader behind the start tag of the root, in a session that has met the names."""
    data = ROOT + LEAVES + b"\x01"
    read_events(data, session)
    before = RecordReader(data, session, BUFFERED_QUOTAS, 0)
    before.step()
    return before


@pytest.mark.parametrize("leaves", [LEAVES, LEAVES * 3, LEAVES[:5]])
def test_leaves(leaves: bytes) -> None:
    """Leaves of names that were met before are read as the whole reader reads them."""
    session = ReaderSession()
    progress = reader(session).progress
    data = ROOT + leaves + b"\x01"
    events = read_leaves(data, len(ROOT), progress, BUFFERED_QUOTAS)
    assert events == read_events(data, session)[1:]


@pytest.mark.parametrize(
    "rest",
    [
        b"\x40\x01c\x89\x05\x01",  # a name that was not met
        b"\x40\x01a\x40\x01b\x01\x01\x01",  # an element in an element
        b"\x40\x01a\x04\x01x\xa8\x01\x01",  # an attribute
        LEAVES,  # no end
        LEAVES + b"\x01\x01",  # more ends than beginnings
        LEAVES + b"\x02\x01c\x01",  # a comment
    ],
)
def test_anything_else(rest: bytes) -> None:
    """Anything else is not known here, whether it is right or wrong."""
    progress = reader(ReaderSession()).progress
    assert read_leaves(ROOT + rest, len(ROOT), progress, BUFFERED_QUOTAS) is None


def test_quotas() -> None:
    """Where depth or nodes could be too much, it is not known here."""
    progress = reader(ReaderSession()).progress
    data = ROOT + LEAVES + b"\x01"
    for quotas in (ReaderQuotas(max_depth=1), ReaderQuotas(max_nodes=5)):
        assert read_leaves(data, len(ROOT), progress, quotas) is None
