"""netshare.worker.link: connections that are handed over become a Factory's own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.control import commands
from netshare.control.commands import Busy, ControlProtocol, Gone, NotMine, WorkerFault, declared
from netshare.framing.records import preamble
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.sockets.held import HeldSocket, socket_address_text
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports, tcpPair
from netshare.worker.intake import Intake, SharedConnection
from netshare.worker.link import UntrustedService, Wish, WorkerLink, trusted_users

VIA = "net.tcp://localhost/a"
PREAMBLE = preamble(VIA)


@implementer(ISharedConnectionReceiver)
class Receiver(Protocol):
    """A protocol that knows of port sharing."""

    def __init__(self) -> None:
        self.data = b""
        self.shared: Any = None
        self.toldAt: int | None = None
        self.lost = False

    def connectionShared(self, connection: Any) -> None:
        self.shared = connection
        self.toldAt = len(self.data)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if data == b"fail":
            raise RuntimeError("a bug")

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


class Service(ControlProtocol):
    """The service's end of a link."""

    def __init__(self) -> None:
        super().__init__()
        self.registered: list[dict[str, Any]] = []
        self.returned: list[tuple[HeldSocket, bytes, str | None]] = []
        self.error: Exception | None = None

    @declared(commands.Register, commands.ServiceFault)
    def register(self, **arguments: Any) -> dict[str, Any]:
        self.registered.append(arguments)
        if self.error is not None:
            raise self.error
        return {"baseAddress": arguments["baseAddress"]}

    @declared(commands.Return, commands.ServiceFault)
    def takeBack(self, readData: bytes, socket: int, peer: str | None = None) -> dict[str, Any]:
        held = HeldSocket(self.claim(socket))
        if self.error is not None:
            held.close()
            raise self.error
        self.returned.append((held, readData, peer))
        return {}


class Setting:
    """A worker with its link."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.factory: Any = Factory.forProtocol(Receiver)
        self.intake = Intake(self.reactor, self.factory)
        self.service, self.worker = Service(), WorkerLink(self.intake)
        self.link: UNIXLink = linkedUNIXTransports(self.service, self.worker)
        self.clients: list[socket.socket] = []

    def connection(self) -> tuple[socket.socket, HeldSocket, str]:
        client, server = tcpPair()
        self.clients.append(client)
        peer = socket_address_text(server.getpeername())
        return client, HeldSocket(server.detach()), peer

    def give(
        self, held: HeldSocket, peer: str, data: bytes = PREAMBLE, via: str = VIA
    ) -> list[Any]:
        answer = self.service.callRemote(
            commands.Duplicate,
            via=via,
            baseAddress="net.tcp://+/a",
            peer=peer,
            local="127.0.0.1:808",
            readData=data,
            socket=held.fileno(),
        )
        results: list[Any] = []
        answer.addBoth(results.append)
        self.link.flush()
        held.close()
        self.reactor.settle()
        return results

    def register(self) -> str:
        result = self.outcome(ensureDeferred(self.worker.register(Wish("net.tcp://+/a"), None)))
        assert isinstance(result, str)
        return result

    def outcome(self, deferred: Deferred[Any]) -> Any:
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.link.flush()
        assert results
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def protocol(self) -> Receiver:
        found = self.reactor.transports[-1].protocol
        return found if isinstance(found, Receiver) else found.wrappedProtocol


@pytest.fixture
def setting() -> Iterator[Setting]:
    """A worker with its link; nothing of it is left at the end."""
    one = Setting()
    yield one
    one.link.lose()
    for client in one.clients:
        client.close()
    for held, _, _ in one.service.returned:
        held.close()
    one.reactor.settle()
    one.reactor.close()


def test_a_connection_is_handed_over(setting: Setting) -> None:
    """The Factory's protocol gets the preamble, then what follows, and the client its answer."""
    client, held, peer = setting.connection()
    assert setting.give(held, peer) == [{}]
    protocol = setting.protocol()
    client.sendall(b"more")
    setting.reactor.settle()
    assert protocol.data == PREAMBLE + b"more"
    assert protocol.transport is not None
    protocol.transport.write(b"\x0b")
    setting.reactor.settle()
    assert client.recv(10) == b"\x0b"


