"""
Reading the Fault record. [MC-NMF] 2.2.3.11
"""

from __future__ import annotations

from netshare.framing.events import Broken, FaultReceived, Problem
from netshare.framing.faults import MAX_FAULT_SIZE
from netshare.framing.sizes import NEED_MORE, decode_size
from netshare.framing.source import Source, cut_off


def read_fault(source: Source) -> FaultReceived | Broken | None:
    """
    :param source: stands at the record's first byte
    :returns: None when the record is not complete
    """
    size, start = decode_size(source.data, source.at + 1)
    if size > MAX_FAULT_SIZE or size < NEED_MORE:
        return Broken(
            Problem.PROTOCOL, f"a fault's text is longer than the {MAX_FAULT_SIZE} bytes allowed"
        )
    end = start + size
    if size == NEED_MORE or end > len(source.data):
        return cut_off("inside a fault") if source.eof else None
    source.at = end
    return FaultReceived(source.data[start:end].decode("utf-8", "replace"))
