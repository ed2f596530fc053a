"""SOAP faults as exceptions."""

from __future__ import annotations

from netshare.transport.contracts import FaultError
from netshare.transport.soap import FaultCode, SoapFault


def test_a_fault_without_words() -> None:
    """A reason that is not given says what there is."""
    assert FaultError().reason == "a fault"
    assert FaultError(5).reason == "a fault with int"
    assert FaultError(reason="no").code == FaultCode.sender()


def test_a_fault_that_came() -> None:
    """What a client raises has all that the message had."""
    came = SoapFault(FaultCode("C", "urn:c"), "no tea")
    error = FaultError[int].from_fault(came, "urn:a", 7)
    assert (error.detail, str(error), error.action, error.fault) == (7, "no tea", "urn:a", came)
    assert error.code.name == "C"
