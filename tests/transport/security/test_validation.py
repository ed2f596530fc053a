"""How certificates are validated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from netshare.transport.security.certificates import CertificateError
from netshare.transport.security.validation import (
    CertificateRefused,
    CertificateValidation,
    CertificateValidationMode,
)
from tests.helpers.certificates import Authority


@pytest.mark.parametrize(
    "options",
    [
        {"mode": CertificateValidationMode.CUSTOM},
        {"validator": lambda certificate: None},
        {"mode": CertificateValidationMode.NONE, "roots": "roots.pem"},
    ],
)
def test_what_does_not_go_together(options: dict[str, Any]) -> None:
    """A validator has its mode, roots have theirs."""
    with pytest.raises(ValueError, match="CertificateValidation: "):
        CertificateValidation(**options)


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_roots_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """The error names the file."""
    roots = tmp_path / "roots.pem"
    if content is not None:
        roots.write_bytes(content)
    with pytest.raises(CertificateError, match=r"roots\.pem: "):
        CertificateValidation(roots=roots).use_in(
            SSL.Context(SSL.TLS_METHOD), lambda *_: True, server=False
        )


def test_a_validator_that_objects(authority: Authority) -> None:
    """Whatever a validator raises is its reason."""

    def validator(certificate: object) -> None:
        raise LookupError("not on the list")

    certificate = authority.issue("listed", "localhost").certificate
    with pytest.raises(CertificateRefused, match="objects to the certificate: not on the list"):
        CertificateValidation.by(validator).check(certificate)
    CertificateValidation().check(certificate)
