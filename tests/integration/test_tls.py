"""
``application/ssl-tls`` with real clients: Microsoft's and ours, on a port of their own and behind a
shared one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.endpoints import clientFromString
from twisted.internet.threads import deferToThread

from netshare.transport import (
    CertificateIdentity,
    CertificateValidation,
    ChannelFactory,
    ClientCredentials,
    DnsIdentity,
    NetTcpBinding,
    NetTcpClient,
    SecurityMode,
    ServiceCredentials,
    ServiceHost,
    SslProtocols,
    TcpClientCredentialType,
    TransferMode,
    errors,
)
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.security.certificates import thumbprint
from tests.helpers.certificates import PASSWORD, Authority, Issued
from tests.helpers.places import ROOT
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.peers.child import PeerError
from tests.peers.contracts import IBasic, IDuplex, IStreams
from tests.peers.conversing import assert_basic
from tests.peers.drivers import DotNetClient, MonoClient, free_port
from tests.peers.services import SERVICES

CERTIFICATE, NONE = TcpClientCredentialType.CERTIFICATE, TcpClientCredentialType.NONE
KINDS = pytest.mark.parametrize("kind", [NONE, CERTIFICATE])


class Securing:
    """
    Certificates of an authority, and what services and clients are told of them.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.strangers = Authority(folder, "strangers")
        self.service = self.authority.issue("service", "127.0.0.1", "localhost", "calc.example")
        self.client = self.authority.issue("client", "alice@example.com")

    @property
    def trust(self) -> CertificateValidation:
        """By the authority."""
        return CertificateValidation(roots=self.authority.roots)

    def options(self, kind: TcpClientCredentialType, **others: Any) -> dict[str, Any]:
        """Of a service."""
        credentials = ServiceCredentials(
            certificate=self.service.pem, client_certificate=self.trust
        )
        return {
            "security": SecurityMode.TRANSPORT,
            "client_credential_type": kind,
            "credentials": credentials,
            **others,
        }

    def credentials(self, client: Issued | None = None) -> ClientCredentials:
        """Of a client."""
        certificate = None if client is None else client.pfx
        return ClientCredentials(certificate=certificate, service_certificate=self.trust)

    def dotnet(self, kind: TcpClientCredentialType, client: Issued | None = None) -> dict[str, Any]:
        """Of Microsoft's client."""
        credentials: dict[str, Any] = {"validation": "None"}
        if client is not None:
            credentials |= {"certificate": str(client.pfx.path), "certificatePassword": PASSWORD}
        return {
            # It does not look at the addresses that a certificate is for, only at names.
            "dns": "localhost",
            "binding": {"security": "Transport", "transportCredential": kind.value},
            "credentials": credentials,
        }


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The thread that all clients that wait share, with the descriptors that it has for good."""
    BackgroundReactor.shared()


@pytest.fixture
def securing(tmp_path: Path) -> Securing:
    """Certificates."""
    return Securing(tmp_path)


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


async def call_once(client: DotNetClient, address: str, options: dict[str, Any]) -> Any:
    """Open a channel, call, and close."""
    channel = await client.open("IBasic", address, **options)
    answer = await channel.call("Who")
    await channel.close()
    return answer


def binding(kind: TcpClientCredentialType, **options: Any) -> NetTcpBinding:
    """Of a client of ours."""
    return NetTcpBinding(client_credential_type=kind, **options)


# ---- Microsoft's client


@KINDS
async def test_dotnet(
    hosting: Hosting,
    securing: Securing,
    dotnet_client: DotNetClient,
    kind: TcpClientCredentialType,
) -> None:
    """.NET's client calls over TLS, again and again on one socket; who it is can be seen."""
    address = await hosting.serve("IBasic", **securing.options(kind))
    client = securing.client if kind is CERTIFICATE else None
    for _ in range(3):
        channel = await dotnet_client.open("IBasic", address, **securing.dotnet(kind, client))
        assert await channel.call("Identity") == (
            "" if client is None else client.certificate.subject.rfc4514_string()
        )
        await channel.close()
    channel = await dotnet_client.open("IBasic", address, **securing.dotnet(kind, client))
    await assert_basic(channel, "python", address)
    if hosting.shared:
        assert hosting.accepted == 1


async def test_mono(hosting: Hosting, securing: Securing, mono_client: MonoClient) -> None:
    """Mono's client, which has no upgrades, is closed without an answer, as WCF's services do."""
    address = await hosting.serve("IBasic", **securing.options(NONE))
    with pytest.raises(PeerError, match="Preamble Ack Record is expected, got FFFFFFFF"):
        await mono_client.open("IBasic", address)


@KINDS
async def test_dotnet_with_a_callback(
    hosting: Hosting,
    securing: Securing,
    dotnet_client: DotNetClient,
    kind: TcpClientCredentialType,
) -> None:
    """Callbacks go through TLS as well."""
    address = await hosting.serve("IDuplex", **securing.options(kind))
    options = securing.dotnet(kind, securing.client if kind is CERTIFICATE else None)
    channel = await dotnet_client.open("IDuplex", address, **options)
    assert await channel.call("Work", "job", 3) == "job done"
    await channel.close()


