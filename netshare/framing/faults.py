"""
The faults of [MC-NMF] 2.2.3.11 that WCF's programs know.

A fault is sent in place of the preamble's ack (or later, in a session) and names its reason as
a URI. What each of them becomes in a WCF client is said beside it.

:func:`read_fault` is the one reader of the record: sessions, clients and tools all use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from netshare.framing.records import RecordType
from netshare.framing.sizes import NEED_MORE, decode_size, encode_size

#: The longest fault text a WCF client reads, in bytes; a longer one is a ProtocolException.
MAX_FAULT_SIZE = 256

_FAULTS = "http://schemas.microsoft.com/ws/2006/05/framing/faults/"


class Fault(Enum):
    """
    The reasons by name; :attr:`uri` is what travels.
    """

    CONTENT_TYPE_INVALID = "ContentTypeInvalid"  # ProtocolException
    CONTENT_TYPE_TOO_LONG = "ContentTypeTooLong"  # CommunicationException
    CONNECTION_DISPATCH_FAILED = "ConnectionDispatchFailed"  # CommunicationException
    ENDPOINT_NOT_FOUND = "EndpointNotFound"  # EndpointNotFoundException
    ENDPOINT_UNAVAILABLE = "EndpointUnavailable"  # EndpointNotFoundException
    MAX_MESSAGE_SIZE_EXCEEDED = "MaxMessageSizeExceededFault"  # CommunicationException
    SERVER_TOO_BUSY = "ServerTooBusy"  # ServerTooBusyException
    SERVICE_ACTIVATION_FAILED = "ServiceActivationFailed"  # ServiceActivationException
    UNSUPPORTED_MODE = "UnsupportedMode"  # ProtocolException
    UNSUPPORTED_VERSION = "UnsupportedVersion"  # ProtocolException
    UPGRADE_INVALID = "UpgradeInvalid"  # ProtocolException
    VIA_TOO_LONG = "ViaTooLong"  # CommunicationException

    @property
    def uri(self) -> str:
        """The fault's text on the wire."""
        return _FAULTS + self.value

    @property
    def record(self) -> bytes:
        """The whole Fault record, ready to be written."""
        text = self.uri.encode("ascii")
        return bytes((RecordType.FAULT,)) + encode_size(len(text)) + text

    @classmethod
    def from_uri(cls, uri: str) -> Fault | None:
        """
        The fault with this text, or None for a text that is not in the table.
        """
        if not uri.startswith(_FAULTS):
            return None
        try:
            return cls(uri[len(_FAULTS) :])
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class FaultReceived:
    """Client: the server refuses, or gives up."""

    #: The fault's text, as it came.
    uri: str

    @property
    def fault(self) -> Fault | None:
        """The fault, if it is one that WCF knows."""
        return Fault.from_uri(self.uri)

    @property
    def name(self) -> str:
        """The fault's name if it is one that WCF knows, else its whole text."""
        fault = self.fault
        return self.uri if fault is None else fault.value


class Unreadable(Enum):
    """Why no fault can be read: not yet, or not at all."""

    INCOMPLETE = "the record is not complete"
    TOO_LONG = f"a fault's text is longer than the {MAX_FAULT_SIZE} bytes allowed"


def read_fault(data: bytes, at: int = 0) -> tuple[FaultReceived, int] | Unreadable:
    """
    Read a Fault record. [MC-NMF] 2.2.3.11

    :param at: the offset of the record's first byte
    :returns: the fault and the offset behind the record
    """
    size, start = decode_size(data, at + 1)
    if size > MAX_FAULT_SIZE or size < NEED_MORE:
        return Unreadable.TOO_LONG
    end = start + size
    if size == NEED_MORE or end > len(data):
        return Unreadable.INCOMPLETE
    return FaultReceived(data[start:end].decode("utf-8", "replace")), end
