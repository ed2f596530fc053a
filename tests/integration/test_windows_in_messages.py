"""
TransportWithMessageCredential with Windows credentials: Microsoft's client and ours, on a port of
their own and behind a shared one; NTLM, and Kerberos with a realm of the tests' own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from netshare.transport import (
    ChannelFactory,
    ClientCredentials,
    DnsIdentity,
    MessageCredentialType,
    NetTcpBinding,
    NetTcpClient,
    SecurityMode,
    TransferMode,
    WindowsClientCredential,
    WindowsServiceCredential,
    errors,
)
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.security import EndpointIdentity
from tests.helpers.windows import PASSWORD, USER, KerberosRealm
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.integration.test_messagecredentials import Crediting
from tests.integration.test_windows_credentials import Noting
from tests.peers.child import PeerError
from tests.peers.contracts import IBasic, IDuplex, IStreams
from tests.peers.conversing import assert_basic
from tests.peers.drivers import DotNetClient
from tests.peers.services import pattern

pytest.importorskip("lxml", reason="needs lxml")

KIND = MessageCredentialType.WINDOWS
NTLM_NAME, PRINCIPAL = f"DOM\\{USER}", f"{USER}@NETSHARE.TEST"
LOCAL = "127.0.0.1"
STREAMED: dict[str, Any] = {
    "transfer_mode": TransferMode.STREAMED,
    "max_received_message_size": 1 << 30,
}


class Negotiating(Crediting):
    """Windows credentials in messages, and what services and clients are told of them."""

    def negotiating(self, allow_ntlm: bool = True, **of_credentials: Any) -> dict[str, Any]:
        """Of a service."""
        windows = WindowsServiceCredential(allow_ntlm=allow_ntlm)
        return self.serving(KIND, windows=windows, **of_credentials)

    def dotnet(self, password: str = PASSWORD, **of_binding: Any) -> dict[str, Any]:
        """Of Microsoft's client."""
        options = self.microsoft(KIND)
        options["binding"] |= of_binding
        options["credentials"]["windows"] = {
            "user": USER,
            "password": password,
            "domain": "DOM",
        }
        return options

    def own(self, **windows: Any) -> ClientCredentials:
        """Of our client."""
        given = {"user": NTLM_NAME, "password": PASSWORD} | windows
        return ClientCredentials(
            service_certificate=self.trust, windows=WindowsClientCredential(**given)
        )


def binding(**options: Any) -> NetTcpBinding:
    """WCF's default credential with this security."""
    return NetTcpBinding(security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL, **options)


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    """Those that are there for good: of clients that wait, and the reactor's pool."""
    from twisted.internet import reactor

    BackgroundReactor.shared()
    pool: Any = reactor.getThreadPool()  # type: ignore[attr-defined]
    pytest_twisted.blockon(deferToThread(int))
    assert pool.started


@pytest.fixture
def negotiating(tmp_path: Path) -> Negotiating:
    """Credentials."""
    return Negotiating(tmp_path)


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


@pytest.mark.usefixtures("ntlm")
async def test_dotnet(
    hosting: Hosting, negotiating: Negotiating, dotnet_client: DotNetClient
) -> None:
    """.NET's client negotiates once a channel; the service knows who it is."""
    address = await hosting.serve("IBasic", **negotiating.negotiating())
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", address, **negotiating.dotnet())
        assert await channel.call("Identity") == NTLM_NAME
        await channel.close()
    channel = await dotnet_client.open("IBasic", address, **negotiating.dotnet())
    await assert_basic(channel, "python", address)


async def assert_streams_and_callbacks(
    hosting: Hosting, negotiating: Negotiating, client: DotNetClient, host: str, **options: Any
) -> None:
    """
    Streams in both directions, where each turn of a negotiation has a connection; callbacks.

    :param host: of the address, for which Kerberos has a principal
    """
    address = await hosting.serve("IStreams", **STREAMED, **negotiating.negotiating())
    streamed = negotiating.dotnet(transferMode="Streamed", maxReceivedMessageSize=1 << 30)
    channel = await client.open("IStreams", address.replace(LOCAL, host), **streamed | options)
    assert await channel.call("Echo", "größe") == "größe"
    assert (await channel.call("Download", 1_000_000))["length"] == 1_000_000
    assert await channel.call("Upload", {"size": 1_000_000}) == 1_000_000
    await channel.close()
    address = await hosting.serve("IDuplex", **negotiating.negotiating())
    whole = negotiating.dotnet()
    channel = await client.open("IDuplex", address.replace(LOCAL, host), **whole | options)
    assert await channel.call("Work", "job", 3) == "job done"
    await channel.close()


