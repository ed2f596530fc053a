"""
Relays in front of services with security: what is encrypted is passed on unread, and still no
preamble comes to the wrong server.

Two servers, each of which serves both addresses under its own name, as an old and a new version
do. Whatever a client has on its socket, the relay of the address decides which of them answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
import trustme
from twisted.internet.endpoints import clientFromString
from twisted.internet.threads import deferToThread

from netshare.outcomes import Outcome
from netshare.transport import (
    CertificateValidation,
    ChannelFactory,
    ClientCredentials,
    MessageCredentialType,
    NetTcpBinding,
    ProtectionLevel,
    SecurityMode,
    ServiceCredentials,
    ServiceHost,
    SpnIdentity,
    TcpClientCredentialType,
    TransferMode,
    UserNameCredential,
    WindowsClientCredential,
)
from tests.helpers.certificates import PASSWORD as OF_PFX
from tests.helpers.certificates import Authority
from tests.helpers.windows import PASSWORD, USER, ntlm_users, require_no_gss_ntlm
from tests.integration.running import RunningService
from tests.peers.contracts import IBasic
from tests.peers.drivers import DotNetClient, free_port
from tests.peers.services import SERVICES

RSA = trustme.KeyType.RSA
PATHS = ("one", "two")
#: The order in which a client opens them, with one pool of sockets.
VISITS = ("one", "two", "one", "one", "two", "two", "one")
#: NTLM at each level, TLS with and without a certificate of the client's, and so on.
KINDS = [
    *("tls", "certificate", *(level.value for level in ProtectionLevel)),
    *("kerberos", "user name in messages", "certificate in messages"),
    "windows in messages",
]
MODES = [TransferMode.BUFFERED, TransferMode.STREAMED]


class Relayed:
    """Two servers behind relays of a shared port."""

    def __init__(self, service: RunningService, kind: str, mode: TransferMode, folder: Path):
        self.service = service
        self.kind = kind
        self.mode = mode
        self.authority = Authority(folder)
        self.client = self.authority.issue("client", "alice@example.com", key_type=RSA)
        issued = self.authority.issue("service", "127.0.0.1", "localhost")
        self._of_services = ServiceCredentials(
            certificate=issued.pem,
            client_certificate=CertificateValidation(roots=self.authority.roots),
            user_name_validator=lambda name, password: (name, password) == (USER, PASSWORD),
        )
        self.hosts: list[ServiceHost] = []

    def binding(self) -> NetTcpBinding:
        """Of services and clients."""
        options: dict[str, Any] = {"transfer_mode": self.mode, "security": SecurityMode.TRANSPORT}
        if self.kind.endswith("in messages"):
            options["security"] = SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL
            options["message_credential_type"] = self.in_messages
        elif self.kind in ("tls", "certificate"):
            options["client_credential_type"] = (
                TcpClientCredentialType.NONE
                if self.kind == "tls"
                else TcpClientCredentialType.CERTIFICATE
            )
        elif self.kind != "kerberos":
            options["protection_level"] = ProtectionLevel(self.kind)
        return NetTcpBinding(**options)

    @property
    def in_messages(self) -> MessageCredentialType:
        """The credential that messages carry."""
        return {
            "user name": MessageCredentialType.USER_NAME,
            "certificate": MessageCredentialType.CERTIFICATE,
            "windows": MessageCredentialType.WINDOWS,
        }[self.kind.removesuffix(" in messages")]

    async def serve(self, reactor: Any) -> None:
        """Start both, and a relay to each; where messages are whole a third one that calls back."""
        contract, service = SERVICES["IBasic"]
        for name in PATHS:
            named = type("Basic", (service,), {"name": name, "notes": []})
            await self._serve(reactor, name, contract, named, PATHS)
        if self.mode is TransferMode.BUFFERED:
            await self._serve(reactor, "duplex", *SERVICES["IDuplex"], ("duplex",))
        self.service.shared.ports.acquire(self.service.port)

    async def _serve(
        self, reactor: Any, name: str, contract: type, service: type, paths: tuple[str, ...]
    ) -> None:
        private = free_port()
        host = ServiceHost(service, reactor, credentials=self._of_services)
        for path in paths:
            public = self.service.address(path)
            listen = f"net.tcp://127.0.0.1:{private}/{path}"
            host.add_endpoint(contract, self.binding(), public, listen_uri=listen)
        await host.open()
        self.hosts.append(host)
        to = f"tcp:127.0.0.1:{private}"
        address = f"net.tcp://+:{self.service.port}/{name}"
        self.service.shared.relay(address, clientFromString(reactor, to), to)

    def dotnet(self) -> dict[str, Any]:
        """Of Microsoft's client."""
        binding = {"security": "Transport", "transferMode": self.mode.value}
        windows = {"user": USER, "password": PASSWORD, "domain": "DOM"}
        credentials: dict[str, Any] = {
            "validation": "None",
            "windows": windows,
            "user": USER,
            "password": PASSWORD,
            "certificate": str(self.client.pfx.path),
            "certificatePassword": OF_PFX,
        }
        if self.kind.endswith("in messages"):
            binding |= {
                "security": "TransportWithMessageCredential",
                "messageCredential": self.in_messages.value,
            }
            return {"dns": "localhost", "binding": binding, "credentials": credentials}
        if self.kind in ("tls", "certificate"):
            kind = "None" if self.kind == "tls" else "Certificate"
            return {
                "dns": "localhost",
                "binding": {**binding, "transportCredential": kind},
                "credentials": credentials if kind == "Certificate" else {"validation": "None"},
            }
        if self.kind == "kerberos":
            kerberos = {**binding, "transportCredential": "Windows"}
            return {"spn": "host/localhost", "binding": kerberos, "credentials": {}}
        return {
            "binding": {
                **binding,
                "transportCredential": "Windows",
                "protectionLevel": self.kind,
            },
            "credentials": {"windows": windows},
        }

    def ours(self) -> ClientCredentials:
        """Of our client."""
        return ClientCredentials(
            service_certificate=CertificateValidation(roots=self.authority.roots),
            certificate=self.client.pfx,
            user_name=UserNameCredential(USER, PASSWORD),
            windows=WindowsClientCredential()
            if self.kind == "kerberos"
            else WindowsClientCredential(user=f"DOM\\{USER}", password=PASSWORD),
        )

    def channel(self, factory: ChannelFactory, path: str) -> Any:
        """A channel of our client's."""
        identity = SpnIdentity("host/localhost") if self.kind == "kerberos" else None
        return factory.create_channel(self.service.address(path), identity=identity)


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    """The reactor's pool, which is there for good."""
    pytest_twisted.blockon(deferToThread(int))


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def relayed(
    request: pytest.FixtureRequest,
    service: RunningService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Relayed]:
    """Both servers, with a kind of security and a transfer mode."""
    from twisted.internet import reactor

    kind, mode = request.param
    if kind == "kerberos":
        request.getfixturevalue("realm").log_in()
    elif kind in {level.value for level in ProtectionLevel} | {"windows in messages"}:
        require_no_gss_ntlm()
        monkeypatch.setenv("KRB5_CONFIG", "/dev/null")
        monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "no-cache"))
        ntlm_users(tmp_path, monkeypatch)
    relayed = Relayed(service, kind, mode, tmp_path)
    await relayed.serve(reactor)
    yield relayed
    for host in relayed.hosts:
        await host.close(2.0)


