"""Certificates for tests, from an authority of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import Certificate, load_pem_x509_certificate

from netshare.transport.security import PemCertificate, PfxCertificate

PASSWORD = "correct horse"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and where it is."""

    pem: PemCertificate
    pfx: PfxCertificate
    certificate: Certificate


class Authority:
    """
    A certificate authority.

    :param folder: where its files are put
    :ivar roots: its own certificate's file
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self._authority = trustme.CA(organization_name=name)
        self.roots = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.roots)

    def issue(self, file: str, *names: str, **options: Any) -> Issued:
        """
        Issue a certificate.

        :param file: what its files are called
        :param names: what it is for: DNS names, addresses, or e-mail addresses of clients
        """
        leaf = self._authority.issue_cert(*names, **options)
        path = self.folder / f"{file}.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(path)
        certificate = load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
        key: Any = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        pfx = self.folder / f"{file}.pfx"
        pfx.write_bytes(
            pkcs12.serialize_key_and_certificates(
                file.encode(), key, certificate, None, BestAvailableEncryption(PASSWORD.encode())
            )
        )
        return Issued(PemCertificate(path), PfxCertificate(pfx, PASSWORD), certificate)
