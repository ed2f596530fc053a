"""Versions of messages, with the names and actions that WCF has for them."""

import pytest

from netshare.transport.soap import versions
from netshare.transport.soap.versions import AddressingVersion, MessageVersion, SoapVersion


@pytest.mark.parametrize(
    ("version", "anonymous", "soap_fault", "own_fault", "relationship"),
    [
        (
            AddressingVersion.WSA10,
            "http://www.w3.org/2005/08/addressing/anonymous",
            "http://www.w3.org/2005/08/addressing/soap/fault",
            "http://www.w3.org/2005/08/addressing/fault",
            "http://www.w3.org/2005/08/addressing/reply",
        ),
        (
            AddressingVersion.AUGUST2004,
            "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
            "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            "wsa:Reply",
        ),
        (AddressingVersion.NONE, "", "", "", "wsa:Reply"),
    ],
)
def test_addressing(
    version: AddressingVersion,
    anonymous: str,
    soap_fault: str,
    own_fault: str,
    relationship: str,
) -> None:
    """Each version of WS-Addressing has the URIs that its specification, or WCF, gives it."""
    assert version.anonymous == anonymous
    assert version.fault_action == soap_fault
    assert version.addressing_fault_action == own_fault
    assert version.reply_relationship == relationship


def test_soap() -> None:
    """The two versions of SOAP differ in media type, attribute and actors."""
    one, two = SoapVersion.SOAP11, SoapVersion.SOAP12
    assert (one.media_type, two.media_type) == ("text/xml", "application/soap+xml")
    assert (one.actor_attribute, two.actor_attribute) == ("actor", "role")
    assert "http://schemas.xmlsoap.org/soap/actor/next" in one.own_actors
    assert two.namespace + "/role/ultimateReceiver" in two.own_actors
    assert not one.own_actors & two.own_actors - {""}


def test_every_pair_has_a_name() -> None:
    """All six versions of messages are there, and say in words what they are."""
    named = {value for value in vars(versions).values() if isinstance(value, MessageVersion)}
    assert len(named) == len(SoapVersion) * len(AddressingVersion)
    assert str(versions.MESSAGE_VERSION_DEFAULT) == "SOAP 1.2, WS-Addressing 1.0"
    assert len({str(version) for version in named}) == 6
