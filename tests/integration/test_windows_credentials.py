"""
``application/negotiate`` with real clients: Microsoft's and ours, on a port of their own and behind
a shared one; NTLM, and Kerberos with a realm of the tests' own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.threads import deferToThread

from netshare.transport import (
    ChannelFactory,
    ClientCredentials,
    DnsIdentity,
    NetTcpBinding,
    NetTcpClient,
    ProtectionLevel,
    SecurityMode,
    ServiceCredentials,
    SpnIdentity,
    TransferMode,
    WindowsClientCredential,
    WindowsServiceCredential,
    errors,
)
from netshare.transport.clients.background import BackgroundReactor
from tests.helpers.windows import (
    PASSWORD,
    USER,
    KerberosRealm,
)
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.peers.child import PeerError
from tests.peers.contracts import IBasic, IDuplex, IStreams
from tests.peers.conversing import assert_basic
from tests.peers.drivers import DotNetClient
from tests.peers.services import pattern


class Noting:
    """Is called back."""

    def Progress(self, percent: int, note: str | None) -> None:
        pass

    def Ask(self, question: str | None) -> str | None:
        return question


SECURED: dict[str, Any] = {"security": SecurityMode.TRANSPORT}
WINDOWS = {"user": USER, "password": PASSWORD, "domain": "DOM"}


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    """Those that are there for good: of clients that wait, and the reactor's pool."""
    from twisted.internet import reactor

    BackgroundReactor.shared()
    pool: Any = reactor.getThreadPool()  # type: ignore[attr-defined]
    pytest_twisted.blockon(deferToThread(int))
    assert pool.started


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


def dotnet(level: ProtectionLevel, **windows: str) -> dict[str, Any]:
    """Microsoft's client, with Windows credentials."""
    return {
        "binding": {
            "security": "Transport",
            "transportCredential": "Windows",
            "protectionLevel": level.value,
        },
        "credentials": {"windows": WINDOWS | windows},
    }


def ours(**options: Any) -> ClientCredentials:
    """Our client, with Windows credentials."""
    given = {"user": f"DOM\\{USER}", "password": PASSWORD} | options
    return ClientCredentials(windows=WindowsClientCredential(**given))


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("level", list(ProtectionLevel))
async def test_dotnet_with_ntlm(
    hosting: Hosting, dotnet_client: DotNetClient, level: ProtectionLevel
) -> None:
    """.NET's client calls with NTLM at each level, again and again on one socket."""
    address = await hosting.serve("IBasic", protection_level=level, **SECURED)
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", address, **dotnet(level))
        assert await channel.call("Identity") == f"DOM\\{USER}"
        await channel.close()
    channel = await dotnet_client.open("IBasic", address, **dotnet(level))
    await assert_basic(channel, "python", address)


async def assert_streams_and_callbacks(
    hosting: Hosting, client: DotNetClient, level: ProtectionLevel, options: dict[str, Any]
) -> None:
    """.NET's client streams in both directions, and is called back."""
    limits = {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 30}
    address = await hosting.serve("IStreams", protection_level=level, **limits, **SECURED)
    streamed = {"transferMode": "Streamed", "maxReceivedMessageSize": 1 << 30}
    channel = await client.open(
        "IStreams", address, **options | {"binding": options["binding"] | streamed}
    )
    assert (await channel.call("Download", 1_000_000))["length"] == 1_000_000
    assert await channel.call("Upload", {"size": 1_000_000}) == 1_000_000
    await channel.close()
    address = await hosting.serve("IDuplex", protection_level=level, **SECURED)
    channel = await client.open("IDuplex", address, **options)
    assert await channel.call("Work", "job", 3) == "job done"
    await channel.close()


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("level", list(ProtectionLevel))
async def test_dotnet_streams_with_ntlm(
    hosting: Hosting, dotnet_client: DotNetClient, level: ProtectionLevel
) -> None:
    """Streams and callbacks with NTLM, at each level."""
    await assert_streams_and_callbacks(hosting, dotnet_client, level, dotnet(level))


