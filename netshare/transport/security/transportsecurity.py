"""
Which upgrade a binding's words ask for: the table of SecurityMode.TRANSPORT.

=============  ==========================================================
credential     upgrade
=============  ==========================================================
WINDOWS        ``application/negotiate``
CERTIFICATE    ``application/ssl-tls``, the client has a certificate, too
NONE           ``application/ssl-tls``
=============  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool

from netshare.addresses import AddressError, parse_via
from netshare.transport.channels.upgrades import IUpgradeAcceptor, IUpgradeInitiator
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
from netshare.transport.security.negotiate import (
    InitiatorOptions,
    NegotiateAcceptor,
    NegotiateInitiator,
    Runner,
    SecurityMissing,
    require_spnego,
)
from netshare.transport.security.ssltls import (
    SslProtocols,
    TlsAcceptor,
    TlsClientContext,
    TlsInitiator,
)

__all__ = [
    "InitiatorFor",
    "SecurityNotAvailable",
    "TcpClientCredentialType",
    "TransportSecurity",
    "in_threads_of",
    "windows_options",
]

#: Makes the upgrade for an address, the via to it, and what the service there has to be.
InitiatorFor = Callable[[str, str, EndpointIdentity | None], IUpgradeInitiator]


class SecurityNotAvailable(ValueError):
    """
    A binding asks for security that this version does not have, or that is not set up.
    """


class TcpClientCredentialType(Enum):
    """How a client says who it is (``binding.Security.Transport.ClientCredentialType``)."""

    NONE = "None"
    WINDOWS = "Windows"
    CERTIFICATE = "Certificate"


@dataclass(frozen=True, slots=True)
class TransportSecurity:
    """
    What a binding with SecurityMode.TRANSPORT says.

    :raises ValueError: these do not go together
    """

    credential: TcpClientCredentialType = TcpClientCredentialType.WINDOWS
    protection: ProtectionLevel = ProtectionLevel.ENCRYPT_AND_SIGN
    protocols: SslProtocols = SslProtocols.SYSTEM

    def __post_init__(self) -> None:
        windows = self.credential is TcpClientCredentialType.WINDOWS
        if not windows and self.protection is not ProtectionLevel.ENCRYPT_AND_SIGN:
            raise ValueError(
                f"NetTcpBinding: TLS always encrypts and signs; protection_level "
                f"{self.protection.value} is for Windows credentials"
            )

    @property
    def _with_certificates(self) -> bool:
        return self.credential is TcpClientCredentialType.CERTIFICATE

    def acceptor(self, credentials: ServiceCredentials, run: Runner) -> IUpgradeAcceptor:
        """
        :param credentials: the service's
        :param run: does what takes its time, see :func:`in_threads_of`
        :returns: what is offered to clients
        :raises SecurityNotAvailable: a credential, or a package, is missing
        :raises CertificateError: a certificate cannot be read
        """
        if self.credential is TcpClientCredentialType.WINDOWS:
            _require_windows()
            windows = credentials.windows
            return NegotiateAcceptor(run, self.protection, windows.allow_ntlm, windows.spn)
        if credentials.certificate is None:
            raise SecurityNotAvailable(
                "a service with transport security needs a certificate: ServiceHost(…, "
                "credentials=ServiceCredentials(certificate=PemCertificate('fullchain.pem', "
                "'key.pem')))"
            )
        clients = credentials.client_certificate if self._with_certificates else None
        return TlsAcceptor(credentials.certificate, clients, self.protocols)

    def initiators(self, credentials: ClientCredentials, run: Runner) -> InitiatorFor:
        """
        :param credentials: the client's
        :param run: does what takes its time, see :func:`in_threads_of`
        :returns: makes what is asked of a service
        :raises SecurityNotAvailable: a credential, or a package, is missing
        :raises CertificateError: a certificate cannot be read
        """
        if self.credential is TcpClientCredentialType.WINDOWS:
            return self._negotiating(credentials.windows, run)
        certificate = credentials.certificate if self._with_certificates else None
        if certificate is None and self._with_certificates:
            raise SecurityNotAvailable(
                "a client of a service that wants certificates needs one: "
                "credentials=ClientCredentials(certificate=PemCertificate('client.pem'))"
            )
        context = TlsClientContext(certificate, credentials.service_certificate, self.protocols)

        def initiator(
            address: str, via: str, identity: EndpointIdentity | None
        ) -> IUpgradeInitiator:
            if isinstance(identity, SpnIdentity):
                raise ValueError("an SpnIdentity is for Windows credentials; TLS has DnsIdentity")
            return TlsInitiator(context, _host(address, via), identity)

        return initiator

    def _negotiating(self, windows: WindowsClientCredential, run: Runner) -> InitiatorFor:
        _require_windows()

        def initiator(
            address: str, via: str, identity: EndpointIdentity | None
        ) -> IUpgradeInitiator:
            if isinstance(identity, CertificateIdentity):
                raise ValueError("a CertificateIdentity is for TLS; Windows has SpnIdentity")
            options = windows_options(windows, address, via, identity, self.protection)
            return NegotiateInitiator(run, options)

        return initiator


def windows_options(
    windows: WindowsClientCredential,
    address: str,
    via: str,
    identity: EndpointIdentity | None,
    level: ProtectionLevel,
) -> InitiatorOptions:
    """
    :param windows: the client's credentials
    :param address: of the endpoint
    :param via: where to connect
    :param identity: what the service there has to be
    :param level: what messages are protected against
    :returns: what a client says of itself, and to which service
    """
    spn = None
    if isinstance(identity, SpnIdentity):
        spn = identity.name
    elif isinstance(identity, DnsIdentity):
        spn = f"host/{identity.name}"
    user, password, ntlm = windows.user, windows.password, windows.allow_ntlm
    return InitiatorOptions(_host(address, via), spn, user, password, level, ntlm)


def in_threads_of(reactor: Any) -> Runner:
    """
    :returns: calls functions in the reactor's threads; one without threads calls them itself
    """
    if not IReactorThreads.providedBy(reactor):
        return maybeDeferred
    return lambda function, *args: deferToThreadPool(
        reactor, reactor.getThreadPool(), function, *args
    )


def _require_windows() -> None:
    try:
        require_spnego()
    except SecurityMissing as error:
        raise SecurityNotAvailable(
            f"NetTcpBinding asks for Windows credentials, WCF's default: {error}; with "
            "client_credential_type=TcpClientCredentialType.CERTIFICATE or NONE connections are "
            "secured by TLS, and with security=SecurityMode.NONE by nothing, on both sides"
        ) from None


def _host(address: str, via: str) -> str:
    """
    The host that the service is expected to be: a relay or a forwarded port is not the service, so
    the address tells; only one that is no net.tcp address does not, and then the via does.
    """
    try:
        found = parse_via(address)
    except AddressError:
        found = parse_via(via)
    return found.host.rpartition("@")[2].strip("[]")
