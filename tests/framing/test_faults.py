"""netshare.framing.faults: the faults that WCF knows, and reading their record."""

from __future__ import annotations

import pytest

from netshare.framing.faults import MAX_FAULT_SIZE, Fault, FaultReceived, Unreadable, read_fault

NAMES = {
    "ContentTypeInvalid": 0x49,
    "ContentTypeTooLong": 0x49,
    "ConnectionDispatchFailed": 0x4F,
    "EndpointNotFound": 0x47,
    "EndpointUnavailable": 0x4A,
    "MaxMessageSizeExceededFault": 0x52,
    "ServerTooBusy": 0x44,
    "ServiceActivationFailed": 0x4E,
    "UnsupportedMode": 0x46,
    "UnsupportedVersion": 0x49,
    "UpgradeInvalid": 0x45,
    "ViaTooLong": 0x41,
}


def test_the_faults() -> None:
    """The table is WCF's, and each record has the type, the size and the text of the table."""
    assert {fault.value for fault in Fault} == set(NAMES)
    for fault in Fault:
        uri = "http://schemas.microsoft.com/ws/2006/05/framing/faults/" + fault.value
        assert fault.uri == uri
        assert fault.record == bytes((8, NAMES[fault.value])) + uri.encode()
        assert len(uri) <= MAX_FAULT_SIZE
        assert Fault.from_uri(uri) is fault


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "EndpointNotFound",
        "http://schemas.microsoft.com/ws/2006/05/framing/faults/",
        "http://schemas.microsoft.com/ws/2006/05/framing/faults/EndpointPaused",
        "http://schemas.microsoft.com/ws/2006/05/framing/faults/endpointnotfound",
        "http://schemas.microsoft.com/ws/2006/05/framing/FAULTS/EndpointNotFound",
    ],
)
def test_unknown_faults(uri: str) -> None:
    """A text that is not in the table is no known fault."""
    assert Fault.from_uri(uri) is None


def test_a_fault_names_itself() -> None:
    """A received fault says which of WCF's it is, or that it is none of them."""
    assert FaultReceived(Fault.SERVER_TOO_BUSY.uri).fault is Fault.SERVER_TOO_BUSY
    assert FaultReceived("urn:x").fault is None


RECORD = Fault.SERVER_TOO_BUSY.record


@pytest.mark.parametrize("fault", list(Fault))
def test_reading_a_fault(fault: Fault) -> None:
    """A record is read wherever it stands, once it is complete."""
    record = fault.record
    for end in range(1, len(record)):
        assert read_fault(record[:end]) is Unreadable.INCOMPLETE
    assert read_fault(b"xx" + record + b"more", 2) == (FaultReceived(fault.uri), 2 + len(record))
    received = FaultReceived(fault.uri)
    assert (received.fault, received.name) == (fault, fault.value)


def test_reading_an_unknown_fault() -> None:
    """The text of one that WCF does not know, or that is not UTF-8, is what there is of it."""
    received, end = read_fault(b"\x08\x02\xffa")  # type: ignore[misc]
    assert (received.uri, received.fault, received.name, end) == ("\ufffda", None, "\ufffda", 4)


@pytest.mark.parametrize("size", [b"\x81\x02", b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x7f"])
def test_a_fault_of_any_length(size: bytes) -> None:
    """A longer text than a WCF client reads is refused as soon as its size is known."""
    assert read_fault(b"\x08" + size) is Unreadable.TOO_LONG
    assert read_fault(b"\x08\x80\x02" + b"a" * 256) == (FaultReceived("a" * 256), 259)