@pytest.mark.usefixtures("ntlm")
async def test_dotnet_with_a_wrong_password(hosting: Hosting, dotnet_client: DotNetClient) -> None:
    """A refusal is .NET's exception for refused credentials, and the service goes on."""
    address = await hosting.serve("IBasic", **SECURED)
    level = ProtectionLevel.ENCRYPT_AND_SIGN
    with pytest.raises(PeerError, match="Security"):
        await dotnet_client.open("IBasic", address, **dotnet(level, password="wrong"))
    channel = await dotnet_client.open("IBasic", address, **dotnet(level))
    assert await channel.call("Who") == "python"
    await channel.close()


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("level", list(ProtectionLevel))
async def test_ours_with_ntlm(hosting: Hosting, level: ProtectionLevel) -> None:
    """Our clients, with WCF's default binding and at the other levels."""
    address = await hosting.serve("IBasic", protection_level=level, **SECURED)
    binding = NetTcpBinding(protection_level=level)
    factory = ChannelFactory(IBasic, binding, hosting.reactor, credentials=ours())
    for _ in range(3):
        channel = factory.create_channel(address)
        assert await channel.operations.Identity() == f"DOM\\{USER}"
        assert await channel.operations.Count(bytes(60_000)) == 60_000
        await channel.close()
        assert factory.pool.idle == 1
    await factory.close()

    def waiting() -> int:
        with NetTcpClient(IBasic, address, binding, credentials=ours()) as basic:
            return basic.Add(40, 2)

    assert await deferToThread(waiting) == 42


async def assert_ours_stream(
    hosting: Hosting,
    level: ProtectionLevel,
    credentials: ClientCredentials | None,
    identity: DnsIdentity | None = None,
) -> None:
    """Our client streams in both directions, each call for itself, and is called back."""
    limits: dict[str, Any] = {
        "transfer_mode": TransferMode.STREAMED,
        "max_received_message_size": 1 << 30,
    }
    address = await hosting.serve("IStreams", protection_level=level, **limits, **SECURED)
    binding = NetTcpBinding(protection_level=level, **limits)
    factory = ChannelFactory(IStreams, binding, hosting.reactor, credentials=credentials)
    channel = factory.create_channel(address, identity=identity)
    assert await channel.operations.Upload(pattern(300_000)) == 300_000
    stream = await channel.operations.Download(300_000)
    assert await stream.read() == pattern(300_000)
    await channel.close()
    await factory.close()
    address = await hosting.serve("IDuplex", protection_level=level, **SECURED)
    duplex = ChannelFactory(
        IDuplex,
        NetTcpBinding(protection_level=level),
        hosting.reactor,
        credentials=credentials,
        callback=Noting(),
    )
    calling = duplex.create_channel(address, identity=identity)
    assert await calling.operations.Work("job", 3) == "job done"
    await calling.close()
    await duplex.close()


@pytest.mark.usefixtures("ntlm")
@pytest.mark.parametrize("level", list(ProtectionLevel))
async def test_ours_streams_with_ntlm(hosting: Hosting, level: ProtectionLevel) -> None:
    """Streams and callbacks, at each level."""
    await assert_ours_stream(hosting, level, ours())


@pytest.mark.usefixtures("ntlm")
async def test_who_is_refused(hosting: Hosting) -> None:
    """A wrong password, NTLM where it is not allowed, and a lower level raise WCF's exception."""
    address = await hosting.serve("IBasic", **SECURED)
    no_ntlm = await hosting.serve(
        "IBasic",
        "kerberos-only",
        credentials=ServiceCredentials(windows=WindowsServiceCredential(allow_ntlm=False)),
        **SECURED,
    )
    binding, lower = NetTcpBinding(), NetTcpBinding(protection_level=ProtectionLevel.SIGN)
    for where, bound, credentials in (
        (address, binding, ours(password="wrong")),
        (no_ntlm, binding, ours()),
        (address, lower, ours()),
    ):
        factory = ChannelFactory(IBasic, bound, hosting.reactor, credentials=credentials)
        with pytest.raises(errors.CommunicationError):
            await factory.create_channel(where).operations.Who()
        await factory.close()


