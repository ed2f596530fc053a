"""
SOAP faults as messages, and those that WCF's dispatcher sends.

A fault is a body like any other; what makes it one is where it stands (:mod:`.faultxml`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from netshare.transport.soap.envelope import MessageInvalid
from netshare.transport.soap.faultcodes import FaultCode
from netshare.transport.soap.faultxml import FaultContent, read_fault, write_fault
from netshare.transport.soap.headers import MessageHeader
from netshare.transport.soap.message import Message
from netshare.transport.soap.versions import MESSAGE_VERSION_DEFAULT, MessageVersion
from netshare.transport.xml import Element, XmlCursor, XmlException, XmlWriter

__all__ = [
    "DISPATCHER_FAULT_ACTION",
    "DISPATCHER_NAMESPACE",
    "INTERNAL_ERROR",
    "FaultCode",
    "SoapFault",
    "access_denied",
    "action_missing",
    "action_not_supported",
    "deserialization_failed",
    "destination_unreachable",
    "internal_service_fault",
    "must_understand",
    "session_terminated",
]

#: Where WCF's dispatcher has its fault codes.
DISPATCHER_NAMESPACE: Final = (
    "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
)
#: The action of the dispatcher's faults.
DISPATCHER_FAULT_ACTION: Final = DISPATCHER_NAMESPACE + "/fault"
#: What WCF says instead of an exception's own words.
INTERNAL_ERROR: Final = (
    "The server was unable to process the request due to an internal error.  For more "
    "information about the error, either turn on IncludeExceptionDetailInFaults (either from "
    "ServiceBehaviorAttribute or from the <serviceDebug> configuration behavior) on the server "
    "in order to send the exception information back to the client, or turn on tracing as per "
    "the Microsoft .NET Framework SDK documentation and inspect the server trace logs."
)


#: Of WS-Security 1.0, and of its faults.
WS_SECURITY_NAMESPACE = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)


@dataclass(slots=True)
class SoapFault(FaultContent):
    """
    A fault, to be sent or received; other parameters as of :class:`.faultxml.FaultContent`.

    :param action: the action to send it with; ``None``: that of faults of SOAP itself
    """

    action: str | None = None

    def to_message(
        self,
        action: str | None = None,
        version: MessageVersion = MESSAGE_VERSION_DEFAULT,
        **addressing: Any,
    ) -> Message:
        """
        :param action: the action, instead of the fault's own
        :param version: versions of the message
        :param addressing: what else a Message takes: ``relates_to``, ``to``, …
        :returns: the message
        """
        if action is None:
            action = version.addressing.fault_action if self.action is None else self.action

        def write(writer: XmlWriter) -> None:
            write_fault(self, writer, version.soap)

        return Message(action, write, version=version, is_fault=True, **addressing)

    @classmethod
    def from_message(cls, message: Message) -> SoapFault:
        """
        :param message: a received message that ``is_fault``
        :returns: the fault in it
        :raises MessageInvalid: there is none, or it is malformed
        """
        cursor = message.body()
        if cursor is None or not message.is_fault:
            raise MessageInvalid("The message is no fault")
        try:
            read = read_fault(cursor, message.version.soap)
        except XmlException as error:
            raise MessageInvalid(f"The fault cannot be read: {error}") from error
        return cls(
            read.code, read.reason, read.detail, read.actor, read.node, read.lang, message.action
        )

    def detail_cursor(self) -> XmlCursor | None:
        """:returns: of a received fault a new cursor on the detail's first child element"""
        return self.detail.copy() if isinstance(self.detail, XmlCursor) else None

    def detail_element(self) -> Element | None:
        """:returns: the detail's first child element as a tree; None: there is none"""
        if isinstance(self.detail, XmlCursor):
            return self.detail.copy().element()
        return self.detail if isinstance(self.detail, Element) else None


# ---- the faults of WCF's dispatcher


def _dispatcher(name: str) -> FaultCode:
    return FaultCode(name, DISPATCHER_NAMESPACE)


