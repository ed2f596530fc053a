"""Certificates and their keys in files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from OpenSSL import SSL
from twisted.logger import LogEvent, globalLogPublisher

from netshare.transport.security.certificates import (
    CertificateError,
    PemCertificate,
    PfxCertificate,
    Reread,
    thumbprint,
)
from tests.helpers.certificates import PASSWORD, Authority


def test_pem_and_pfx_are_the_same(authority: Authority) -> None:
    """A certificate and its key are read from PEM and from PFX, and go into a context."""
    issued = authority.issue("same", "localhost")
    for file in (issued.pem, issued.pfx):
        loaded = file.load()
        assert loaded.certificate == issued.certificate
        loaded.use_in(SSL.Context(SSL.TLS_METHOD))


def test_a_key_in_a_file_of_its_own(authority: Authority, tmp_path: Path) -> None:
    """The key may stand in another file, which then is watched as well."""
    whole = Path(authority.issue("whole", "localhost").pem.path).read_text()
    at = whole.index("-----BEGIN CERTIFICATE")
    (tmp_path / "key.pem").write_text(whole[:at])
    (tmp_path / "certificate.pem").write_text(whole[at:])
    file = PemCertificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    file.load().use_in(SSL.Context(SSL.TLS_METHOD))
    assert file.paths == (tmp_path / "certificate.pem", tmp_path / "key.pem")


def test_a_key_of_another_certificate(authority: Authority) -> None:
    """A key that does not belong to its certificate is an error that says so."""
    one, other = authority.issue("one", "localhost"), authority.issue("other", "localhost")
    loaded = PemCertificate(one.pem.path, other.pem.path).load()
    with pytest.raises(CertificateError, match="does not belong to the certificate"):
        loaded.use_in(SSL.Context(SSL.TLS_METHOD))


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (PemCertificate("missing.pem"), None, "missing.pem: No such file"),
        (PemCertificate("bad.pem"), b"nonsense", "bad.pem: this is no certificate in PEM"),
        (PfxCertificate("bad.pfx", "x"), b"nonsense", "bad.pfx: this PFX file cannot be read"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: PemCertificate | PfxCertificate,
    content: bytes | None,
    words: str,
) -> None:
    """The error names the file and says what is wrong."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(file.path).write_bytes(content)
    with pytest.raises(CertificateError, match=words):
        file.load()


def test_without_key_or_password(authority: Authority, tmp_path: Path) -> None:
    """A PEM file without a key, and a PFX file with another password, are errors that say so."""
    issued = authority.issue("lacking", "localhost")
    with pytest.raises(CertificateError, match="the private key cannot be read"):
        PemCertificate(authority.roots).load()
    with pytest.raises(CertificateError, match="is the password right"):
        PfxCertificate(issued.pfx.path, PASSWORD + "!").load()


def test_a_password_is_not_shown() -> None:
    """What is printed or logged of a certificate has no password in it."""
    for file in (PemCertificate("a.pem", password="secret"), PfxCertificate("a.pfx", "secret")):
        assert "secret" not in repr(file)


def test_read_again(authority: Authority, tmp_path: Path) -> None:
    """A changed file is read again; one that cannot be read leaves the old one in use."""
    path = tmp_path / "service.pem"
    one, other = authority.issue("first", "localhost"), authority.issue("second", "localhost")
    shutil.copy(one.pem.path, path)
    file = PemCertificate(path)
    reread = Reread(file.paths, file.load)
    assert reread.get() is reread.get()
    assert reread.get().certificate == one.certificate
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        path.write_text("half a file")
        for _ in range(3):
            assert reread.get().certificate == one.certificate
        path.unlink()
        assert reread.get().certificate == one.certificate
        shutil.copy(other.pem.path, tmp_path / "new.pem")
        os.replace(tmp_path / "new.pem", path)
        assert reread.get().certificate == other.certificate
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [event["log_level"].name for event in events] == ["error", "error", "info"]


def test_thumbprints(authority: Authority) -> None:
    """As Windows shows them, and as SHA-256."""
    certificate = authority.issue("print", "localhost").certificate
    assert len(thumbprint(certificate)) == 40
    assert len(thumbprint(certificate, sha256=True)) == 64
    assert thumbprint(certificate).isupper()
