"""
Secure channels: which upgrade of the stream a binding asks for, what both sides prove who they are
with, and whom they believe.

- :mod:`.transportsecurity` is the table: from a binding's words to an upgrade
- :mod:`.ssltls` and :mod:`.tls` are ``application/ssl-tls``; :mod:`.negotiate` is
  ``application/negotiate``
- :class:`ServiceCredentials` and :class:`ClientCredentials` have certificates
  (:mod:`.certificates`) and say how those of the other side are validated (:mod:`.validation`)
- :mod:`.messagecredentials` is what messages carry inside of TLS where a binding asks for that, by
  :mod:`.secureconversation`
- an :class:`EndpointIdentity` is what a client expects of a service, an :class:`Identity` what a
  service knows of a client
"""

from netshare.transport.security.certificates import (
    CertificateError,
    CertificateFile,
    PemCertificate,
    PfxCertificate,
)
from netshare.transport.security.credentials import (
    ClientCredentials,
    ServiceCredentials,
    UserNameCredential,
    UserNameValidator,
    WindowsClientCredential,
    WindowsServiceCredential,
)
from netshare.transport.security.endpointidentity import (
    CertificateIdentity,
    DnsIdentity,
    EndpointIdentity,
    SpnIdentity,
)
from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.messagecredentials import (
    MessageCredentialType,
)
from netshare.transport.security.ssltls import SslProtocols
from netshare.transport.security.transportsecurity import (
    SecurityNotAvailable,
    TcpClientCredentialType,
    TransportSecurity,
)
from netshare.transport.security.validation import (
    CertificateValidation,
    CertificateValidationMode,
)

__all__ = [
    "CertificateError",
    "CertificateFile",
    "CertificateIdentity",
    "CertificateValidation",
    "CertificateValidationMode",
    "ClientCredentials",
    "DnsIdentity",
    "EndpointIdentity",
    "Identity",
    "IdentityKind",
    "MessageCredentialType",
    "PemCertificate",
    "PfxCertificate",
    "ProtectionLevel",
    "SecurityNotAvailable",
    "ServiceCredentials",
    "SpnIdentity",
    "SslProtocols",
    "TcpClientCredentialType",
    "TransportSecurity",
    "UserNameCredential",
    "UserNameValidator",
    "WindowsClientCredential",
    "WindowsServiceCredential",
]
