"""
The two things that make up the version of a message: SOAP's and WS-Addressing's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = [
    "MESSAGE_VERSION_DEFAULT",
    "SOAP11",
    "SOAP11_AUGUST2004",
    "SOAP11_WSA10",
    "SOAP12",
    "SOAP12_AUGUST2004",
    "SOAP12_WSA10",
    "AddressingVersion",
    "MessageVersion",
    "SoapVersion",
]


class SoapVersion(Enum):
    """
    WCF's ``EnvelopeVersion``. The value is the namespace of the envelope.
    """

    SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def namespace(self) -> str:
        """The namespace of the envelope."""
        return self.value

    @property
    def media_type(self) -> str:
        """The media type of messages as text."""
        return "text/xml" if self is SoapVersion.SOAP11 else "application/soap+xml"

    @property
    def actor_attribute(self) -> str:
        """What the attribute is called that says whom a header is for."""
        return "actor" if self is SoapVersion.SOAP11 else "role"

    @property
    def own_actors(self) -> frozenset[str]:
        """The actors that the last receiver of a message is."""
        return _OWN_ACTORS[self]


_OWN_ACTORS: Final = {
    SoapVersion.SOAP11: frozenset(("", "http://schemas.xmlsoap.org/soap/actor/next")),
    SoapVersion.SOAP12: frozenset(
        (
            "",
            "http://www.w3.org/2003/05/soap-envelope/role/next",
            "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
        )
    ),
}


class AddressingVersion(Enum):
    """
    WCF's ``AddressingVersion``. The value is the namespace of the headers; without WS-Addressing
    WCF still sends Action and To, in a namespace of its own.
    """

    NONE = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
    AUGUST2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    WSA10 = "http://www.w3.org/2005/08/addressing"

    @property
    def namespace(self) -> str:
        """The namespace of the headers."""
        return self.value

    @property
    def anonymous(self) -> str:
        """The address that means: back the way this came. Empty for ``NONE``."""
        return _ANONYMOUS[self]

    @property
    def fault_action(self) -> str:
        """The action of faults of SOAP itself (``AddressingVersion.DefaultFaultAction``)."""
        return _SOAP_FAULTS[self]

    @property
    def addressing_fault_action(self) -> str:
        """The action of faults of WS-Addressing (``AddressingVersion.FaultAction``)."""
        return _FAULTS[self]

    @property
    def reply_relationship(self) -> str:
        """The ``RelationshipType`` that a RelatesTo header has if it says none."""
        return "http://www.w3.org/2005/08/addressing/reply" if self is _WSA10 else "wsa:Reply"


_WSA10: Final = AddressingVersion.WSA10
_ANONYMOUS: Final = {
    AddressingVersion.NONE: "",
    AddressingVersion.AUGUST2004: AddressingVersion.AUGUST2004.value + "/role/anonymous",
    AddressingVersion.WSA10: AddressingVersion.WSA10.value + "/anonymous",
}
_FAULTS: Final = {
    AddressingVersion.NONE: "",
    AddressingVersion.AUGUST2004: AddressingVersion.AUGUST2004.value + "/fault",
    AddressingVersion.WSA10: AddressingVersion.WSA10.value + "/fault",
}
_SOAP_FAULTS: Final = {
    AddressingVersion.NONE: "",
    AddressingVersion.AUGUST2004: AddressingVersion.AUGUST2004.value + "/fault",
    AddressingVersion.WSA10: AddressingVersion.WSA10.value + "/soap/fault",
}


@dataclass(frozen=True, slots=True)
class MessageVersion:
    """
    WCF's ``MessageVersion``.

    :param soap: the version of the envelope.
    :param addressing: the version of the addressing headers.
    """

    soap: SoapVersion
    addressing: AddressingVersion

    def __str__(self) -> str:
        soap = "SOAP 1.1" if self.soap is SoapVersion.SOAP11 else "SOAP 1.2"
        return f"{soap}, {_ADDRESSING_NAMES[self.addressing]}"


_ADDRESSING_NAMES: Final = {
    AddressingVersion.NONE: "no WS-Addressing",
    AddressingVersion.AUGUST2004: "WS-Addressing of August 2004",
    AddressingVersion.WSA10: "WS-Addressing 1.0",
}

SOAP11: Final = MessageVersion(SoapVersion.SOAP11, AddressingVersion.NONE)
SOAP11_AUGUST2004: Final = MessageVersion(SoapVersion.SOAP11, AddressingVersion.AUGUST2004)
SOAP11_WSA10: Final = MessageVersion(SoapVersion.SOAP11, AddressingVersion.WSA10)
SOAP12: Final = MessageVersion(SoapVersion.SOAP12, AddressingVersion.NONE)
SOAP12_AUGUST2004: Final = MessageVersion(SoapVersion.SOAP12, AddressingVersion.AUGUST2004)
SOAP12_WSA10: Final = MessageVersion(SoapVersion.SOAP12, AddressingVersion.WSA10)
#: What NetTcpBinding speaks, and the only one that binary encodings have by default.
MESSAGE_VERSION_DEFAULT: Final = SOAP12_WSA10