def test_a_receiver_is_told_first(setting: Setting) -> None:
    """A protocol that knows of sharing learns of it before the first byte."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    protocol = setting.protocol()
    verifyObject(ISharedConnection, protocol.shared)
    verifyObject(ISharedConnectionReceiver, protocol)
    assert (protocol.toldAt, protocol.shared.via) == (0, VIA)


def test_behind_a_balancer(setting: Setting) -> None:
    """The protocol sees the real client, and still learns of sharing."""
    _, held, _ = setting.connection()
    setting.give(held, "203.0.113.7:4711")
    protocol = setting.protocol()
    assert protocol.transport is not None
    assert protocol.transport.getPeer().host == "203.0.113.7"  # type: ignore[attr-defined]
    assert protocol.shared is not None
    setting.register()
    answer = protocol.shared.giveBack(b"\0")
    setting.link.flush()
    setting.outcome(answer)
    assert setting.service.returned[0][2] == "203.0.113.7:4711"


@pytest.mark.parametrize("peer", ["None", "garbage", "a:b:c", ""])
def test_an_unreadable_peer(setting: Setting, peer: str) -> None:
    """A client without a proper address is served all the same."""
    _, held, _ = setting.connection()
    assert setting.give(held, peer) == [{}]
    assert setting.protocol().data == PREAMBLE


def failure_of(results: list[Any]) -> type[BaseException]:
    (failure,) = results
    assert isinstance(failure, Failure)
    assert failure.type is not None
    return failure.type


def test_a_client_that_has_left(setting: Setting) -> None:
    """It is Gone, and nothing is left of it."""
    client, held, peer = setting.connection()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert failure_of(setting.give(held, peer)) is Gone


@pytest.mark.parametrize("path", ["/dev/null"])
def test_what_is_no_connection(setting: Setting, path: str) -> None:
    """A descriptor of something else is Gone, too."""
    held = HeldSocket(os.open(path, os.O_RDWR))
    assert failure_of(setting.give(held, "127.0.0.1:1")) is Gone


def test_a_worker_that_has_stopped(setting: Setting) -> None:
    """It takes no more connections; another worker may."""
    setting.intake.accepting = False
    client, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is NotMine
    assert client.recv(1) == b""


def test_a_factory_that_wants_no_more(setting: Setting) -> None:
    """It is Busy; another worker may not be."""
    setting.factory.buildProtocol = lambda addr: None
    client, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is Busy
    assert client.recv(1) == b""


def test_a_factory_that_fails(setting: Setting) -> None:
    """It is a WorkerFault; the link goes on."""

    def fail(addr: object) -> None:
        raise RuntimeError("a bug")

    setting.factory.buildProtocol = fail
    _, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is WorkerFault
    assert setting.link.connected


def test_a_protocol_that_fails(setting: Setting) -> None:
    """Its connection is lost, but it was handed over: the service must not answer it."""
    client, held, peer = setting.connection()
    assert setting.give(held, peer, b"fail") == [{}]
    assert setting.protocol().lost
    assert client.recv(1) == b""


MINE = [
    (VIA, True),
    ("NET.TCP://LOCALHOST:808//A/", True),
    ("net.tcp://localhost/a/b", False),
    ("net.tcp://localhost/b", False),
    ("net.tcp://127.0.0.1/a", False),
    ("no address", False),
]


@pytest.mark.parametrize(("via", "mine"), MINE)
def test_what_is_mine(setting: Setting, via: str, mine: bool) -> None:
    """Only the via that the socket came with may be served on it again."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    assert setting.protocol().shared.isMine(via) is mine


