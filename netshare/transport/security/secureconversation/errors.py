"""What is wrong with the security of a message."""

from __future__ import annotations

from netshare.transport.security.secureconversation.names import SC, TRUST, WSSE
from netshare.transport.soap import FaultCode, SoapFault

__all__ = ["SecurityInvalid", "bad_context", "failed_authentication", "invalid_security"]

#: WCF tells a client no more than this.
_REASON = "An error occurred when verifying security for the message."


class SecurityInvalid(Exception):
    """
    A message's security does not hold. The reason is for the log alone.

    :param reason: one clause
    :param fault: what the client is told
    """

    def __init__(self, reason: str, fault: SoapFault | None = None) -> None:
        super().__init__(reason)
        self.fault = fault or invalid_security()


def invalid_security() -> SoapFault:
    """:returns: what WCF sends for every message whose security cannot be verified"""
    return SoapFault(FaultCode.sender(FaultCode("InvalidSecurity", WSSE)), _REASON)


def bad_context() -> SoapFault:
    """:returns: what WCF sends when a security context is not known, or not any more"""
    return SoapFault(
        FaultCode.sender(FaultCode("BadContextToken", SC)),
        "The security context token is expired or is not valid. The message was not processed.",
    )


def failed_authentication() -> SoapFault:
    """:returns: what WCF's clients take for credentials that the service does not accept"""
    return SoapFault(
        FaultCode.sender(FaultCode("FailedAuthentication", TRUST)),
        "The client could not be authenticated.",
    )