@KINDS
async def test_dotnet_streamed(
    hosting: Hosting,
    securing: Securing,
    dotnet_client: DotNetClient,
    kind: TcpClientCredentialType,
) -> None:
    """Streams in both directions, each call with a handshake of its own."""
    address = await hosting.serve(
        "IStreams",
        **securing.options(
            kind, transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 30
        ),
    )
    options = securing.dotnet(kind, securing.client if kind is CERTIFICATE else None)
    options["binding"] |= {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30}
    channel = await dotnet_client.open("IStreams", address, **options)
    downloaded = await channel.call("Download", 3_000_000)
    assert downloaded["length"] == 3_000_000
    uploaded = await channel.call("Upload", {"size": 3_000_000})
    assert uploaded
    await channel.close()


@pytest.mark.parametrize(
    ("binding", "error"),
    [
        ({"security": "None"}, "ProtocolException|CommunicationException"),
        ({"security": "Transport", "transportCredential": "Windows"}, "ProtocolException"),
    ],
)
async def test_dotnet_with_other_security(
    hosting: Hosting,
    securing: Securing,
    dotnet_client: DotNetClient,
    binding: dict[str, Any],
    error: str,
) -> None:
    """Security that does not fit is an error at the client, and the service goes on."""
    address = await hosting.serve("IBasic", **securing.options(NONE))
    options = {"binding": binding, "credentials": {"validation": "None"}}
    with pytest.raises(PeerError, match=error):
        await call_once(dotnet_client, address, options)
    assert await call_once(dotnet_client, address, securing.dotnet(NONE)) == "python"


async def test_dotnet_without_its_certificate(
    hosting: Hosting, securing: Securing, dotnet_client: DotNetClient
) -> None:
    """A client that shows no certificate, or a stranger's, is not served."""
    address = await hosting.serve("IBasic", **securing.options(CERTIFICATE))
    stranger = securing.strangers.issue("stranger", "mallory@example.com")
    for options in (
        securing.dotnet(NONE),
        securing.dotnet(CERTIFICATE, stranger),
    ):
        with pytest.raises(PeerError):
            await call_once(dotnet_client, address, options)


async def test_dotnet_and_a_name(
    hosting: Hosting, securing: Securing, dotnet_client: DotNetClient
) -> None:
    """The certificate is for the name that the client is told, or it is refused."""
    address = await hosting.serve("IBasic", **securing.options(NONE))
    options = securing.dotnet(NONE)
    assert await call_once(dotnet_client, address, options | {"dns": "calc.example"}) == "python"
    with pytest.raises(PeerError, match="Identity check failed"):
        await call_once(dotnet_client, address, options | {"dns": "calc.invalid"})


@pytest.mark.parametrize("protocols", [SslProtocols.TLS12, SslProtocols.TLS13])
async def test_dotnet_and_each_version(
    hosting: Hosting, securing: Securing, dotnet_client: DotNetClient, protocols: SslProtocols
) -> None:
    """TLS 1.2 and 1.3 alike."""
    address = await hosting.serve(
        "IBasic", **securing.options(CERTIFICATE, ssl_protocols=protocols)
    )
    for _ in range(2):
        channel = await dotnet_client.open(
            "IBasic", address, **securing.dotnet(CERTIFICATE, securing.client)
        )
        assert await channel.call("Add", 40, 2) == 42
        await channel.close()


async def test_dotnet_that_may_not(
    hosting: Hosting, securing: Securing, dotnet_client: DotNetClient
) -> None:
    """What is not allowed is SecurityAccessDeniedException in .NET; the session goes on."""
    address = await hosting.serve(
        "IBasic",
        authorization=lambda context: context.identity and not context.action.endswith("/Add"),
        **securing.options(CERTIFICATE),
    )
    channel = await dotnet_client.open(
        "IBasic", address, **securing.dotnet(CERTIFICATE, securing.client)
    )
    with pytest.raises(PeerError, match="SecurityAccessDeniedException: Access is denied"):
        await channel.call("Add", 40, 2)
    assert await channel.call("Who") == "python"
    await channel.close()


# ---- ours


@KINDS
async def test_ours(hosting: Hosting, securing: Securing, kind: TcpClientCredentialType) -> None:
    """Our clients, the one of Twisted's programs and the one that waits."""
    address = await hosting.serve("IBasic", **securing.options(kind))
    client = securing.client if kind is CERTIFICATE else None
    credentials = securing.credentials(client)
    factory = ChannelFactory(IBasic, binding(kind), hosting.reactor, credentials=credentials)
    for _ in range(3):
        channel = factory.create_channel(address)
        assert await channel.operations.Add(40, 2) == 42
        assert await channel.operations.Bytes(60_000)
        await channel.close()
        assert factory.pool.idle == 1
    await factory.close()

    def waiting() -> int:
        with NetTcpClient(IBasic, address, binding(kind), credentials=credentials) as basic:
            return basic.Add(40, 2)

    assert await deferToThread(waiting) == 42


