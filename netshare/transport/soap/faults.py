"""
SOAP faults: WCF's codes and actions, both ways, in SOAP 1.1 and 1.2.

A fault is a body like any other; what makes it one is where it stands. Inside, the two versions
of SOAP differ: ``faultcode`` with one qualified name against ``Code`` with subcodes,
``faultstring`` against ``Reason`` with languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from netshare.transport.soap.headers import BodyWriter, MessageHeader
from netshare.transport.soap.message import (
    MESSAGE_VERSION_DEFAULT,
    Message,
    MessageInvalid,
    MessageVersion,
    SoapVersion,
)
from netshare.transport.xml import Element, XmlCursor, XmlException, XmlWriter, as_string

__all__ = [
    "DISPATCHER_FAULT_ACTION",
    "DISPATCHER_NAMESPACE",
    "INTERNAL_ERROR",
    "FaultCode",
    "SoapFault",
    "action_not_supported",
    "deserialization_failed",
    "destination_unreachable",
    "fault_action",
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
_NAMES: Final = {
    SoapVersion.SOAP11: {"Sender": "Client", "Receiver": "Server"},
    SoapVersion.SOAP12: {"Client": "Sender", "Server": "Receiver"},
}
_SOAP_NAMESPACES: Final = frozenset(v.namespace for v in SoapVersion)
_MAX_SUBCODES: Final = 32


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
        return not self.namespace or self.namespace in _SOAP_NAMESPACES

    @property
    def is_sender(self) -> bool:
        """Whether the message was wrong."""
        return self.is_soap and self.name in ("Sender", "Client")

    @property
    def is_receiver(self) -> bool:
        """Whether the service has failed."""
        return self.is_soap and self.name in ("Receiver", "Server")


def fault_action(version: MessageVersion = MESSAGE_VERSION_DEFAULT) -> str:
    """:returns: the action of a fault for which nobody says another."""
    return version.addressing.fault_action


@dataclass(slots=True)
class SoapFault:
    """
    A fault, to be sent or received.

    :param code: its code.
    :param reason: what happened, for people.
    :param detail: to be sent: writes the child elements of the detail, or is the one.
    :param actor: who found it (1.1 ``faultactor``, 1.2 ``Role``).
    :param node: where it was found (1.2 only).
    :param lang: the language of the reason (1.2).
    :param action: the action to send it with; ``None``: :func:`fault_action`.
    """

    code: FaultCode
    reason: str
    detail: BodyWriter | Element | None = None
    actor: str = ""
    node: str = ""
    lang: str = ""
    action: str | None = None
    _detail: XmlCursor | None = field(default=None, repr=False, compare=False)

    # -- sending

    def to_message(
        self,
        action: str | None = None,
        version: MessageVersion = MESSAGE_VERSION_DEFAULT,
        **addressing: Any,
    ) -> Message:
        """
        :param action: the action, instead of the fault's own.
        :param version: versions of the message.
        :param addressing: what else a Message takes: ``relates_to``, ``to``, …
        :returns: the message.
        """
        if action is None:
            action = fault_action(version) if self.action is None else self.action
        write = self.write11 if version.soap is SoapVersion.SOAP11 else self.write12
        return Message(action, write, version=version, is_fault=True, **addressing)

    def write12(self, writer: XmlWriter) -> None:
        """Write the fault as SOAP 1.2 has it."""
        soap = SoapVersion.SOAP12
        uri = soap.namespace
        writer.start_element("Fault", uri, "s")
        writer.start_element("Code", uri, "s")
        code: FaultCode | None = self.code
        depth = 0
        while code is not None and depth < _MAX_SUBCODES:
            if depth:
                writer.start_element("Subcode", uri, "s")
            writer.start_element("Value", uri, "s")
            _write_code(writer, code, soap)
            writer.end_element()
            code = code.subcode
            depth += 1
        for _ in range(depth):
            writer.end_element()
        writer.start_element("Reason", uri, "s")
        writer.start_element("Text", uri, "s")
        inline, writer.inline_names = writer.inline_names, True
        writer.attribute("lang", self.lang, "http://www.w3.org/XML/1998/namespace", "xml")
        writer.inline_names = inline
        if self.reason:
            writer.text(self.reason)
        writer.end_element()
        writer.end_element()
        if self.node:
            writer.element("Node", self.node, uri, "s")
        if self.actor:
            writer.element("Role", self.actor, uri, "s")
        self._write_detail(writer, "Detail", uri, "s")
        writer.end_element()

    def write11(self, writer: XmlWriter) -> None:
        """Write the fault as SOAP 1.1 has it: with the innermost code, as WCF does."""
        soap = SoapVersion.SOAP11
        writer.start_element("Fault", soap.namespace, "s")
        writer.start_element("faultcode")
        code = self.code
        while code.subcode is not None:
            code = code.subcode
        _write_code(writer, code, soap)
        writer.end_element()
        writer.start_element("faultstring")
        if self.lang:
            writer.attribute("lang", self.lang, "http://www.w3.org/XML/1998/namespace", "xml")
        if self.reason:
            writer.text(self.reason)
        writer.end_element()
        if self.actor:
            writer.element("faultactor", self.actor)
        self._write_detail(writer, "detail", "", "")
        writer.end_element()

    def _write_detail(self, writer: XmlWriter, name: str, uri: str, prefix: str) -> None:
        cursor = self.detail_cursor()
        if self.detail is None and cursor is None:
            return
        writer.start_element(name, uri, prefix)
        if isinstance(self.detail, Element):
            writer.node(self.detail)
        elif self.detail is not None:
            self.detail(writer)
        while cursor is not None:
            writer.node(cursor.element())
            if cursor.next() is None:
                break
        writer.end_element()

    # -- receiving

    @classmethod
    def from_message(cls, message: Message) -> SoapFault:
        """
        :param message: a received message that ``is_fault``.
        :returns: the fault in it.
        :raises MessageInvalid: there is none, or it is malformed.
        """
        cursor = message.body()
        if cursor is None or not message.is_fault:
            raise MessageInvalid("The message is no fault")
        soap = message.version.soap
        try:
            fault = _read11(cursor) if soap is SoapVersion.SOAP11 else _read12(cursor, soap)
        except XmlException as error:
            raise MessageInvalid(f"The fault cannot be read: {error}") from error
        fault.action = message.action
        return fault

    def detail_cursor(self) -> XmlCursor | None:
        """:returns: of a received fault a new cursor on the detail's first child element."""
        return None if self._detail is None else self._detail.copy()

    def detail_element(self) -> Element | None:
        """:returns: the detail's first child element as a tree, ``None`` if there is none."""
        cursor = self.detail_cursor()
        if cursor is not None:
            return cursor.element()
        return self.detail if isinstance(self.detail, Element) else None


