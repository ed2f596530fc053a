"""
The bytes that a session has been given and has not used yet, and verdicts that all readers need.
"""

from __future__ import annotations

from netshare.framing.events import Broken, Problem
from netshare.framing.faults import FaultReceived, Unreadable, read_fault
from netshare.framing.records import RecordType


class Source:
    """
    A piece of bytes and a place in it. Readers look at both and move :attr:`at`.

    Why ``bytes`` and not ``bytearray``: a read nearly always holds whole records, which are cut
    out with one copy each; what is left over is shorter than a record's header, so that joining
    it with the next read costs nothing.
    """

    __slots__ = ("at", "data", "eof")

    def __init__(self) -> None:
        self.data = b""
        self.at = 0
        #: Whether nothing will follow.
        self.eof = False

    def __len__(self) -> int:
        return len(self.data) - self.at

    def feed(self, data: bytes) -> None:
        """More has come."""
        self.data = self.data[self.at :] + data if self.at < len(self.data) else data
        self.at = 0

    def take(self) -> bytes:
        """Everything that is left, which is then no longer here."""
        rest = self.data[self.at :]
        self.data = b""
        self.at = 0
        return rest


def unexpected(byte: int, wanted: str) -> Broken:
    """A byte where another record had to begin."""
    try:
        found = f"a {RecordType(byte).name} record"
    except ValueError:
        found = f"byte {byte:#04x}"
    return Broken(Problem.PROTOCOL, f"{found} stands where {wanted} has to")


def cut_off(where: str) -> Broken:
    """The far end closed too early."""
    return Broken(Problem.PREMATURE_END, f"the connection ended {where}")


def next_fault(source: Source) -> FaultReceived | Broken | None:
    """
    The fault whose record begins here.

    :returns: None when the record is not complete
    """
    reading = read_fault(source.data, source.at)
    if reading is Unreadable.INCOMPLETE:
        return cut_off("inside a fault") if source.eof else None
    if isinstance(reading, Unreadable):
        return Broken(Problem.PROTOCOL, reading.value)
    fault, source.at = reading
    return fault