# ---- Kerberos


@pytest.mark.parametrize("level", [ProtectionLevel.ENCRYPT_AND_SIGN, ProtectionLevel.SIGN])
async def test_kerberos(hosting: Hosting, realm: KerberosRealm, level: ProtectionLevel) -> None:
    """Our client with Kerberos; the service sees the principal."""
    credentials = ServiceCredentials(windows=WindowsServiceCredential(allow_ntlm=False))
    address = await hosting.serve(
        "IBasic", credentials=credentials, protection_level=level, **SECURED
    )
    who = f"{USER}@NETSHARE.TEST"
    factory = ChannelFactory(
        IBasic,
        NetTcpBinding(protection_level=level),
        hosting.reactor,
        credentials=ours(user=who, allow_ntlm=False),
    )
    channel = factory.create_channel(address, identity=SpnIdentity("host/localhost"))
    assert await channel.operations.Identity() == who
    await channel.close()
    await factory.close()


async def test_kerberos_from_the_cache(hosting: Hosting, realm: KerberosRealm) -> None:
    """Without a word about credentials both sides use what the process has: a ticket, a keytab."""
    realm.log_in()
    address = await hosting.serve("IBasic", **SECURED)
    factory = ChannelFactory(IBasic, NetTcpBinding(), hosting.reactor)
    channel = factory.create_channel(address, identity=DnsIdentity("localhost"))
    assert await channel.operations.Identity() == f"{USER}@NETSHARE.TEST"
    await channel.close()
    await factory.close()


@pytest.mark.parametrize("level", [ProtectionLevel.ENCRYPT_AND_SIGN, ProtectionLevel.SIGN])
async def test_dotnet_with_kerberos(
    hosting: Hosting, realm: KerberosRealm, dotnet_client: DotNetClient, level: ProtectionLevel
) -> None:
    """.NET's client uses the ticket of its process, as WCF does by default."""
    realm.log_in()
    address = await hosting.serve("IBasic", protection_level=level, **SECURED)
    options = dotnet(level) | {"spn": "host/localhost", "credentials": {}}
    for _ in range(2):
        channel = await dotnet_client.open("IBasic", address, **options)
        assert await channel.call("Identity") == f"{USER}@NETSHARE.TEST"
        await channel.close()


@pytest.mark.parametrize("level", [ProtectionLevel.ENCRYPT_AND_SIGN, ProtectionLevel.SIGN])
async def test_dotnet_streams_with_kerberos(
    hosting: Hosting, realm: KerberosRealm, dotnet_client: DotNetClient, level: ProtectionLevel
) -> None:
    """Streams and callbacks with Kerberos."""
    realm.log_in()
    options = dotnet(level) | {"spn": "host/localhost", "credentials": {}}
    await assert_streams_and_callbacks(hosting, dotnet_client, level, options)


@pytest.mark.parametrize("level", [ProtectionLevel.ENCRYPT_AND_SIGN, ProtectionLevel.SIGN])
async def test_ours_streams_with_kerberos(
    hosting: Hosting, realm: KerberosRealm, level: ProtectionLevel
) -> None:
    """Our clients stream in both directions, and are called back."""
    realm.log_in()
    await assert_ours_stream(hosting, level, None, DnsIdentity("localhost"))


async def test_kerberos_for_another_service(hosting: Hosting, realm: KerberosRealm) -> None:
    """A service that has no such principal gets nothing, not even NTLM, and the error says why."""
    address = await hosting.serve("IBasic", **SECURED)
    credentials = ours(user=f"{USER}@NETSHARE.TEST", allow_ntlm=False)
    factory = ChannelFactory(IBasic, NetTcpBinding(), hosting.reactor, credentials=credentials)
    channel = factory.create_channel(address, identity=SpnIdentity("host/elsewhere"))
    with pytest.raises(errors.MessageSecurityError, match=r"NTLM is not allowed.*host/elsewhere"):
        await channel.operations.Who()
    await factory.close()
