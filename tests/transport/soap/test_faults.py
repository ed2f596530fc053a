"""Faults, and those of WCF's dispatcher."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import (
    DISPATCHER_FAULT_ACTION,
    MESSAGE_VERSION_DEFAULT,
    SOAP11_WSA10,
    FaultCode,
    MessageHeader,
    SoapFault,
    action_not_supported,
    deserialization_failed,
    destination_unreachable,
    internal_service_fault,
    must_understand,
    session_terminated,
)


@pytest.mark.parametrize(("kind", "soap11"), [("text", False), ("text", True), ("binary", False)])
def test_faults(kind: str, soap11: bool) -> None:
    """Codes, reason, actor and detail of a fault arrive, in either version of SOAP."""
    version = SOAP11_WSA10 if soap11 else MESSAGE_VERSION_DEFAULT
    encoder = encoder_for(kind, version=version)
    code = FaultCode.receiver(FaultCode("Sub", "urn:c", FaultCode("Third", "urn:d")))
    fault = SoapFault(
        code, "why", lambda w: w.element("d", 5, "urn:x"), actor="urn:actor", lang="en-US"
    )
    message = encoder.decode(encoder.encode(fault.to_message(version=version, relates_to="urn:1")))
    assert message.is_fault
    assert message.relates_to == "urn:1"
    assert message.action == "http://www.w3.org/2005/08/addressing/soap/fault"
    received = SoapFault.from_message(message)
    assert received.reason == "why"
    assert received.actor == "urn:actor"
    assert received.code == (FaultCode("Third", "urn:d") if soap11 else code)
    assert received.lang == ("" if soap11 else "en-US")
    assert received.detail_element().text == "5"
    cursor = received.detail_cursor()
    assert cursor.name.local == "d"
    # It can be passed on.
    again = encoder.decode(encoder.encode(received.to_message(version=version)))
    assert SoapFault.from_message(again).detail_element() == received.detail_element()
    assert code.is_receiver
    assert FaultCode("Client").is_sender
    assert not FaultCode("Sender", "urn:mine").is_sender


READY = [
    (internal_service_fault(), "Receiver", "InternalServiceFault", DISPATCHER_FAULT_ACTION),
    (deserialization_failed("x"), "Sender", "DeserializationFailed", DISPATCHER_FAULT_ACTION),
    (session_terminated("x"), "Sender", "SessionTerminated", DISPATCHER_FAULT_ACTION),
    (
        action_not_supported("urn:x"),
        "Sender",
        "ActionNotSupported",
        "http://www.w3.org/2005/08/addressing/fault",
    ),
    (
        action_not_supported("urn:x", in_session=True),
        "Sender",
        "ActionNotSupported",
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
    (
        destination_unreachable("urn:x"),
        "Sender",
        "DestinationUnreachable",
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
    (
        must_understand([MessageHeader("h", "urn:h")]),
        "MustUnderstand",
        None,
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
]


@pytest.mark.parametrize(("fault", "code", "subcode", "action"), READY)
def test_faults_of_the_dispatcher(
    fault: SoapFault, code: str, subcode: str | None, action: str
) -> None:
    """The faults that WCF's dispatcher sends have its codes and actions."""
    encoder = encoder_for("binary")
    message = encoder.decode(encoder.encode(fault.to_message()))
    assert message.action == action
    received = SoapFault.from_message(message)
    assert received.code.name == code
    assert (received.code.subcode and received.code.subcode.name) == subcode
    assert received.reason == fault.reason
