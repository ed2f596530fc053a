"""
What services and clients prove who they are with, and whom they believe, in WCF's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netshare.transport.security.certificates import CertificateFile
from netshare.transport.security.validation import CHAIN_TRUST, CertificateValidation

__all__ = [
    "ClientCredentials",
    "ServiceCredentials",
    "WindowsClientCredential",
    "WindowsServiceCredential",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsServiceCredential:
    """
    How a service takes Windows credentials. Its key comes from the keytab that ``KRB5_KTNAME``
    names, NTLM's passwords from the file that ``NTLM_USER_FILE`` names.

    :param allow_ntlm: whether clients may use NTLM; without it they have to use Kerberos
    :param spn: the principal that is served; None: any that the keytab has
    """

    allow_ntlm: bool = True
    spn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsClientCredential:
    """
    A client's Windows credentials (``ClientCredentials.Windows``).

    :param user: ``DOMAIN\\user`` or ``user@REALM``; None: this process's own, from its Kerberos
        credential cache
    :param password: of the user
    :param allow_ntlm: whether NTLM may be used where Kerberos cannot
    """

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    allow_ntlm: bool = True


_ANY = WindowsServiceCredential()
_OWN = WindowsClientCredential()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredentials:
    """
    Of a service (``ServiceHost.Credentials``).

    :param certificate: the service's own, for TLS
    :param client_certificate: how clients' certificates are validated, where the binding asks for
        them
    :param windows: how Windows credentials are taken, where the binding asks for them
    """

    certificate: CertificateFile | None = None
    client_certificate: CertificateValidation = CHAIN_TRUST
    windows: WindowsServiceCredential = _ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """
    Of a client (``ChannelFactory.Credentials``).

    :param certificate: the client's own, where the binding asks for it
    :param service_certificate: how the service's certificate is validated
    :param windows: the client's Windows credentials, where the binding asks for them
    """

    certificate: CertificateFile | None = None
    service_certificate: CertificateValidation = CHAIN_TRUST
    windows: WindowsClientCredential = _OWN
