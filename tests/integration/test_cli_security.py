"""``netshare probe`` and ``netshare call`` with services that ask for security."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
import trustme
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from netshare.cli.exits import Exit
from netshare.transport.contracts.binding import SecurityMode, TransferMode
from netshare.transport.security import (
    CertificateValidation,
    MessageCredentialType,
    ServiceCredentials,
    TcpClientCredentialType,
    WindowsServiceCredential,
)
from netshare.transport.security.certificates import thumbprint
from tests.helpers import windows
from tests.helpers.certificates import PASSWORD, Authority
from tests.helpers.windows import KerberosRealm, ntlm_users, require_kerberos
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.integration.test_cli import Ran, environment

IDENTITY = "urn:peers:basic/IBasic/Identity"
SECURED: dict[str, Any] = {"security": SecurityMode.TRANSPORT}


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    """The reactor's pool, which is there for good."""
    pytest_twisted.blockon(deferToThread(int))


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def hosting(service: RunningService) -> AsyncIterator[Hosting]:
    """Serves contracts behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, True)
    yield hosting
    await hosting.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Issues certificates."""
    return Authority(tmp_path)


async def netshare(*arguments: str) -> Ran:
    """Run the command, with what it needs for Windows credentials."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("KRB5", "GSS"))}
    from twisted.internet import reactor

    out, err, code = await getProcessOutputAndValue(
        sys.executable, ["-m", "netshare.cli", *arguments], environment() | kept, reactor=reactor
    )
    return Ran(code, out.decode(), err.decode())


def tls(authority: Authority, kind: TcpClientCredentialType, **dates: Any) -> dict[str, Any]:
    """Options of a service with a certificate."""
    issued = authority.issue("service", "127.0.0.1", "localhost", **dates)
    credentials = ServiceCredentials(
        certificate=issued.pem, client_certificate=CertificateValidation(roots=authority.roots)
    )
    return {**SECURED, "client_credential_type": kind, "credentials": credentials}


async def test_tls(hosting: Hosting, authority: Authority) -> None:
    """A call is made when the certificate is believed: by authority, thumbprint, or nothing."""
    kind = TcpClientCredentialType.NONE
    options = tls(authority, kind)
    address = await hosting.serve("IBasic", **options)
    hexadecimal = thumbprint(options["credentials"].certificate.load().certificate)
    how = ("call", address, IDENTITY, "--security", "Transport", "--credential", "None")
    trusting = [
        ("--ca-file", str(authority.roots)),
        ("--ca-file", str(authority.roots), "--dns", "localhost", "--tls", "Tls12"),
        ("--no-verify", "--thumbprint", hexadecimal),
        ("--no-verify",),
    ]
    for trust in trusting:
        ran = await netshare(*how, *trust)
        assert (ran.code, ran.err) == (0, "")
        assert "IdentityResult" in ran.out
    for trust, says in (
        ((), "not trusted"),
        (("--ca-file", str(authority.roots), "--dns", "else.example"), "not for else.example"),
        (("--no-verify", "--thumbprint", "ab" * 20), "thumbprint"),
    ):
        ran = await netshare(*how, *trust)
        assert (ran.code, ran.out) == (Exit.NOT_SECURE, "")
        assert says in ran.err
    ran = await netshare("call", address, IDENTITY)
    assert ran.code == Exit.NOT_NET_TCP
    assert "its binding may differ (security, mode)" in ran.err


async def test_a_client_certificate(hosting: Hosting, authority: Authority) -> None:
    """The client's certificate, with its password in a file, tells the service who calls."""
    kind = TcpClientCredentialType.CERTIFICATE
    address = await hosting.serve("IBasic", **tls(authority, kind))
    client = authority.issue("alice", "alice@example.com", common_name="alice")
    secret = authority.folder / "secret"
    secret.write_text(PASSWORD)
    ran = await netshare(
        *("call", address, IDENTITY, "--security", "Transport", "--credential", "Certificate"),
        *("--ca-file", str(authority.roots), "--certificate", str(client.pfx.path)),
        *("--password-file", str(secret)),
    )
    assert (ran.code, ran.err) == (0, "")
    assert "CN=alice" in ran.out
    ran = await netshare("probe", address, "--json")
    assert ran.code == Exit.OK
    (handshake,) = (one for attempt in ran.json["attempts"] for one in attempt["handshakes"])
    assert handshake["asksForClientCertificate"] is True
    assert handshake["version"] == "TLSv1.3"


