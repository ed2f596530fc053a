"""
What services and clients prove who they are with, and whom they believe, in WCF's words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netshare.transport.security.certificates import CertificateFile
from netshare.transport.security.validation import CHAIN_TRUST, CertificateValidation

__all__ = [
    "ClientCredentials",
    "ServiceCredentials",
    "UserNameCredential",
    "UserNameValidator",
    "WindowsClientCredential",
    "WindowsServiceCredential",
]

#: Lets a user's name and password pass by returning None or True (or an awaitable of it); anything
#: else, an exception in the first place, is a refusal.
UserNameValidator = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class UserNameCredential:
    """
    A client's user name and password (``ClientCredentials.UserName``).
    """

    name: str
    password: str = field(repr=False)


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
    :param user_name_validator: says whether a name and a password are right, where messages carry
        them (``UserNameAuthentication.CustomUserNamePasswordValidator``)
    :param context_lifetime: how long a client's security context is good before it has to be
        renewed, where messages carry credentials, in seconds; WCF's 15 hours
    :raises ValueError: the lifetime is not more than 0
    """

    certificate: CertificateFile | None = None
    client_certificate: CertificateValidation = CHAIN_TRUST
    windows: WindowsServiceCredential = _ANY
    user_name_validator: UserNameValidator | None = None
    context_lifetime: float = 15 * 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.context_lifetime <= 10 * 365 * 86400:
            raise ValueError(
                "ServiceCredentials: context_lifetime must be more than 0 seconds and at most ten "
                f"years, not {self.context_lifetime}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """
    Of a client (``ChannelFactory.Credentials``).

    :param certificate: the client's own, where the binding asks for it
    :param service_certificate: how the service's certificate is validated
    :param windows: the client's Windows credentials, where the binding asks for them
    :param user_name: the client's user name and password, where messages carry them
    """

    certificate: CertificateFile | None = None
    service_certificate: CertificateValidation = CHAIN_TRUST
    windows: WindowsClientCredential = _OWN
    user_name: UserNameCredential | None = None
