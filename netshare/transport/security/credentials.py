"""
What services and clients prove who they are with, and whom they believe, in WCF's words.
"""

from __future__ import annotations

from dataclasses import dataclass

from netshare.transport.security.certificates import CertificateFile
from netshare.transport.security.validation import CHAIN_TRUST, CertificateValidation

__all__ = ["ClientCredentials", "ServiceCredentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredentials:
    """
    Of a service (``ServiceHost.Credentials``).

    :param certificate: the service's own, for TLS
    :param client_certificate: how clients' certificates are validated, where the binding asks for
        them
    """

    certificate: CertificateFile | None = None
    client_certificate: CertificateValidation = CHAIN_TRUST


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """
    Of a client (``ChannelFactory.Credentials``).

    :param certificate: the client's own, where the binding asks for it
    :param service_certificate: how the service's certificate is validated
    """

    certificate: CertificateFile | None = None
    service_certificate: CertificateValidation = CHAIN_TRUST
