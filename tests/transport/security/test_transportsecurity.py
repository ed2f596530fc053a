"""From a binding's words to an upgrade."""

from __future__ import annotations

import pytest

from netshare.framing import SSL_TLS_UPGRADE
from netshare.transport.security.credentials import ClientCredentials, ServiceCredentials
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.ssltls import TlsAcceptor, TlsInitiator
from netshare.transport.security.transportsecurity import (
    SecurityNotAvailable,
    TcpClientCredentialType,
    TransportSecurity,
)
from netshare.transport.security.validation import CertificateValidation
from tests.helpers.certificates import Authority

NONE, CERTIFICATE = TcpClientCredentialType.NONE, TcpClientCredentialType.CERTIFICATE


@pytest.mark.parametrize("credential", [NONE, CERTIFICATE])
def test_tls(authority: Authority, credential: TcpClientCredentialType) -> None:
    """Without Windows credentials it is TLS, of both sides."""
    security = TransportSecurity(credential)
    issued = authority.issue("table", "localhost")
    trust = CertificateValidation(roots=authority.roots)
    acceptor = security.acceptor(
        ServiceCredentials(certificate=issued.pem, client_certificate=trust)
    )
    assert isinstance(acceptor, TlsAcceptor)
    assert acceptor.upgradeFor(SSL_TLS_UPGRADE) is not None
    assert acceptor.upgradeFor("application/negotiate") is None
    assert acceptor.upgradeFor(SSL_TLS_UPGRADE.upper()) is None
    initiators = security.initiators(
        ClientCredentials(certificate=issued.pfx, service_certificate=trust)
    )
    initiator = initiators("net.tcp://localhost/calc", "net.tcp://relay/calc", None)
    assert isinstance(initiator, TlsInitiator)
    assert initiator.name == SSL_TLS_UPGRADE


@pytest.mark.parametrize(
    ("address", "via", "host"),
    [
        ("net.tcp://calc.example:808/a", "net.tcp://relay/a", "calc.example"),
        ("net.tcp://[::1]/a", "net.tcp://relay/a", "::1"),
        ("urn:calc", "net.tcp://127.0.0.1/a", "127.0.0.1"),
    ],
)
def test_the_host_that_is_expected(address: str, via: str, host: str) -> None:
    """The address says who the service is, not the way to it."""
    initiators = TransportSecurity(NONE).initiators(ClientCredentials())
    initiator = initiators(address, via, None)
    assert isinstance(initiator, TlsInitiator)
    assert initiator._host == host


def test_what_is_missing() -> None:
    """A missing certificate is an error that says where it goes."""
    with pytest.raises(SecurityNotAvailable, match=r"ServiceCredentials\(certificate="):
        TransportSecurity(NONE).acceptor(ServiceCredentials())
    with pytest.raises(SecurityNotAvailable, match=r"ClientCredentials\(certificate="):
        TransportSecurity(CERTIFICATE).initiators(ClientCredentials())


def test_levels_are_for_windows() -> None:
    """TLS has one level only, as in WCF."""
    with pytest.raises(ValueError, match="protection_level Sign is for Windows"):
        TransportSecurity(NONE, ProtectionLevel.SIGN)


def test_windows_credentials() -> None:
    """They are not there yet, and say what to do."""
    with pytest.raises(SecurityNotAvailable, match="client_credential_type=TcpClientCredential"):
        TransportSecurity()