def _write_code(writer: XmlWriter, code: FaultCode, soap: SoapVersion) -> None:
    """Write a code's qualified name, in the pieces in which WCF writes it."""
    name, namespace, prefix = code.name, code.namespace, "a"
    if code.is_soap:
        name, namespace, prefix = _NAMES[soap].get(name, name), soap.namespace, "s"
    else:
        known = writer.prefix_of(namespace)
        if known:
            prefix = known
        else:
            inline, writer.inline_names = writer.inline_names, True
            writer.declare(prefix, namespace)
            writer.inline_names = inline
    for piece in (prefix, ":", name):
        writer.text(piece)


def _read_code(cursor: XmlCursor) -> FaultCode:
    text = as_string(cursor.copy().value())
    namespace, name = cursor.resolve(text)
    if namespace in _SOAP_NAMESPACES:
        namespace, name = "", _NAMES[SoapVersion.SOAP12].get(name, name)
    return FaultCode(name, namespace)


def _read11(cursor: XmlCursor) -> SoapFault:
    fault = SoapFault(FaultCode.receiver(), "")
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.local == "faultcode":
            fault.code = _read_code(cursor)
        elif name.local == "faultstring":
            fault.reason = as_string(cursor.value())
        elif name.local == "faultactor":
            fault.actor = as_string(cursor.value())
        elif name.local == "detail":
            fault._detail = _inside(cursor)
    return fault


def _read12(cursor: XmlCursor, soap: SoapVersion) -> SoapFault:
    fault = SoapFault(FaultCode.receiver(), "")
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.namespace != soap.namespace:
            continue
        if name.local == "Code":
            fault.code = _read_codes(cursor, soap)
        elif name.local == "Reason":
            _read_reason(cursor, fault)
        elif name.local == "Node":
            fault.node = as_string(cursor.value())
        elif name.local == "Role":
            fault.actor = as_string(cursor.value())
        elif name.local == "Detail":
            fault._detail = _inside(cursor)
    return fault


def _read_codes(cursor: XmlCursor, soap: SoapVersion) -> FaultCode:
    codes: list[FaultCode] = []
    depth = 0
    cursor.enter()
    while True:
        name = cursor.next()
        if name is None:
            break
        if name.namespace == soap.namespace and name.local == "Value":
            codes.append(_read_code(cursor))
        elif name.namespace == soap.namespace and name.local == "Subcode":
            if depth >= _MAX_SUBCODES:
                raise XmlException(f"There are more than {_MAX_SUBCODES} fault codes")
            cursor.enter()
            depth += 1
    for _ in range(depth + 1):
        cursor.leave()
    if not codes:
        raise XmlException("The fault has no code")
    code = codes.pop()
    while codes:
        outer = codes.pop()
        code = FaultCode(outer.name, outer.namespace, code)
    return code


def _read_reason(cursor: XmlCursor, fault: SoapFault) -> None:
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.local == "Text" and not fault.reason:
            lang = cursor.attribute("lang", "http://www.w3.org/XML/1998/namespace")
            fault.lang = "" if lang is None else as_string(lang)
            fault.reason = as_string(cursor.value())
    cursor.leave()


def _inside(cursor: XmlCursor) -> XmlCursor | None:
    """:returns: a cursor on the first child of the current element."""
    inside = cursor.copy()
    inside.enter()
    return None if inside.next() is None else inside


# -- the faults of WCF's dispatcher


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


def action_not_supported(
    action: str, version: MessageVersion = MESSAGE_VERSION_DEFAULT, in_session: bool = False
) -> SoapFault:
    """
    :param action: what nobody here does.
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
