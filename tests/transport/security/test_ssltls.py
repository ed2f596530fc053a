"""Who believes whom over ``application/ssl-tls``: both sides, in memory."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from OpenSSL import SSL

from netshare.transport.channels import errors
from netshare.transport.channels.settings import Acceptance
from netshare.transport.security.certificates import PemCertificate, thumbprint
from netshare.transport.security.endpointidentity import (
    CertificateIdentity,
    DnsIdentity,
    EndpointIdentity,
)
from netshare.transport.security.identity import IdentityKind
from netshare.transport.security.ssltls import (
    SslProtocols,
    TlsAcceptor,
    TlsClientContext,
    TlsInitiator,
)
from netshare.transport.security.validation import CertificateValidation
from tests.helpers.certificates import Authority, Issued
from tests.helpers.channels import Client, Server, exchange


@pytest.fixture(scope="module")
def service(authority: Authority) -> Issued:
    """The service's certificate."""
    return authority.issue("service", "localhost", "calc.example", "127.0.0.1")


@pytest.fixture(scope="module")
def alice(authority: Authority) -> Issued:
    """A client's certificate."""
    return authority.issue("alice", "alice@example.com")


def conversation(
    acceptor: TlsAcceptor, context: TlsClientContext, host: str, identity: Any = None
) -> tuple[Server, Client]:
    """Both sides, after everything that they have to say."""
    server = Server(answer=Acceptance(upgrades=acceptor, upgrade_required=True))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    client = Client(upgrade=TlsInitiator(context, host, identity))
    exchange(client.transport, server.transport)
    return server, client


def refused(server: Server, client: Client) -> str:
    """The reason for which the client has no channel; the server has none either."""
    if client.transport.state == "closing":
        server.transport.receiveEof()
    assert not server.acceptor.receivers
    assert server.transport.halfClosed or server.transport.state != "open"
    return str(client.error)


@pytest.mark.parametrize("protocols", list(SslProtocols))
def test_without_client_certificates(
    authority: Authority, service: Issued, protocols: SslProtocols
) -> None:
    """The client knows the service, the service does not know the client."""
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots), protocols)
    server, client = conversation(TlsAcceptor(service.pem), context, "localhost")
    assert server.acceptor.receivers[-1].channel.security is None
    client.channel.send(b"secret")
    trace = exchange(client.transport, server.transport)
    assert server.acceptor.receivers[-1].told == [b"secret"]
    assert not any(b"secret" in data for _, data in trace)


@pytest.mark.parametrize("protocols", list(SslProtocols))
def test_again_on_the_same_socket(
    authority: Authority, service: Issued, protocols: SslProtocols
) -> None:
    """After both End records TLS stops without a word; the next preamble is in clear, and a new
    handshake follows."""
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots), protocols)
    server, client = conversation(TlsAcceptor(service.pem), context, "localhost")
    for _ in range(3):
        client.channel.send(b"secret")
        exchange(client.transport, server.transport)
        client.channel.close()
        trace = exchange(client.transport, server.transport)
        assert [who for who, _ in trace] == ["c", "s"]
        assert all(data[0] == 23 for _, data in trace), "only application data, no alert"
        assert server.acceptor.receivers[-1].told == [b"secret", "end", "closed"]
        client.again()
        trace = exchange(client.transport, server.transport)
        assert trace[0][1].startswith(b"\x00\x01\x00\x01\x02")
    assert len(client.free) == 3


@pytest.mark.parametrize("protocols", list(SslProtocols))
def test_a_client_certificate(
    authority: Authority, service: Issued, alice: Issued, protocols: SslProtocols
) -> None:
    """Where it is required the service knows who the client is."""
    trust = CertificateValidation(roots=authority.roots)
    server, _ = conversation(
        TlsAcceptor(service.pfx, trust), TlsClientContext(alice.pfx, trust, protocols), "localhost"
    )
    identity = server.acceptor.receivers[-1].channel.security
    assert identity.kind is IdentityKind.CERTIFICATE
    assert identity.name == alice.certificate.subject.rfc4514_string()
    assert identity.thumbprint == thumbprint(alice.certificate)


