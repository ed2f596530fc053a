"""
Whether a certificate is believed: how that is decided, in WCF's words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL, crypto

from netshare.transport.security.certificates import CertificateError

__all__ = [
    "CHAIN_TRUST",
    "CertificateRefused",
    "CertificateValidation",
    "CertificateValidationMode",
    "CertificateValidator",
]

#: Raises an exception, whose message is the reason, when it does not believe a certificate.
CertificateValidator = Callable[[x509.Certificate], None]


class CertificateRefused(Exception):
    """The other side's certificate is not believed; the message is the reason."""


class CertificateValidationMode(Enum):
    """``X509CertificateValidationMode``, without what needs a store of Windows'."""

    #: Every certificate will do: the other side is not authenticated.
    NONE = "None"
    #: An authority that is trusted has signed it, directly or not.
    CHAIN_TRUST = "ChainTrust"
    #: A validator decides.
    CUSTOM = "Custom"


@dataclass(frozen=True, slots=True)
class CertificateValidation:
    """
    How the other side's certificate is validated.

    :param mode: of these
    :param roots: with CHAIN_TRUST: a file in PEM with the authorities to trust; None: those that
        the system trusts
    :param validator: with CUSTOM: decides about the certificate, whose dates and authorities
        nothing else has looked at
    :param optional: of clients: whether one may come without a certificate
    :raises ValueError: these do not go together
    """

    mode: CertificateValidationMode = CertificateValidationMode.CHAIN_TRUST
    roots: Path | str | None = None
    validator: CertificateValidator | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        if (self.mode is CertificateValidationMode.CUSTOM) != (self.validator is not None):
            raise ValueError("CertificateValidation: CUSTOM has a validator, and only CUSTOM")
        if self.roots is not None and self.mode is not CertificateValidationMode.CHAIN_TRUST:
            raise ValueError("CertificateValidation: only CHAIN_TRUST has roots")

    @classmethod
    def none(cls) -> CertificateValidation:
        """Believe every certificate."""
        return cls(CertificateValidationMode.NONE)

    @classmethod
    def by(cls, validator: CertificateValidator, optional: bool = False) -> CertificateValidation:
        """Believe what a function does not object to."""
        return cls(CertificateValidationMode.CUSTOM, validator=validator, optional=optional)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are read."""
        return () if self.roots is None else (Path(self.roots),)

    def trust_in(self, context: SSL.Context, server: bool) -> None:
        """
        Let a context know the authorities to trust.

        :param server: whether it is clients that are validated
        :raises CertificateError: the roots cannot be read
        """
        if self.mode is CertificateValidationMode.CHAIN_TRUST:
            if self.roots is None:
                context.set_default_verify_paths()
            else:
                _trust(context, Path(self.roots), server)

    def use_in(self, context: SSL.Context, verified: _Verified, server: bool) -> None:
        """
        Let a context ask for certificates and look at the authorities.

        :param verified: OpenSSL's callback for what it thinks of each certificate
        :param server: whether it is clients that are validated
        :raises CertificateError: the roots cannot be read
        """
        self.trust_in(context, server)
        flags = SSL.VERIFY_PEER
        if not self.optional:
            flags |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(flags, verified)

    def believes(self, openssl: bool) -> bool:
        """
        :param openssl: what OpenSSL thinks of a certificate
        """
        return openssl or self.mode is not CertificateValidationMode.CHAIN_TRUST

    def check(self, certificate: x509.Certificate) -> None:
        """
        Ask the validator, if there is one.

        :raises CertificateRefused: it objects
        """
        if self.validator is not None:
            try:
                self.validator(certificate)
            except Exception as error:
                raise CertificateRefused(
                    f"the validator objects to the certificate: {error}"
                ) from error


#: By the authorities that the system trusts.
CHAIN_TRUST = CertificateValidation()

_Verified = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]


def _trust(context: SSL.Context, roots: Path, server: bool) -> None:
    try:
        authorities = x509.load_pem_x509_certificates(roots.read_bytes())
    except OSError as error:
        raise CertificateError(f"{roots}: {error.strerror}") from None
    except ValueError as error:
        raise CertificateError(f"{roots}: there are no certificates in PEM: {error}") from None
    store = context.get_cert_store()
    assert store is not None
    for authority in authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
        if server:
            context.add_client_ca(authority)