@pytest.mark.usefixtures("ntlm")
async def test_dotnet_streams_and_is_called_back(
    hosting: Hosting, negotiating: Negotiating, dotnet_client: DotNetClient
) -> None:
    """In each transfer mode, with NTLM."""
    await assert_streams_and_callbacks(hosting, negotiating, dotnet_client, LOCAL)


async def test_dotnet_with_kerberos(
    hosting: Hosting, negotiating: Negotiating, realm: KerberosRealm, dotnet_client: DotNetClient
) -> None:
    """
    With the ticket of its process. Its principal is that of the address's host, whatever the
    service's identity.
    """
    realm.log_in()
    address = await hosting.serve("IBasic", **negotiating.negotiating(allow_ntlm=False))
    options = negotiating.dotnet() | {"credentials": {"validation": "None"}}
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", address.replace(LOCAL, "localhost"), **options)
        assert await channel.call("Identity") == PRINCIPAL
        await channel.close()
    await assert_streams_and_callbacks(
        hosting,
        negotiating,
        dotnet_client,
        "localhost",
        credentials={"validation": "None"},
    )


@pytest.mark.usefixtures("ntlm")
async def test_dotnet_renews(
    hosting: Hosting, negotiating: Negotiating, dotnet_client: DotNetClient
) -> None:
    """.NET's client negotiates anew to renew its context, and shows both; it notices nothing."""
    address = await hosting.serve("IBasic", **negotiating.negotiating(context_lifetime=3.0))
    channel = await dotnet_client.open("IBasic", address, **negotiating.dotnet())
    for _ in range(10):
        assert await channel.call("Identity") == NTLM_NAME
        await deferLater(hosting.reactor, 0.5)
    await channel.close()


@pytest.mark.usefixtures("ntlm")
async def test_dotnet_that_is_refused(
    hosting: Hosting, negotiating: Negotiating, dotnet_client: DotNetClient
) -> None:
    """A wrong password, and NTLM where it is not allowed, are .NET's exceptions for that."""
    address = await hosting.serve("IBasic", **negotiating.negotiating())
    no_ntlm = await hosting.serve(
        "IBasic", "kerberos-only", **negotiating.negotiating(allow_ntlm=False)
    )
    for where, password in ((address, "wrong"), (no_ntlm, PASSWORD)):
        with pytest.raises(PeerError, match="SecurityNegotiationException"):
            await dotnet_client.open("IBasic", where, **negotiating.dotnet(password))
    channel = await dotnet_client.open("IBasic", address, **negotiating.dotnet())
    assert await channel.call("Who") == "python"
    await channel.close()


@pytest.mark.usefixtures("ntlm")
async def test_dotnet_with_another_binding(
    hosting: Hosting, negotiating: Negotiating, dotnet_client: DotNetClient
) -> None:
    """Windows credentials where a user name is asked for, and the other way: both are refused."""
    user_names = await hosting.serve(
        "IBasic", "names", **negotiating.serving(MessageCredentialType.USER_NAME)
    )
    windows = await hosting.serve("IBasic", "windows", **negotiating.negotiating())
    shows_name = negotiating.microsoft(MessageCredentialType.USER_NAME)
    for where, options in ((user_names, negotiating.dotnet()), (windows, shows_name)):
        with pytest.raises(PeerError, match="Security"):
            await dotnet_client.open("IBasic", where, **options)
    channel = await dotnet_client.open("IBasic", user_names, **shows_name)
    assert await channel.call("Who") == "python"
    await channel.close()


# ---- ours


