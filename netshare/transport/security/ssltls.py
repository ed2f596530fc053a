"""
Who offers ``application/ssl-tls`` and who asks for it: contexts of OpenSSL, and whether the other
side is believed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import Enum

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from service_identity.exceptions import CertificateError as NoNames
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from zope.interface import implementer

from netshare.framing import SSL_TLS_UPGRADE
from netshare.transport.channels.upgrades import IUpgradeAcceptor, IUpgradeInitiator
from netshare.transport.security.certificates import (
    CertificateFile,
    Reread,
    identity_of,
    thumbprint,
)
from netshare.transport.security.endpointidentity import (
    CertificateIdentity,
    DnsIdentity,
    EndpointIdentity,
)
from netshare.transport.security.identity import Identity
from netshare.transport.security.tls import TlsUpgrade
from netshare.transport.security.validation import (
    CHAIN_TRUST,
    CertificateRefused,
    CertificateValidation,
    CertificateValidationMode,
)

__all__ = ["SslProtocols", "TlsAcceptor", "TlsClientContext", "TlsInitiator"]

#: Renegotiation is refused: WCF never asks for it. (Not in pyOpenSSL.)
_OP_NO_RENEGOTIATION = 1 << 30

#: With TLS 1.2: those with forward secrecy, as .NET's list on Linux has them; so none in which the
#: certificate's own key carries the secret. (TLS 1.3 has no other.)
_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256:ECDHE+AES128:!aNULL:!AESCCM:!PSK"
)

#: What OpenSSL's verification errors mean. (X509_V_ERR_…)
_REASONS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed and not among the trusted ones",
    19: "its root is not trusted here",
    20: "its authority is not known here",
    21: "its authority is not known here",
    26: "it is not meant for this purpose",
}


class SslProtocols(Enum):
    """Which versions of TLS are used."""

    #: 1.2 and 1.3, as .NET's ``SslProtocols.None`` leaves it to the system.
    SYSTEM = "None"
    TLS12 = "Tls12"
    TLS13 = "Tls13"


@implementer(IUpgradeAcceptor)
class TlsAcceptor:
    """
    Offers TLS to the clients of a service.

    :param certificate: the service's
    :param clients: how clients' certificates are validated; None: they are not asked for
    :param protocols: versions of TLS
    :raises CertificateError: a certificate cannot be read
    """

    def __init__(
        self,
        certificate: CertificateFile,
        clients: CertificateValidation | None = None,
        protocols: SslProtocols = SslProtocols.SYSTEM,
    ) -> None:
        self._certificate = certificate
        self._clients = clients
        self._protocols = protocols
        paths = certificate.paths + (() if clients is None else clients.paths)
        self._context = Reread(paths, self._make)
        self._context.get()

    def upgradeFor(self, name: str) -> TlsUpgrade | None:
        if name != SSL_TLS_UPGRADE:
            return None
        return TlsUpgrade(self._context.get(), False, self._client)

    def _make(self) -> SSL.Context:
        context = _context(self._protocols)
        self._certificate.load().use_in(context)
        context.set_session_id(b"netshare")
        if self._clients is not None:
            self._clients.use_in(context, _verifier(self._clients, "client"), server=True)
        return context

    def _client(self, tls: SSL.Connection) -> Identity | None:
        certificate = _peer_certificate(tls)
        if certificate is None or self._clients is None:
            return None
        self._clients.check(certificate)
        return identity_of(certificate)


class TlsClientContext:
    """
    What the TLS connections of a client have in common.

    :param certificate: the client's; None: it has none
    :param service: how the service's certificate is validated
    :param protocols: versions of TLS
    :raises CertificateError: a certificate cannot be read
    """

    def __init__(
        self,
        certificate: CertificateFile | None = None,
        service: CertificateValidation = CHAIN_TRUST,
        protocols: SslProtocols = SslProtocols.SYSTEM,
    ) -> None:
        self.service = service
        self._certificate = certificate
        self._protocols = protocols
        paths = service.paths + (() if certificate is None else certificate.paths)
        self._context = Reread(paths, self._make)
        self._context.get()

    def get(self) -> SSL.Context:
        """The context for the next connection."""
        return self._context.get()

    def _make(self) -> SSL.Context:
        context = _context(self._protocols)
        if self._certificate is not None:
            self._certificate.load().use_in(context)
        self.service.use_in(context, _verifier(self.service, "service"), server=False)
        return context


@implementer(IUpgradeInitiator)
class TlsInitiator:
    """
    Asks for TLS, without SNI as WCF's clients do, and looks whether the service is the right one.

    :param context: of the client's connections
    :param host: of the service's address
    :param identity: what the service has to be; None: the host
    """

    name = SSL_TLS_UPGRADE

    def __init__(
        self, context: TlsClientContext, host: str, identity: EndpointIdentity | None = None
    ) -> None:
        self._context = context
        self._host = host
        self._identity = identity

    def upgrade(self) -> TlsUpgrade:
        return TlsUpgrade(self._context.get(), True, self._service)

    def _service(self, tls: SSL.Connection) -> None:
        certificate = _peer_certificate(tls)
        if certificate is None:
            raise CertificateRefused("the service has no certificate")
        service = self._context.service
        service.check(certificate)
        identity = self._identity
        if isinstance(identity, CertificateIdentity):
            own = thumbprint(certificate, sha256=len(identity.thumbprint) == 64)
            if own != identity.thumbprint:
                raise CertificateRefused(
                    f"the service's certificate has the thumbprint {own}, "
                    f"not {identity.thumbprint} as its identity says"
                )
        elif isinstance(identity, DnsIdentity):
            _check_name(certificate, identity.name, "its identity says")
        elif service.mode is CertificateValidationMode.CHAIN_TRUST:
            _check_name(certificate, self._host, "its address says")


def _context(protocols: SslProtocols) -> SSL.Context:
    lowest = TLSVersion.TLSv1_3 if protocols is SslProtocols.TLS13 else TLSVersion.TLSv1_2
    highest = TLSVersion.TLSv1_2 if protocols is SslProtocols.TLS12 else None
    options = CertificateOptions(
        insecurelyLowerMinimumTo=lowest,
        lowerMaximumSecurityTo=highest,
        acceptableCiphers=_CIPHERS,
    )
    context: SSL.Context = options.getContext()
    context.set_options(_OP_NO_RENEGOTIATION)
    return context


def _verifier(
    validation: CertificateValidation, whose: str
) -> Callable[[SSL.Connection, crypto.X509, int, int, int], bool]:
    def verified(
        tls: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        believed = validation.believes(bool(ok))
        if not believed:
            text = _REASONS.get(code, f"OpenSSL's verification error {code}")
            subject = certificate.to_cryptography().subject.rfc4514_string()
            upgrade = tls.get_app_data()
            upgrade.refusal = f"the {whose}'s certificate is not trusted: {text} ({subject})"
        return believed

    return verified


def _peer_certificate(tls: SSL.Connection) -> x509.Certificate | None:
    return tls.get_peer_certificate(as_cryptography=True)


def _check_name(certificate: x509.Certificate, name: str, why: str) -> None:
    try:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            verify_certificate_hostname(certificate, name)
        else:
            verify_certificate_ip_address(certificate, name)
    except (VerificationError, NoNames, ValueError):
        names = ", ".join(_names(certificate)) or "no name"
        raise CertificateRefused(
            f"the service's certificate is for {names}, not for {name} as {why}; if that is the "
            "service all the same, give its identity (DnsIdentity, CertificateIdentity)"
        ) from None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    dns = found.get_values_for_type(x509.DNSName)
    return dns + [str(one) for one in found.get_values_for_type(x509.IPAddress)]
