"""
TransportWithMessageCredential with real clients: Microsoft's and ours, on a port of their own and
behind a shared one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
import trustme
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from netshare.transport import (
    ChannelFactory,
    ClientCredentials,
    MessageCredentialType,
    NetTcpBinding,
    NetTcpClient,
    SecurityMode,
    ServiceCredentials,
    TransferMode,
    UserNameCredential,
    errors,
)
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.security.secureconversation import ServiceMessageSecurity
from tests.helpers.certificates import PASSWORD
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.integration.test_tls import Securing, call_once
from tests.peers.child import PeerError
from tests.peers.contracts import IBasic, IStreams
from tests.peers.conversing import assert_basic
from tests.peers.drivers import DotNetClient
from tests.peers.services import pattern

pytest.importorskip("lxml", reason="needs lxml")

RSA = trustme.KeyType.RSA
USER_NAME, CERTIFICATE = MessageCredentialType.USER_NAME, MessageCredentialType.CERTIFICATE
STREAMED: dict[str, Any] = {
    "transfer_mode": TransferMode.STREAMED,
    "max_received_message_size": 1 << 30,
}
KINDS = pytest.mark.parametrize("kind", [USER_NAME, CERTIFICATE])


async def check_password(name: str, password: str) -> None:
    """Knows one user."""
    if (name, password) != ("ann", "secret"):
        raise ValueError("wrong name or password")


class Crediting(Securing):
    """
    Certificates and user names, and what services and clients are told of them. WCF signs messages
    with RSA only.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.client = self.authority.issue("client", "alice@example.com", key_type=RSA)

    def serving(self, kind: MessageCredentialType, **of_credentials: Any) -> dict[str, Any]:
        """Of a service."""
        return {
            "security": SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
            "message_credential_type": kind,
            "credentials": ServiceCredentials(
                certificate=self.service.pem,
                client_certificate=self.trust,
                user_name_validator=check_password,
                **of_credentials,
            ),
        }

    def microsoft(
        self, kind: MessageCredentialType, password: str = "secret", stranger: bool = False
    ) -> dict[str, Any]:
        """Of Microsoft's client."""
        issued = (
            self.strangers.issue("stranger", "m@example.com", key_type=RSA)
            if stranger
            else self.client
        )
        return {
            "dns": "localhost",
            "binding": {
                "security": "TransportWithMessageCredential",
                "messageCredential": kind.value,
            },
            "credentials": {
                "validation": "None",
                "user": "ann",
                "password": password,
                "certificate": str(issued.pfx.path),
                "certificatePassword": PASSWORD,
            },
        }

    def name(self, kind: MessageCredentialType) -> str:
        """What the service calls the client."""
        return "ann" if kind is USER_NAME else self.client.certificate.subject.rfc4514_string()

    def ours(self, password: str = "secret") -> ClientCredentials:
        """Of our client."""
        return ClientCredentials(
            certificate=self.client.pfx,
            service_certificate=self.trust,
            user_name=UserNameCredential("ann", password),
        )


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The thread that all clients that wait share, with the descriptors that it has for good."""
    BackgroundReactor.shared()


@pytest.fixture
def crediting(tmp_path: Path) -> Crediting:
    """Credentials."""
    return Crediting(tmp_path)


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


# ---- Microsoft's client


@KINDS
async def test_dotnet(
    hosting: Hosting,
    crediting: Crediting,
    dotnet_client: DotNetClient,
    kind: MessageCredentialType,
) -> None:
    """.NET's client shows its credential once a channel; the service knows who it is."""
    address = await hosting.serve("IBasic", **crediting.serving(kind))
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", address, **crediting.microsoft(kind))
        assert await channel.call("Identity") == crediting.name(kind)
        await channel.close()
    channel = await dotnet_client.open("IBasic", address, **crediting.microsoft(kind))
    await assert_basic(channel, "python", address)


@KINDS
async def test_dotnet_with_a_callback(
    hosting: Hosting,
    crediting: Crediting,
    dotnet_client: DotNetClient,
    kind: MessageCredentialType,
) -> None:
    """Callbacks and their replies are secured as well."""
    address = await hosting.serve("IDuplex", **crediting.serving(kind))
    channel = await dotnet_client.open("IDuplex", address, **crediting.microsoft(kind))
    assert await channel.call("Work", "job", 3) == "job done"
    await channel.close()


@KINDS
async def test_dotnet_streamed(
    hosting: Hosting,
    crediting: Crediting,
    dotnet_client: DotNetClient,
    kind: MessageCredentialType,
) -> None:
    """Streams in both directions, each call signed; the service knows who it is."""
    address = await hosting.serve("IStreams", **STREAMED, **crediting.serving(kind))
    options = crediting.microsoft(kind)
    options["binding"] |= {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30}
    for _ in range(2):
        channel = await dotnet_client.open("IStreams", address, **options)
        assert await channel.call("Echo", "größe") == "größe"
        downloaded = await channel.call("Download", 3_000_000)
        assert downloaded["length"] == 3_000_000
        assert await channel.call("Upload", {"size": 3_000_000}) == 3_000_000
        reversed_ = await channel.call("Reverse", {"size": 100_000})
        assert reversed_["length"] == 100_000
        await channel.close()
    options = crediting.microsoft(kind, password="wrong", stranger=True)
    options["binding"] |= {"transferMode": "Streamed"}
    with pytest.raises(PeerError, match="MessageSecurityException"):
        await dotnet_client.open("IStreams", address, **options)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(USER_NAME, {"password": "wrong"}), (CERTIFICATE, {"stranger": True})],
)
async def test_dotnet_that_is_not_known(
    hosting: Hosting,
    crediting: Crediting,
    dotnet_client: DotNetClient,
    kind: MessageCredentialType,
    wrong: dict[str, Any],
) -> None:
    """A wrong password or a stranger's certificate is MessageSecurityException in .NET."""
    address = await hosting.serve("IBasic", **crediting.serving(kind))
    for _ in range(2):
        with pytest.raises(PeerError, match="MessageSecurityException"):
            await call_once(dotnet_client, address, crediting.microsoft(kind, **wrong))
    assert await call_once(dotnet_client, address, crediting.microsoft(kind)) == "python"


