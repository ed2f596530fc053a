"""
SOAP messages with WS-Addressing, in the versions that WCF knows.

A :class:`Message` is an envelope as a program sees it: its addressing headers as attributes, other
headers as :class:`MessageHeader`, and a body that is written, or was received (:mod:`.body`). Which
encoding it came in or goes out in is the matter of :mod:`netshare.transport.encoders`. Faults are
:class:`SoapFault`, to and from a message; those that WCF's dispatcher sends have functions here.
"""

from netshare.transport.soap.body import (
    Body,
    BodyUnreadable,
    ReceivedBody,
    StreamBody,
    WrittenBody,
)
from netshare.transport.soap.envelope import MessageInvalid
from netshare.transport.soap.faultcodes import FaultCode
from netshare.transport.soap.faults import (
    DISPATCHER_FAULT_ACTION,
    DISPATCHER_NAMESPACE,
    INTERNAL_ERROR,
    SoapFault,
    access_denied,
    action_missing,
    action_not_supported,
    deserialization_failed,
    destination_unreachable,
    internal_service_fault,
    must_understand,
    session_terminated,
)
from netshare.transport.soap.headers import BodyWriter, MessageHeader
from netshare.transport.soap.message import Message, new_message_id
from netshare.transport.soap.versions import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11,
    SOAP11_AUGUST2004,
    SOAP11_WSA10,
    SOAP12,
    SOAP12_AUGUST2004,
    SOAP12_WSA10,
    AddressingVersion,
    MessageVersion,
    SoapVersion,
)

__all__ = [
    "DISPATCHER_FAULT_ACTION",
    "DISPATCHER_NAMESPACE",
    "INTERNAL_ERROR",
    "MESSAGE_VERSION_DEFAULT",
    "SOAP11",
    "SOAP11_AUGUST2004",
    "SOAP11_WSA10",
    "SOAP12",
    "SOAP12_AUGUST2004",
    "SOAP12_WSA10",
    "AddressingVersion",
    "Body",
    "BodyUnreadable",
    "BodyWriter",
    "FaultCode",
    "Message",
    "MessageHeader",
    "MessageInvalid",
    "MessageVersion",
    "ReceivedBody",
    "SoapFault",
    "SoapVersion",
    "StreamBody",
    "WrittenBody",
    "access_denied",
    "action_missing",
    "action_not_supported",
    "deserialization_failed",
    "destination_unreachable",
    "internal_service_fault",
    "must_understand",
    "new_message_id",
    "session_terminated",
]