def test_nothing_is_mine_after_a_change(setting: Setting) -> None:
    """When routes have changed, or the worker has stopped, every socket goes back."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    shared = setting.protocol().shared
    setting.service.callRemote(commands.RoutesChanged, baseAddress="net.tcp://+/a")
    setting.link.flush()
    assert not shared.isMine(VIA)
    _, held, peer = setting.connection()
    setting.give(held, peer)
    later = setting.protocol().shared
    assert later.isMine(VIA)
    setting.intake.accepting = False
    assert not later.isMine(VIA)


def test_giving_back(setting: Setting) -> None:
    """The socket goes back with what was read of it; its protocol has lost it."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    protocol = setting.protocol()
    setting.outcome(protocol.shared.giveBack(b"\0\1"))
    setting.reactor.settle()
    assert protocol.lost
    ((back, data, named),) = setting.service.returned
    assert (data, named) == (b"\0\1", peer)
    os.write(back.fileno(), b"alive")
    assert client.recv(10) == b"alive"
    back.close()
    assert client.recv(1) == b""  # nobody else holds it


def test_giving_back_what_is_not_taken(setting: Setting) -> None:
    """The reason comes back, and the connection is closed."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    setting.service.error = commands.NotReturnable("because")
    with pytest.raises(commands.NotReturnable, match="because"):
        setting.outcome(setting.protocol().shared.giveBack(b""))
    setting.reactor.settle()
    assert client.recv(1) == b""


@pytest.mark.parametrize("registered", [False, True])
def test_giving_back_without_a_service(setting: Setting, registered: bool) -> None:
    """While the service is away the connection is closed: its client connects anew."""
    if registered:
        setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    setting.link.lose()
    assert setting.intake.link is None
    failed: list[Failure] = []
    setting.protocol().shared.giveBack(b"").addErrback(failed.append)
    assert failed[0].check(ConnectionClosed)
    setting.reactor.settle()
    assert client.recv(1) == b""


def test_registering(setting: Setting) -> None:
    """A registration says everything that was wished for, and answers with the address."""
    wish = Wish("net.tcp://+/a", "Exact", shared=True, maxOutstanding=3)
    result = setting.outcome(ensureDeferred(setting.worker.register(wish, None)))
    assert result == "net.tcp://+/a"
    (arguments,) = setting.service.registered
    assert arguments == {
        "version": commands.PROTOCOL_VERSION,
        "baseAddress": "net.tcp://+/a",
        "hostNameComparisonMode": "Exact",
        "pid": os.getpid(),
        "unique": False,
        "shared": True,
        "maxOutstanding": 3,
        "lane": "batches",
    }
    assert setting.intake.link is setting.worker


def test_a_refused_registration(setting: Setting) -> None:
    """The service's reason is raised, and the link is not the worker's yet."""
    setting.service.error = commands.AccessDenied("ask somebody")
    with pytest.raises(commands.AccessDenied, match="ask somebody"):
        setting.register()
    assert setting.intake.link is None


def test_an_untrusted_service(setting: Setting) -> None:
    """A control socket of somebody else is not spoken to."""
    with pytest.raises(UntrustedService, match="serviceUser"):
        setting.outcome(
            ensureDeferred(setting.worker.register(Wish("net.tcp://+/a"), frozenset({4001})))
        )
    assert setting.service.registered == []
    assert not setting.link.connected


def test_trusted_users() -> None:
    """Root and ourselves are trusted, and a user that is named."""
    assert {0, os.geteuid()} <= trusted_users()
    assert trusted_users("4001") == {0, os.geteuid(), 4001}
    with pytest.raises(ValueError, match="no user"):
        trusted_users("nosuchuser")


def test_the_interfaces() -> None:
    """What protocols are given provides what the house promises."""
    intake = Intake(AdoptingReactor(), Factory())
    verifyObject(ISharedConnection, SharedConnection(intake, None, VIA, "p"))