@pytest.mark.parametrize("protocols", [SslProtocols.TLS12, SslProtocols.TLS13])
def test_clients_that_are_not_believed(
    authority: Authority,
    strangers: Authority,
    service: Issued,
    alice: Issued,
    protocols: SslProtocols,
) -> None:
    """Without a certificate, or with a stranger's, or a service's, there is no channel."""
    trust = CertificateValidation(roots=authority.roots)
    acceptor = TlsAcceptor(service.pem, trust)
    mallory = strangers.issue("mallory", "alice@example.com")
    for certificate in (None, mallory.pem):
        context = TlsClientContext(certificate, trust, protocols)
        server, client = conversation(acceptor, context, "localhost")
        reason = refused(server, client)
        assert type(client.error) is errors.MessageSecurityError
        assert "alert" in reason


def test_optional_client_certificates(authority: Authority, service: Issued, alice: Issued) -> None:
    """A client may come without one, but not with a wrong one."""
    trust = CertificateValidation(roots=authority.roots)
    acceptor = TlsAcceptor(service.pem, CertificateValidation(roots=authority.roots, optional=True))
    server, _ = conversation(acceptor, TlsClientContext(None, trust), "localhost")
    assert server.acceptor.receivers[-1].channel.security is None
    server, _ = conversation(acceptor, TlsClientContext(alice.pem, trust), "localhost")
    assert server.acceptor.receivers[-1].channel.security.name


def test_a_validator_for_clients(
    strangers: Authority, authority: Authority, service: Issued
) -> None:
    """A validator of the service's own decides, whoever has issued the certificate."""
    mallory = strangers.issue("mallory", "mallory@example.com")
    trust = CertificateValidation(roots=authority.roots)
    asked: list[x509.Certificate] = []
    acceptor = TlsAcceptor(service.pem, CertificateValidation.by(asked.append))
    server, _ = conversation(acceptor, TlsClientContext(mallory.pem, trust), "localhost")
    assert asked == [mallory.certificate]
    assert server.acceptor.receivers[-1].channel.security.thumbprint

    def objects(certificate: x509.Certificate) -> None:
        raise ValueError("not on the list")

    acceptor = TlsAcceptor(service.pem, CertificateValidation.by(objects))
    server, client = conversation(acceptor, TlsClientContext(mallory.pem, trust), "localhost")
    assert not server.acceptor.receivers
    assert server.transport.halfClosed
    client.transport.receiveEof()
    assert client.error is not None


@pytest.mark.parametrize(
    ("host", "identity", "words"),
    [
        ("localhost", None, ""),
        ("127.0.0.1", None, ""),
        ("elsewhere", DnsIdentity("calc.example"), ""),
        ("elsewhere", None, "is for localhost, calc.example, 127.0.0.1, not for elsewhere"),
        ("192.0.2.1", None, "not for 192.0.2.1 as its address says"),
        ("localhost", DnsIdentity("elsewhere"), "not for elsewhere as its identity says"),
        ("localhost", CertificateIdentity("00" * 20), "has the thumbprint"),
    ],
)
def test_names(
    authority: Authority,
    service: Issued,
    host: str,
    identity: EndpointIdentity | None,
    words: str,
) -> None:
    """The certificate is for the host of the address, or for what the identity says."""
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots))
    server, client = conversation(TlsAcceptor(service.pem), context, host, identity)
    if words:
        assert words in refused(server, client)
        assert type(client.error) is errors.MessageSecurityError
    else:
        assert client.channel.send(b"x") is None