async def assert_ours(
    hosting: Hosting,
    negotiating: Negotiating,
    credentials: ClientCredentials,
    name: str,
    identity: EndpointIdentity | None = None,
) -> None:
    """Our clients call, stream and are called back; the service knows who they are."""
    address = await hosting.serve("IBasic", **negotiating.negotiating())
    factory = ChannelFactory(IBasic, binding(), hosting.reactor, credentials=credentials)
    for _ in range(3):
        channel = factory.create_channel(address, identity=identity)
        assert await channel.operations.Add(40, 2) == 42
        assert await channel.operations.Identity() == name
        await channel.close()
        assert factory.pool.idle == 1
    await factory.close()

    def waiting() -> str | None:
        with NetTcpClient(
            IBasic, address, binding(), credentials=credentials, identity=identity
        ) as basic:
            return basic.Identity()

    assert await deferToThread(waiting) == name

    serving = negotiating.negotiating(context_lifetime=2.0)
    address = await hosting.serve("IStreams", **STREAMED, **serving)
    streams = ChannelFactory(
        IStreams, binding(**STREAMED), hosting.reactor, credentials=credentials
    )
    streaming = streams.create_channel(address, identity=identity)
    for _ in range(4):  # longer than a context's life
        assert await streaming.operations.Upload(pattern(300_000)) == 300_000
        stream = await streaming.operations.Download(300_000)
        assert await stream.read() == pattern(300_000)
        await deferLater(hosting.reactor, 0.6)
    await streaming.close()
    await streams.close()

    address = await hosting.serve("IDuplex", **negotiating.negotiating())
    duplex = ChannelFactory(
        IDuplex, binding(), hosting.reactor, credentials=credentials, callback=Noting()
    )
    calling = duplex.create_channel(address, identity=identity)
    assert await calling.operations.Work("job", 3) == "job done"
    await calling.close()
    await duplex.close()


@pytest.mark.usefixtures("ntlm")
async def test_ours_with_ntlm(hosting: Hosting, negotiating: Negotiating) -> None:
    """A user and a password."""
    await assert_ours(hosting, negotiating, negotiating.own(), NTLM_NAME)


async def test_ours_with_kerberos(
    hosting: Hosting, negotiating: Negotiating, realm: KerberosRealm
) -> None:
    """A user and a password, where the realm knows them."""
    credentials = negotiating.own(user=PRINCIPAL, allow_ntlm=False)
    await assert_ours(hosting, negotiating, credentials, PRINCIPAL, DnsIdentity("localhost"))


async def test_ours_with_a_ticket(
    hosting: Hosting, negotiating: Negotiating, realm: KerberosRealm
) -> None:
    """Without a word about credentials both sides use what the process has."""
    realm.log_in()
    address = await hosting.serve("IBasic", **negotiating.negotiating(allow_ntlm=False))
    credentials = ClientCredentials(service_certificate=negotiating.trust)
    factory = ChannelFactory(IBasic, binding(), hosting.reactor, credentials=credentials)
    channel = factory.create_channel(address, identity=DnsIdentity("localhost"))
    assert await channel.operations.Identity() == PRINCIPAL
    await channel.close()
    await factory.close()


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("mode", [TransferMode.BUFFERED, TransferMode.STREAMED])
async def test_ours_that_is_refused(
    hosting: Hosting, negotiating: Negotiating, mode: TransferMode
) -> None:
    """Each reason is an error that says where to look, and the next channel goes on."""
    address = await hosting.serve("IBasic", transfer_mode=mode, **negotiating.negotiating())
    no_ntlm = await hosting.serve(
        "IBasic", "kerberos", transfer_mode=mode, **negotiating.negotiating(allow_ntlm=False)
    )
    names = await hosting.serve(
        "IBasic",
        "names",
        transfer_mode=mode,
        **negotiating.serving(MessageCredentialType.USER_NAME),
    )
    refused = "could not be authenticated.*Is the credential right"
    for where, credentials, says in (
        (address, negotiating.own(password="wrong"), refused),
        (no_ntlm, negotiating.own(), refused),
        (address, negotiating.own(allow_ntlm=False), "NTLM is not allowed, and .*kinit"),
        (names, negotiating.own(), "refused the security of a message"),
        (address, negotiating.own(), None),
    ):
        factory = ChannelFactory(
            IBasic, binding(transfer_mode=mode), hosting.reactor, credentials=credentials
        )
        channel = factory.create_channel(where)
        if says is None:
            assert await channel.operations.Who() == "python"
            await channel.close()
        else:
            with pytest.raises(errors.MessageSecurityError, match=says):
                await channel.operations.Who()
        await factory.close()


async def test_a_client_without_credentials(
    hosting: Hosting, negotiating: Negotiating, realm: KerberosRealm
) -> None:
    """No ticket and no password: the error says what to do."""
    address = await hosting.serve("IBasic", **negotiating.negotiating())
    credentials = ClientCredentials(service_certificate=negotiating.trust)
    factory = ChannelFactory(IBasic, binding(), hosting.reactor, credentials=credentials)
    channel = factory.create_channel(address, identity=DnsIdentity("localhost"))
    with pytest.raises(errors.MessageSecurityError, match="kinit"):
        await channel.operations.Who()
    await factory.close()