@KINDS
async def test_ours_with_a_callback(
    hosting: Hosting, securing: Securing, kind: TcpClientCredentialType
) -> None:
    """Our client is called back through TLS."""
    address = await hosting.serve("IDuplex", **securing.options(kind))
    credentials = securing.credentials(securing.client if kind is CERTIFICATE else None)

    class Called:
        def Progress(self, percent: int, note: str | None) -> None:
            pass

        def Ask(self, question: str | None) -> str | None:
            return f"re: {question}"

    factory = ChannelFactory(
        IDuplex, binding(kind), hosting.reactor, credentials=credentials, callback=Called()
    )
    channel = factory.create_channel(address)
    assert await channel.operations.Work("job", 3) == "job done"
    assert await channel.operations.WorkAndAsk("it") == "it: re: how about it?"
    await channel.close()
    await factory.close()


@KINDS
async def test_ours_streamed(
    hosting: Hosting, securing: Securing, kind: TcpClientCredentialType
) -> None:
    """A stream of some megabytes, and back."""
    limits = {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 30}
    address = await hosting.serve("IStreams", **securing.options(kind, **limits))
    factory = ChannelFactory(
        IStreams,
        binding(kind, **limits),
        hosting.reactor,
        credentials=securing.credentials(securing.client if kind is CERTIFICATE else None),
    )
    channel = factory.create_channel(address)
    stream = await channel.operations.Download(3_000_000)
    length = 0
    while piece := await stream.read(100_000):
        length += len(piece)
    assert length == 3_000_000
    assert await channel.operations.Upload(b"x" * 1_000_000)
    await channel.close()
    await factory.close()


async def test_ours_and_identities(hosting: Hosting, securing: Securing) -> None:
    """A service is known by the name or the certificate that the client was told."""
    address = await hosting.serve("IBasic", **securing.options(NONE))
    factory = ChannelFactory(
        IBasic, binding(NONE), hosting.reactor, credentials=securing.credentials()
    )
    own = thumbprint(securing.service.certificate)
    longer = thumbprint(securing.service.certificate, sha256=True)
    for right in (
        None,
        DnsIdentity("calc.example"),
        CertificateIdentity(own),
        CertificateIdentity(longer.lower()),
    ):
        channel = factory.create_channel(address, identity=right)
        assert await channel.operations.Who() == "python"
        await channel.close()
    for wrong in (DnsIdentity("calc.invalid"), CertificateIdentity("00" * 20)):
        with pytest.raises(errors.MessageSecurityError, match="certificate"):
            await factory.create_channel(address, identity=wrong).operations.Who()
    await factory.close()


async def test_ours_in_asyncio(hosting: Hosting, securing: Securing) -> None:
    """The client of asyncio's programs, in a program of its own."""
    address = await hosting.serve("IBasic", **securing.options(CERTIFICATE))
    program = f"""
import asyncio
from netshare.transport import *
from tests.peers.contracts import IBasic
credentials = ClientCredentials(
    certificate=PfxCertificate({str(securing.client.pfx.path)!r}, {PASSWORD!r}),
    service_certificate=CertificateValidation(roots={str(securing.authority.roots)!r}),
)
binding = NetTcpBinding(client_credential_type=TcpClientCredentialType.CERTIFICATE)
async def main():
    async with aio.NetTcpClient(IBasic, {address!r}, binding, credentials=credentials) as basic:
        print(await basic.Add(40, 2))
asyncio.run(main())
"""
    done = await deferToThread(
        subprocess.run,
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert (done.stdout, done.stderr) == ("42\n", "")


@KINDS
async def test_relayed(
    service: RunningService,
    securing: Securing,
    dotnet_client: DotNetClient,
    kind: TcpClientCredentialType,
) -> None:
    """A service on a private port, behind a relay of the shared one: TLS goes through it."""
    from twisted.internet import reactor

    private, public = free_port(), service.address("relayed")
    to = f"tcp:127.0.0.1:{private}"
    service.shared.relay(f"net.tcp://+:{service.port}/relayed", clientFromString(reactor, to), to)
    service.shared.ports.acquire(service.port)
    options = securing.options(kind)
    host = ServiceHost(SERVICES["IBasic"][1], reactor, credentials=options["credentials"])
    host.add_endpoint(
        IBasic, binding(kind), public, listen_uri=f"net.tcp://127.0.0.1:{private}/relayed"
    )
    await host.open()
    client = securing.client if kind is CERTIFICATE else None
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", public, **securing.dotnet(kind, client))
        assert await channel.call("Add", 40, 2) == 42
        await channel.close()
    factory = ChannelFactory(
        IBasic, binding(kind), reactor, credentials=securing.credentials(client)
    )
    for _ in range(2):
        ours = factory.create_channel(public)
        assert await ours.operations.Add(40, 2) == 42
        await ours.close()
    await factory.close()
    await host.close()