@pytest.mark.parametrize("more", [(), ("--streamed",)], ids=["buffered", "streamed"])
async def test_credentials_in_messages(
    hosting: Hosting, authority: Authority, more: tuple[str, ...]
) -> None:
    """A user name, or a certificate, in messages: who it is, or that it is not let in."""
    pytest.importorskip("lxml", reason="needs lxml")
    client = authority.issue(
        "alice", "alice@example.com", common_name="alice", key_type=trustme.KeyType.RSA
    )
    secret, wrong = authority.folder / "secret", authority.folder / "wrong"
    secret.write_text("secret")
    wrong.write_text("wrong")
    issued = authority.issue("service", "127.0.0.1")
    credentials = ServiceCredentials(
        certificate=issued.pem,
        client_certificate=CertificateValidation(roots=authority.roots),
        user_name_validator=lambda name, password: (name, password) == ("ann", "secret"),
    )
    mode = TransferMode.STREAMED if more else TransferMode.BUFFERED
    for kind, shown, name in (
        ("UserName", ("--user", "ann", "--password-file", str(secret)), "ann"),
        ("Certificate", ("--certificate", str(client.pem.path)), "CN=alice"),
    ):
        address = await hosting.serve(
            "IBasic",
            path=f"{kind}-{mode.value}",
            security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
            message_credential_type=MessageCredentialType(kind),
            credentials=credentials,
            transfer_mode=mode,
        )
        how = ("call", address, IDENTITY, "--security", "TransportWithMessageCredential", *more)
        trust = ("--ca-file", str(authority.roots), "--credential", kind)
        ran = await netshare(*how, *trust, *shown)
        assert (ran.code, ran.err) == (0, "")
        assert name in ran.out
        if kind == "UserName":
            ran = await netshare(*how, *trust, "--user", "ann", "--password-file", str(wrong))
            assert (ran.code, ran.out) == (Exit.NOT_SECURE, "")
            assert "refused the security of a message" in ran.err


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("more", [(), ("--streamed",)], ids=["buffered", "streamed"])
async def test_windows_credentials_in_messages(
    hosting: Hosting, authority: Authority, more: tuple[str, ...]
) -> None:
    """A negotiation before the call, with WCF's default credential."""
    pytest.importorskip("lxml", reason="needs lxml")
    secret, wrong = authority.folder / "secret", authority.folder / "wrong"
    secret.write_text(windows.PASSWORD)
    wrong.write_text("wrong")
    address = await hosting.serve(
        "IBasic",
        security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
        credentials=ServiceCredentials(certificate=authority.issue("service", "127.0.0.1").pem),
        transfer_mode=TransferMode.STREAMED if more else TransferMode.BUFFERED,
    )
    how = ("call", address, IDENTITY, "--security", "TransportWithMessageCredential", *more)
    trust = ("--ca-file", str(authority.roots), "--user", f"DOM\\{windows.USER}", "--password-file")
    ran = await netshare(*how, *trust, str(secret))
    assert (ran.code, ran.err) == (0, "")
    assert windows.USER in ran.out
    for shown, says in (
        ((str(wrong),), "could not be authenticated"),
        ((str(secret), "--no-ntlm"), "NTLM is not allowed"),
    ):
        ran = await netshare(*how, *trust, *shown)
        assert (ran.code, ran.out) == (Exit.NOT_SECURE, "")
        assert says in ran.err


async def test_probing_certificates(hosting: Hosting, authority: Authority) -> None:
    """A certificate is shown; one that is out of its time has an exit code of its own."""
    kind, day, now = TcpClientCredentialType.NONE, timedelta(days=1), datetime.now(UTC)
    address = await hosting.serve("IBasic", "good", **tls(authority, kind))
    ran = await netshare("probe", address)
    assert (ran.code, ran.err) == (0, "")
    assert "for localhost, 127.0.0.1" in " ".join(ran.out.split())
    assert "asks for a certificate" not in ran.out
    assert "not trusted by this system" in ran.out
    for path, begin, end, says in (
        ("old", -10, -3, "has expired"),
        ("new", 5, 10, "is not valid yet"),
    ):
        dates = {"not_before": now + begin * day, "not_after": now + end * day}
        address = await hosting.serve("IBasic", path, **tls(authority, kind, **dates))
        ran = await netshare("probe", address)
        assert ran.code == Exit.NOT_VALID_NOW
        assert says in " ".join(ran.out.split())


async def test_ntlm(hosting: Hosting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a password calls with NTLM, and the probe sees the mechanism."""
    monkeypatch.setenv("KRB5_CONFIG", "/dev/null")
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "no-cache"))
    ntlm_users(tmp_path, monkeypatch)
    secret = tmp_path / "secret"
    secret.write_text(windows.PASSWORD + "\n")
    address = await hosting.serve("IBasic", **SECURED)
    who = ("--user", f"DOM\\{windows.USER}", "--password-file", str(secret))
    ran = await netshare("call", address, IDENTITY, "--security", "Transport", *who)
    assert (ran.code, ran.err) == (0, "")
    assert f"DOM\\{windows.USER}" in ran.out
    secret.write_text("wrong")
    ran = await netshare("call", address, IDENTITY, "--security", "Transport", *who)
    assert (ran.code, ran.out) == (Exit.NOT_SECURE, "")
    ran = await netshare("probe", address)
    assert ran.code == Exit.OK
    assert "NTLM: offered" in ran.out
    assert "Kerberos: refused" in ran.out


@pytest.fixture
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KerberosRealm]:
    """A realm, known to this process and to the commands that it starts."""
    require_kerberos()
    with KerberosRealm(tmp_path) as realm:
        for name, value in realm.environment.items():
            monkeypatch.setenv(name, value)
        yield realm


async def test_kerberos(hosting: Hosting, realm: KerberosRealm) -> None:
    """Without a user it is the ticket's owner who calls, and the probe sees Kerberos offered."""
    realm.log_in()
    credentials = ServiceCredentials(windows=WindowsServiceCredential(allow_ntlm=False))
    address = await hosting.serve("IBasic", credentials=credentials, **SECURED)
    how = ("--security", "Transport", "--spn", "host/localhost", "--no-ntlm")
    ran = await netshare("call", address, IDENTITY, *how)
    assert (ran.code, ran.err) == (0, "")
    assert f"{windows.USER}@NETSHARE.TEST" in ran.out
    ran = await netshare("probe", address)
    assert ran.code == Exit.OK
    assert "Kerberos: offered" in ran.out