def every_kind(test: Any) -> Any:
    """Each kind of security in each transfer mode."""
    cases = [(kind, mode) for kind in KINDS for mode in MODES]
    names = [f"{kind}-{mode.value}" for kind, mode in cases]
    return pytest.mark.parametrize("relayed", cases, ids=names, indirect=True)(test)


@every_kind
async def test_dotnet(relayed: Relayed, dotnet_client: DotNetClient) -> None:
    """Microsoft's client reaches the server of the address that it asks for, every time."""
    options = relayed.dotnet()
    for path in VISITS:
        channel = await dotnet_client.open("IBasic", relayed.service.address(path), **options)
        assert await channel.call("Who") == path
        assert await channel.call("Count", "AAAA" * 4_000) == 12_000
        await channel.close()
    if relayed.mode is TransferMode.BUFFERED:
        channel = await dotnet_client.open("IDuplex", relayed.service.address("duplex"), **options)
        assert await channel.call("Work", "job", 3) == "job done"
        await channel.close()
    assert relayed.service.count(Outcome.RELAYED) > 0


@every_kind
async def test_ours(relayed: Relayed) -> None:
    """So does ours, on one socket for all sessions, which is routed anew behind each of them."""
    from twisted.internet import reactor

    factory = ChannelFactory(IBasic, relayed.binding(), reactor, credentials=relayed.ours())
    for path in VISITS:
        channel = relayed.channel(factory, path)
        assert await channel.operations.Who() == path
        assert await channel.operations.Count(bytes(12_000)) == 12_000
        await channel.close()
    if relayed.mode is TransferMode.BUFFERED:  # a streamed call is answered before its End
        assert factory.pool.idle == 1
    await factory.close()