def internal_service_fault(reason: str = INTERNAL_ERROR) -> SoapFault:
    """:returns: what WCF sends when a service has failed without a fault of its own."""
    code = FaultCode.receiver(_dispatcher("InternalServiceFault"))
    return SoapFault(code, reason, action=DISPATCHER_FAULT_ACTION)


def deserialization_failed(reason: str) -> SoapFault:
    """:returns: what WCF sends when the parameters of an operation cannot be read."""
    code = FaultCode.sender(_dispatcher("DeserializationFailed"))
    return SoapFault(code, reason, action=DISPATCHER_FAULT_ACTION)


def session_terminated(reason: str) -> SoapFault:
    """:returns: what WCF sends when a session has been ended by its service."""
    code = FaultCode.sender(_dispatcher("SessionTerminated"))
    return SoapFault(code, reason, action=DISPATCHER_FAULT_ACTION)


def access_denied() -> SoapFault:
    """
    :returns: what WCF sends to a client that is known and may not: SecurityAccessDeniedException
        there. (RS: AuthorizationBehavior.CreateAccessDeniedFault)
    """
    code = FaultCode.sender(FaultCode("FailedAuthentication", WS_SECURITY_NAMESPACE))
    return SoapFault(code, "Access is denied.")


def action_missing(version: MessageVersion = MESSAGE_VERSION_DEFAULT) -> SoapFault:
    """
    :param version: versions of the message
    :returns: the fault for a message without an Action header, which says what is amiss
    """
    reason = (
        "The message has no Action header, so that its operation is not known. The messages of "
        f"this endpoint are {version}; check that the client's binding has the same version of "
        "WS-Addressing."
    )
    addressing = version.addressing
    code = FaultCode.sender(FaultCode("ActionNotSupported", addressing.namespace))
    return SoapFault(code, reason, action=addressing.addressing_fault_action)


def action_not_supported(
    action: str, version: MessageVersion = MESSAGE_VERSION_DEFAULT, in_session: bool = False
) -> SoapFault:
    """
    :param action: an action that no operation here has
    :param version: versions of the message.
    :param in_session: whether an earlier message of the session had been taken.
    :returns: what WCF sends then.
    """
    addressing = version.addressing
    reason = (
        f"The message with Action '{action}' cannot be processed at the receiver, due to a "
        "ContractFilter mismatch at the EndpointDispatcher. This may be because of either a "
        "contract mismatch (mismatched Actions between sender and receiver) or a "
        "binding/security mismatch between the sender and the receiver.  Check that sender and "
        "receiver have the same contract and the same binding (including security requirements, "
        "e.g. Message, Transport, None)."
    )
    return SoapFault(
        FaultCode.sender(FaultCode("ActionNotSupported", addressing.namespace)),
        reason,
        action=addressing.fault_action if in_session else addressing.addressing_fault_action,
    )


def destination_unreachable(
    to: str, version: MessageVersion = MESSAGE_VERSION_DEFAULT
) -> SoapFault:
    """
    :param to: an address that no endpoint here has.
    :param version: versions of the message.
    :returns: what WCF sends then.
    """
    reason = (
        f"The message with To '{to}' cannot be processed at the receiver, due to an "
        "AddressFilter mismatch at the EndpointDispatcher.  Check that the sender and "
        "receiver's EndpointAddresses agree."
    )
    code = FaultCode.sender(FaultCode("DestinationUnreachable", version.addressing.namespace))
    return SoapFault(code, reason, action=version.addressing.fault_action)


def must_understand(headers: Iterable[MessageHeader]) -> SoapFault:
    """
    :param headers: those that were to be understood and are not; at least one.
    :returns: what WCF sends then.
    """
    first = next(iter(headers))
    reason = (
        f"The header '{first.name}' from the namespace '{first.namespace}' was not understood "
        "by the recipient of this message, causing the message to not be processed.  This "
        "error typically indicates that the sender of this message has enabled a communication "
        "protocol that the receiver cannot process.  Please ensure that the configuration of "
        "the client's binding is consistent with the service's binding. "
    )
    return SoapFault(FaultCode("MustUnderstand"), reason)
