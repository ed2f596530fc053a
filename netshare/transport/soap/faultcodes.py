"""
Codes of faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from netshare.transport.soap.versions import SoapVersion

__all__ = ["SOAP_NAMESPACES", "FaultCode"]

#: Where SOAP's own codes are defined.
SOAP_NAMESPACES: Final = frozenset(v.namespace for v in SoapVersion)


@dataclass(frozen=True, slots=True)
class FaultCode:
    """
    WCF's ``FaultCode``.

    :param name: e.g. ``Sender``, or a name of one's own.
    :param namespace: where the name is defined; empty for SOAP's own codes.
    :param subcode: a more exact code.
    """

    name: str
    namespace: str = ""
    subcode: FaultCode | None = None

    @classmethod
    def sender(cls, subcode: FaultCode | None = None) -> FaultCode:
        """:returns: the code that says: the message was wrong."""
        return cls("Sender", "", subcode)

    @classmethod
    def receiver(cls, subcode: FaultCode | None = None) -> FaultCode:
        """:returns: the code that says: the service has failed."""
        return cls("Receiver", "", subcode)

    @property
    def is_soap(self) -> bool:
        """Whether this is one of SOAP's own codes."""
        return not self.namespace or self.namespace in SOAP_NAMESPACES

    @property
    def is_sender(self) -> bool:
        """Whether the message was wrong."""
        return self.is_soap and self.name in ("Sender", "Client")

    @property
    def is_receiver(self) -> bool:
        """Whether the service has failed."""
        return self.is_soap and self.name in ("Receiver", "Server")
