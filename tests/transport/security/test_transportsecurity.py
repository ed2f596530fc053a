"""From a binding's words to an upgrade."""

from __future__ import annotations

import threading

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from netshare.framing import NEGOTIATE_UPGRADE, SSL_TLS_UPGRADE
from netshare.transport.security.credentials import (
    ClientCredentials,
    ServiceCredentials,
    WindowsClientCredential,
)
from netshare.transport.security.endpointidentity import (
    CertificateIdentity,
    DnsIdentity,
    EndpointIdentity,
    SpnIdentity,
)
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate import NegotiateInitiator, context
from netshare.transport.security.ssltls import TlsAcceptor, TlsInitiator
from netshare.transport.security.transportsecurity import (
    SecurityNotAvailable,
    TcpClientCredentialType,
    TransportSecurity,
    in_threads_of,
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
        ServiceCredentials(certificate=issued.pem, client_certificate=trust), maybeDeferred
    )
    assert isinstance(acceptor, TlsAcceptor)
    assert acceptor.upgradeFor(SSL_TLS_UPGRADE) is not None
    assert acceptor.upgradeFor("application/negotiate") is None
    assert acceptor.upgradeFor(SSL_TLS_UPGRADE.upper()) is None
    initiators = security.initiators(
        ClientCredentials(certificate=issued.pfx, service_certificate=trust), maybeDeferred
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
    initiators = TransportSecurity(NONE).initiators(ClientCredentials(), maybeDeferred)
    initiator = initiators(address, via, None)
    assert isinstance(initiator, TlsInitiator)
    assert initiator._host == host


def test_what_is_missing() -> None:
    """A missing certificate is an error that says where it goes."""
    with pytest.raises(SecurityNotAvailable, match=r"ServiceCredentials\(certificate="):
        TransportSecurity(NONE).acceptor(ServiceCredentials(), maybeDeferred)
    with pytest.raises(SecurityNotAvailable, match=r"ClientCredentials\(certificate="):
        TransportSecurity(CERTIFICATE).initiators(ClientCredentials(), maybeDeferred)


def test_levels_are_for_windows() -> None:
    """TLS has one level only, as in WCF."""
    with pytest.raises(ValueError, match="protection_level Sign is for Windows"):
        TransportSecurity(NONE, ProtectionLevel.SIGN)


@pytest.mark.parametrize(
    ("identity", "spn"),
    [
        (None, None),
        (DnsIdentity("calc.example"), "host/calc.example"),
        (SpnIdentity("HOST/calc"), "HOST/calc"),
    ],
)
def test_windows(identity: EndpointIdentity | None, spn: str | None) -> None:
    """WCF's default is application/negotiate, with the principal that WCF would ask for."""
    pytest.importorskip("spnego", reason="needs pyspnego")
    security = TransportSecurity()
    acceptor = security.acceptor(ServiceCredentials(), maybeDeferred)
    assert acceptor.upgradeFor(NEGOTIATE_UPGRADE) is not None
    assert acceptor.upgradeFor(SSL_TLS_UPGRADE) is None
    windows = WindowsClientCredential(user="DOM\\alice", password="secret")
    assert "secret" not in repr(windows)
    initiators = security.initiators(ClientCredentials(windows=windows), maybeDeferred)
    initiator = initiators("net.tcp://there/calc", "net.tcp://relay/calc", identity)
    assert isinstance(initiator, NegotiateInitiator)
    assert initiator.name == NEGOTIATE_UPGRADE
    assert (initiator._options.host, initiator._options.spn) == ("there", spn)


def test_identities_of_the_other_kind() -> None:
    """A principal is nothing for TLS, nor a thumbprint for Windows credentials."""
    pytest.importorskip("spnego", reason="needs pyspnego")
    for credential, identity in (
        (NONE, SpnIdentity("host/a")),
        (TcpClientCredentialType.WINDOWS, CertificateIdentity("00" * 20)),
    ):
        initiators = TransportSecurity(credential).initiators(ClientCredentials(), maybeDeferred)
        with pytest.raises(ValueError, match="is for"):
            initiators("net.tcp://a/b", "net.tcp://a/b", identity)


def test_windows_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said in one sentence, and what may be used instead."""
    monkeypatch.setattr(context, "spnego", None)
    for make in (
        lambda: TransportSecurity().acceptor(ServiceCredentials(), maybeDeferred),
        lambda: TransportSecurity().initiators(ClientCredentials(), maybeDeferred),
    ):
        with pytest.raises(SecurityNotAvailable, match=r"txnetshare\[negotiate\].*NONE"):
            make()


async def test_threads() -> None:
    """What takes its time is done in the reactor's threads, where it has some."""
    from twisted.internet import reactor

    assert await in_threads_of(reactor)(threading.get_ident) != threading.get_ident()
    assert await in_threads_of(Clock())(threading.get_ident) == threading.get_ident()
