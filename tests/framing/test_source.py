"""netshare.framing.source: bytes that are fed, looked at and taken, and the verdicts on them."""

from __future__ import annotations

import pytest

from netshare.framing.events import Broken, Problem
from netshare.framing.faults import Fault, FaultReceived
from netshare.framing.source import Source, cut_off, next_fault, unexpected


def test_what_is_not_used_stays() -> None:
    """What was read is gone; what was not is joined with what comes, and can be taken whole."""
    source = Source()
    assert not len(source)
    source.feed(b"abc")
    source.at = 2
    source.feed(b"de")
    assert (source.data, source.at, len(source)) == (b"cde", 0, 3)
    source.at = 1
    assert source.take() == b"de"
    assert (source.take(), len(source)) == (b"", 0)


@pytest.mark.parametrize(
    ("byte", "named"), [(0x0B, "a PREAMBLE_ACK record"), (0x7F, "byte 0x7f"), (7, "a END record")]
)
def test_what_stands_in_the_wrong_place(byte: int, named: str) -> None:
    """The verdict names the record that is there, and what had to be."""
    wanted = Broken(Problem.PROTOCOL, f"{named} stands where a Via has to")
    assert unexpected(byte, "a Via") == wanted


def test_the_next_fault() -> None:
    """A fault is used up as a whole; the end inside of one is the session's."""
    source = Source()
    source.feed(Fault.SERVER_TOO_BUSY.record[:-1])
    assert next_fault(source) is None
    source.eof = True
    assert next_fault(source) == cut_off("inside a fault")
    source.feed(Fault.SERVER_TOO_BUSY.record[-1:] + b"rest")
    assert next_fault(source) == FaultReceived(Fault.SERVER_TOO_BUSY.uri)
    assert source.take() == b"rest"
    source.feed(b"\x08\x81\x02")
    broken = next_fault(source)
    assert isinstance(broken, Broken)
    assert (broken.problem, source.at) == (Problem.PROTOCOL, 0)
