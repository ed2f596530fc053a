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

from netshare.addresses import AddressError, parse_via
from netshare.transport.channels.upgrades import IUpgradeAcceptor, IUpgradeInitiator
from netshare.transport.security.credentials import ClientCredentials, ServiceCredentials
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.security.levels import ProtectionLevel
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

    :raises SecurityNotAvailable: there is no such thing
    """

    credential: TcpClientCredentialType = TcpClientCredentialType.WINDOWS
    protection: ProtectionLevel = ProtectionLevel.ENCRYPT_AND_SIGN
    protocols: SslProtocols = SslProtocols.SYSTEM

    def __post_init__(self) -> None:
        if self.credential is TcpClientCredentialType.WINDOWS:
            raise SecurityNotAvailable(
                "NetTcpBinding: Windows credentials, WCF's default, are not available in this "
                "version of netshare; with client_credential_type=TcpClientCredentialType."
                "CERTIFICATE or NONE connections are secured by TLS; if messages may travel "
                "unprotected and anonymous, say so with security=SecurityMode.NONE, on both sides"
            )
        if self.protection is not ProtectionLevel.ENCRYPT_AND_SIGN:
            raise ValueError(
                f"NetTcpBinding: TLS always encrypts and signs; protection_level "
                f"{self.protection.value} is for Windows credentials"
            )

    @property
    def _with_certificates(self) -> bool:
        return self.credential is TcpClientCredentialType.CERTIFICATE

    def acceptor(self, credentials: ServiceCredentials) -> IUpgradeAcceptor:
        """
        :param credentials: the service's
        :returns: what is offered to clients
        :raises SecurityNotAvailable: a credential is missing
        :raises CertificateError: a certificate cannot be read
        """
        if credentials.certificate is None:
            raise SecurityNotAvailable(
                "a service with transport security needs a certificate: ServiceHost(…, "
                "credentials=ServiceCredentials(certificate=PemCertificate('fullchain.pem', "
                "'key.pem')))"
            )
        clients = credentials.client_certificate if self._with_certificates else None
        return TlsAcceptor(credentials.certificate, clients, self.protocols)

    def initiators(self, credentials: ClientCredentials) -> InitiatorFor:
        """
        :param credentials: the client's
        :returns: makes what is asked of a service
        :raises SecurityNotAvailable: a credential is missing
        :raises CertificateError: a certificate cannot be read
        """
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
            return TlsInitiator(context, _host(address, via), identity)

        return initiator


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