@pytest.mark.parametrize("mode", [TransferMode.BUFFERED, TransferMode.STREAMED])
async def test_dotnet_renews(
    hosting: Hosting,
    crediting: Crediting,
    dotnet_client: DotNetClient,
    monkeypatch: pytest.MonkeyPatch,
    mode: TransferMode,
) -> None:
    """.NET's client renews its context after three fifths of its life, and notices nothing."""
    seen: list[str] = []
    receive = ServiceMessageSecurity.receive

    async def noting(self: ServiceMessageSecurity, message: Any) -> Any:
        seen.append(str(message.action).rpartition("/")[2])
        return await receive(self, message)

    monkeypatch.setattr(ServiceMessageSecurity, "receive", noting)
    serving = crediting.serving(USER_NAME, context_lifetime=3.0)
    address = await hosting.serve("IBasic", transfer_mode=mode, **serving)
    options = crediting.microsoft(USER_NAME)
    options["binding"]["transferMode"] = mode.value
    channel = await dotnet_client.open("IBasic", address, **options)
    for _ in range(10):
        assert await channel.call("Identity") == "ann"
        await deferLater(hosting.reactor, 0.5)
    await channel.close()
    assert seen.count("SCT") == 1
    assert seen.count("Renew") >= 2
    assert seen[-1] == "Cancel"


async def test_dotnet_whose_context_expires(
    hosting: Hosting, crediting: Crediting, dotnet_client: DotNetClient
) -> None:
    """A channel that lay still for too long is an error there, and a new one works."""
    address = await hosting.serve("IBasic", **crediting.serving(USER_NAME, context_lifetime=1.0))
    channel = await dotnet_client.open("IBasic", address, **crediting.microsoft(USER_NAME))
    assert await channel.call("Identity") == "ann"
    await deferLater(hosting.reactor, 2.0)
    with pytest.raises(PeerError, match="MessageSecurityException"):
        await channel.call("Identity")
    assert await call_once(dotnet_client, address, crediting.microsoft(USER_NAME)) == "python"


# ---- ours


@KINDS
async def test_ours(hosting: Hosting, crediting: Crediting, kind: MessageCredentialType) -> None:
    """Our clients, the one of Twisted's programs and the one that waits."""
    address = await hosting.serve("IBasic", **crediting.serving(kind))
    binding = NetTcpBinding(
        security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL, message_credential_type=kind
    )
    credentials = crediting.ours()
    factory = ChannelFactory(IBasic, binding, hosting.reactor, credentials=credentials)
    for _ in range(3):
        channel = factory.create_channel(address)
        assert await channel.operations.Add(40, 2) == 42
        assert await channel.operations.Identity() == crediting.name(kind)
        await channel.close()
        assert factory.pool.idle == 1
    await factory.close()

    def waiting() -> int:
        with NetTcpClient(IBasic, address, binding, credentials=credentials) as basic:
            return basic.Add(40, 2)

    assert await deferToThread(waiting) == 42


@KINDS
async def test_ours_streamed(
    hosting: Hosting, crediting: Crediting, kind: MessageCredentialType
) -> None:
    """Our clients, in both directions, and with a context that is renewed meanwhile."""
    serving = crediting.serving(kind, context_lifetime=2.0)
    address = await hosting.serve("IStreams", **STREAMED, **serving)
    binding = NetTcpBinding(
        security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
        message_credential_type=kind,
        **STREAMED,
    )
    credentials = crediting.ours()
    factory = ChannelFactory(IStreams, binding, hosting.reactor, credentials=credentials)
    channel = factory.create_channel(address)
    for _ in range(5):
        assert await channel.operations.Upload(pattern(300_000)) == 300_000
        stream = await channel.operations.Download(300_000)
        assert await stream.read() == pattern(300_000)
        await deferLater(hosting.reactor, 0.6)
    await channel.close()
    await factory.close()

    def waiting() -> int:
        with NetTcpClient(IStreams, address, binding, credentials=credentials) as streams:
            return streams.Upload(pattern(300_000))

    assert await deferToThread(waiting) == 300_000


async def test_ours_with_a_wrong_password(hosting: Hosting, crediting: Crediting) -> None:
    """A wrong password is an error that says where to look, and the next channel goes on."""
    address = await hosting.serve("IBasic", **crediting.serving(USER_NAME))
    binding = NetTcpBinding(
        security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL, message_credential_type=USER_NAME
    )
    for password, error in (("wrong", errors.MessageSecurityError), ("secret", None)):
        factory = ChannelFactory(
            IBasic, binding, hosting.reactor, credentials=crediting.ours(password)
        )
        channel = factory.create_channel(address)
        if error is None:
            assert await channel.operations.Who() == "python"
        else:
            with pytest.raises(error, match="the credential right"):
                await channel.operations.Who()
        await factory.close()
