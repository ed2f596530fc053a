"""Codes of faults: which are SOAP's own, and whose fault they say it was."""

import pytest

from netshare.transport.soap.faultcodes import FaultCode
from netshare.transport.soap.versions import SoapVersion


@pytest.mark.parametrize("namespace", ["", *(version.namespace for version in SoapVersion)])
@pytest.mark.parametrize(
    ("name", "sender", "receiver"),
    [
        ("Sender", True, False),
        ("Client", True, False),
        ("Receiver", False, True),
        ("Server", False, True),
        ("MustUnderstand", False, False),
    ],
)
def test_soaps_own(namespace: str, name: str, sender: bool, receiver: bool) -> None:
    """SOAP's own codes are known by the names of both versions, with and without a namespace."""
    code = FaultCode(name, namespace)
    assert code.is_soap
    assert (code.is_sender, code.is_receiver) == (sender, receiver)


def test_codes_of_ones_own() -> None:
    """A code of another namespace says nothing of whose fault it was."""
    code = FaultCode("Sender", "urn:example")
    assert (code.is_soap, code.is_sender, code.is_receiver) == (False, False, False)


def test_subcodes() -> None:
    """A code can have a more exact one, and codes are compared by what they say."""
    exact = FaultCode("Late", "urn:example")
    assert FaultCode.sender(exact) == FaultCode("Sender", "", exact)
    assert FaultCode.receiver(exact).subcode is exact
    assert FaultCode.receiver() != FaultCode.sender()