def test_a_thumbprint_is_enough(strangers: Authority) -> None:
    """With no authority to trust, a thumbprint tells the right service from others."""
    own = strangers.issue("own", "localhost")
    context = TlsClientContext(None, CertificateValidation.none())
    for sha256 in (False, True):
        identity = CertificateIdentity(thumbprint(own.certificate, sha256))
        _, client = conversation(TlsAcceptor(own.pem), context, "elsewhere", identity)
        assert client.channel.send(b"x") is None
    other = strangers.issue("another", "localhost")
    server, client = conversation(TlsAcceptor(other.pem), context, "elsewhere", identity)
    assert "thumbprint" in refused(server, client)


def test_services_that_are_not_believed(
    authority: Authority, strangers: Authority, service: Issued, tmp_path: Path
) -> None:
    """A stranger's, an expired and a client's certificate are refused, with the reason."""
    trust = TlsClientContext(None, CertificateValidation(roots=authority.roots))
    stranger = strangers.issue("stranger", "localhost")
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    old = authority.issue("old", "localhost", not_before=long_ago, not_after=long_ago.replace(2021))
    for issued, words in ((stranger, "not known here"), (old, "it has expired")):
        server, client = conversation(TlsAcceptor(issued.pem), trust, "localhost")
        assert words in refused(server, client)
    # The same without any validation, which has to be said.
    server, client = conversation(
        TlsAcceptor(old.pem), TlsClientContext(None, CertificateValidation.none()), "elsewhere"
    )
    assert client.channel.send(b"x") is None
    # The system's authorities do not know ours.
    server, client = conversation(TlsAcceptor(service.pem), TlsClientContext(), "localhost")
    assert "not trusted" in refused(server, client)


def test_a_validator_for_the_service(strangers: Authority) -> None:
    """A validator of the client's own takes the place of authorities and names."""
    stranger = strangers.issue("liked", "localhost")
    asked: list[x509.Certificate] = []
    context = TlsClientContext(None, CertificateValidation.by(asked.append))
    _, client = conversation(TlsAcceptor(stranger.pem), context, "elsewhere")
    assert client.channel.send(b"x") is None
    assert asked == [stranger.certificate]


def test_versions_that_do_not_meet(authority: Authority, service: Issued) -> None:
    """A client of TLS 1.2 alone has no channel with a service of TLS 1.3 alone."""
    trust = CertificateValidation(roots=authority.roots)
    server, client = conversation(
        TlsAcceptor(service.pem, protocols=SslProtocols.TLS13),
        TlsClientContext(None, trust, SslProtocols.TLS12),
        "localhost",
    )
    assert "alert" in refused(server, client)


def test_old_versions_are_refused(service: Issued) -> None:
    """There is nothing below TLS 1.2, and no renegotiation, no compression, no weak cipher."""
    context = TlsAcceptor(service.pem)._context.get()
    assert context.set_options(0) & SSL.OP_NO_TLSv1_1
    assert context.set_options(0) & SSL.OP_NO_COMPRESSION
    assert context.set_options(0) & (1 << 30)
    ciphers = SSL.Connection(context, None).get_cipher_list()
    assert not [one for one in ciphers if "RC4" in one or "DES" in one or "NULL" in one]


def test_no_server_name_is_sent(authority: Authority, service: Issued) -> None:
    """As WCF's clients, ours do not tell on the way whom they want to reach."""
    client = Client(
        upgrade=TlsInitiator(
            TlsClientContext(None, CertificateValidation(roots=authority.roots)), "calc.example"
        )
    )
    client.transport.take()
    client.transport.receive(b"\x0a")
    assert b"calc.example" not in client.transport.take()


def test_a_new_certificate_without_a_restart(authority: Authority, tmp_path: Path) -> None:
    """The next handshake has the certificate that the file has then."""
    path = tmp_path / "service.pem"
    acceptor = None
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots))
    for name in ("before", "after"):
        issued = authority.issue(name, "localhost")
        path.write_bytes(Path(issued.pem.path).read_bytes())
        acceptor = acceptor or TlsAcceptor(PemCertificate(path))
        identity = CertificateIdentity(thumbprint(issued.certificate))
        _, client = conversation(acceptor, context, "localhost", identity)
        assert client.channel.send(b"x") is None
