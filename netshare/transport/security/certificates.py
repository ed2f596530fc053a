"""
Certificates with their keys: from PEM and PFX files, read again when these change.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from OpenSSL import SSL

from netshare.logger import Logger
from netshare.transport.security.identity import Identity, IdentityKind

__all__ = [
    "CertificateError",
    "CertificateFile",
    "KeyAndCertificates",
    "PemCertificate",
    "PfxCertificate",
    "Reread",
    "identity_of",
    "thumbprint",
]

T = TypeVar("T")


class CertificateError(ValueError):
    """A certificate or its key cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class KeyAndCertificates:
    """
    What a side proves its identity with.
    """

    #: A private key of ``cryptography``'s.
    key: Any
    certificate: x509.Certificate
    #: The authorities between the certificate and the root, which the other side may not have.
    chain: tuple[x509.Certificate, ...] = ()

    def use_in(self, context: SSL.Context) -> None:
        """
        :raises CertificateError: the key does not belong to the certificate
        """
        context.use_certificate(self.certificate)
        for authority in self.chain:
            context.add_extra_chain_cert(authority)
        try:
            context.use_privatekey(self.key)
            context.check_privatekey()
        except SSL.Error:
            raise CertificateError(
                f"the key does not belong to the certificate of {self.certificate.subject}"
            ) from None


class CertificateFile:
    """
    Where a certificate and its key are; see :class:`PemCertificate` and :class:`PfxCertificate`.
    """

    __slots__ = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are read."""
        raise NotImplementedError

    def load(self) -> KeyAndCertificates:
        """
        :raises CertificateError: a file cannot be read, or is not what it should be
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PemCertificate(CertificateFile):
    """
    A certificate in PEM, followed by those of the authorities above it.

    :param path: the file, often called ``fullchain.pem``
    :param key: the file of the private key; None: it is in the same one
    :param password: of the key, if it is encrypted
    """

    path: Path | str
    key: Path | str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def paths(self) -> tuple[Path, ...]:
        return (Path(self.path),) if self.key is None else (Path(self.path), Path(self.key))

    def load(self) -> KeyAndCertificates:
        files = self.paths
        try:
            certificates = x509.load_pem_x509_certificates(_read(files[0]))
        except ValueError as error:
            raise CertificateError(f"{files[0]}: this is no certificate in PEM: {error}") from None
        try:
            password = None if self.password is None else self.password.encode()
            key = load_pem_private_key(_read(files[-1]), password)
            return KeyAndCertificates(
                key,
                certificates[0],
                tuple(certificates[1:]),
            )
        except CertificateError:
            raise
        except (ValueError, TypeError) as error:
            raise CertificateError(
                f"{files[-1]}: the private key cannot be read: {error}; it has to be in PEM, and "
                "its password must be given if it has one"
            ) from None


@dataclass(frozen=True, slots=True)
class PfxCertificate(CertificateFile):
    """
    A certificate and its key in a PFX file (PKCS #12), as Windows exports them.

    :param path: the file
    :param password: of the file
    """

    path: Path | str
    password: str | None = field(default=None, repr=False)

    @property
    def paths(self) -> tuple[Path, ...]:
        return (Path(self.path),)

    def load(self) -> KeyAndCertificates:
        (file,) = self.paths
        password = None if self.password is None else self.password.encode()
        try:
            key, certificate, chain = pkcs12.load_key_and_certificates(_read(file), password)
        except CertificateError:
            raise
        except ValueError as error:
            raise CertificateError(
                f"{file}: this PFX file cannot be read: {error}; is the password right?"
            ) from None
        if key is None or certificate is None:
            missing = "private key" if key is None else "certificate"
            raise CertificateError(f"{file}: there is no {missing} in this PFX file")
        return KeyAndCertificates(
            key,
            certificate,
            tuple(chain),
        )


class Reread(Generic[T]):
    """
    What was made of files, made anew when one of them has changed. When that fails the old one is
    kept and the reason is logged, once for each state of the files.

    :param paths: the files
    :param make: makes it; may raise :class:`CertificateError`
    """

    log = Logger()

    def __init__(self, paths: tuple[Path, ...], make: Callable[[], T]) -> None:
        self._paths = paths
        self._make = make
        self._stamp: object = None
        self._made: T | None = None

    def get(self) -> T:
        """
        :raises CertificateError: it could never be made
        """
        stamp = [_stamp(path) for path in self._paths]
        if self._made is None:
            self._made, self._stamp = self._make(), stamp
        elif stamp != self._stamp:
            self._stamp = stamp
            try:
                self._made = self._make()
                self.log.info("read again: {files}", files=", ".join(map(str, self._paths)))
            except CertificateError as error:
                self.log.error("the certificate from before stays in use: {error}", error=error)
        return self._made


def identity_of(certificate: x509.Certificate) -> Identity:
    """:returns: the identity of a client that has proved that a certificate is its own"""
    return Identity(
        certificate.subject.rfc4514_string(),
        IdentityKind.CERTIFICATE,
        thumbprint=thumbprint(certificate),
    )


def thumbprint(certificate: x509.Certificate, sha256: bool = False) -> str:
    """
    :returns: the thumbprint as .NET and Windows show it: SHA-1, in capital hexadecimal digits
    """
    return certificate.fingerprint(SHA256() if sha256 else SHA1()).hex().upper()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from None
