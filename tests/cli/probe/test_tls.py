"""What a probe sees in a TLS handshake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netshare.cli.probe.tls import TlsHandshake
from netshare.framing.records import SSL_TLS_UPGRADE
from netshare.transport.security import CertificateValidation, SslProtocols
from netshare.transport.security.certificates import thumbprint
from netshare.transport.security.ssltls import TlsAcceptor
from tests.helpers.certificates import Authority
from tests.helpers.shaking import shake

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Issues certificates."""
    return Authority(tmp_path)


@pytest.mark.parametrize(
    ("protocols", "version"), [(SslProtocols.TLS12, "TLSv1.2"), (SslProtocols.SYSTEM, "TLSv1.3")]
)
def test_a_certificate(authority: Authority, protocols: SslProtocols, version: str) -> None:
    """Version, names, dates, authority and thumbprint are seen."""
    issued = authority.issue("service", "calc.example", "127.0.0.1", not_after=NOW + 30 * DAY)
    look = TlsHandshake("calc.example", NOW)
    shake(look, TlsAcceptor(issued.pem, protocols=protocols).upgradeFor(SSL_TLS_UPGRADE))
    lines = look.lines()
    assert lines[0].startswith(f"{version}, ")
    assert "for calc.example, 127.0.0.1" in lines
    assert any(line.endswith(", 30 more days") for line in lines)
    assert f"thumbprint {thumbprint(issued.certificate)}" in lines
    assert not look.wants_certificate
    assert lines[-1].startswith("not trusted by this system: ")
    found = look.as_json()
    assert (found["version"], found["trouble"]) == (version, None)
    assert found["certificate"]["names"] == ["calc.example", "127.0.0.1"]
    assert "O=authority" in found["certificate"]["issuer"]


@pytest.mark.parametrize("protocols", list(SslProtocols))
def test_a_client_certificate_is_asked_for(authority: Authority, protocols: SslProtocols) -> None:
    """A service that refuses clients without one shows its certificate all the same."""
    issued = authority.issue("service", "calc.example")
    clients = CertificateValidation(roots=authority.roots)
    acceptor = TlsAcceptor(issued.pem, clients, protocols)
    look = TlsHandshake("other.example", NOW)
    shake(look, acceptor.upgradeFor(SSL_TLS_UPGRADE))
    assert look.wants_certificate
    assert look.certificate == issued.certificate
    assert "for calc.example; NOT for other.example" in look.lines()


@pytest.mark.parametrize(
    ("begin", "end", "expired", "early", "says"),
    [
        (-10, -3, True, False, "EXPIRED 3 days ago"),
        (1, 2, False, True, "NOT YET VALID"),
        (-1, 1, False, False, "1 more days"),
    ],
)
def test_dates(
    authority: Authority, begin: int, end: int, expired: bool, early: bool, says: str
) -> None:
    """A certificate out of its time is shown, and said to be so."""
    issued = authority.issue(
        "service", "calc.example", not_before=NOW + begin * DAY, not_after=NOW + end * DAY
    )
    look = TlsHandshake("calc.example", NOW)
    shake(look, TlsAcceptor(issued.pem).upgradeFor(SSL_TLS_UPGRADE))
    assert (look.expired, look.early) == (expired, early)
    assert says in "\n".join(look.lines())


def test_no_tls() -> None:
    """What is no TLS, an endless handshake and a closed connection are said, and nothing raised."""
    for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46"):
        look = TlsHandshake("calc.example", NOW)
        look.start()
        look.feed(data)
        assert look.done
        assert look.lines()[0].startswith("the handshake fails: ")
        assert look.feed(b"more") == b""
    look = TlsHandshake("calc.example", NOW)
    look.start()
    look.ended("the server closes the connection")
    assert look.as_json()["trouble"] == "the server closes the connection"
    assert look.as_json()["certificate"] is None
