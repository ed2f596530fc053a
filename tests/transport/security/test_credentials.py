"""The credentials of services and clients."""

from __future__ import annotations

from netshare.transport.security.credentials import ClientCredentials, ServiceCredentials
from netshare.transport.security.validation import CertificateValidationMode


def test_nothing_is_believed_by_default() -> None:
    """Without a word the other side's certificate has to come from an authority of the system's."""
    for validation in (
        ServiceCredentials().client_certificate,
        ClientCredentials().service_certificate,
    ):
        assert validation.mode is CertificateValidationMode.CHAIN_TRUST
        assert validation.roots is None
        assert not validation.optional
