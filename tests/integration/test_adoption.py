"""Adopted sockets are connections like any other, whichever way the reactor has of making them."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.sockets import adoption
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.sockets.privatenames import AdoptedConnection, makes_tcp_servers
from netshare.testing import AdoptingReactor, tcpPair

reactor: Any = _reactor

LARGE = os.urandom(3_000_000)


@pytest.fixture(params=["directly", "by-interface"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test runs with connections made here, and with what adoptStreamConnection makes."""
    if request.param == "by-interface":
        monkeypatch.setattr(adoption, "makes_tcp_servers", lambda reactor: False)
    return str(request.param)


#: For what only a connection that is made here can do: Twisted's own cannot be asked whether they
#: read, and do what the socket is set to.
DIRECTLY = pytest.mark.parametrize("way", ["directly"], indirect=True)


class Told(Protocol):
    """
    Does what it is told, and keeps what happens to it.

    :param made: done when the connection is made
    :param got: done with bytes that came
    """

    transport: Any

    def __init__(
        self,
        made: Callable[[Told], None] = lambda told: None,
        got: Callable[[Told], None] = lambda told: None,
    ) -> None:
        self._made, self._got = made, got
        self.received = b""
        self.lost: Deferred[Any] = Deferred()
        self.reason: Any = None

    def connectionMade(self) -> None:
        self._made(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._got(self)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.reason = reason
        self.lost.callback(None)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Told):
    """Keeps which halves were closed, too."""

    halves = ""

    def readConnectionLost(self) -> None:
        self.halves += "r"
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        self.halves += "w"


def factory_of(protocol: Any) -> Any:
    factory: Any = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda addr: protocol
    return factory


def adopted(
    protocol: Any, data: bytes = b"", connected: Any = None
) -> tuple[socket.socket, HeldSocket, Any]:
    """A client, and what became of the other end."""
    client, server = tcpPair()
    held = HeldSocket(server.detach())
    try:
        transport = adopt(reactor, held, factory_of(protocol), data, connected)
    except BaseException:
        client.close()
        raise
    return client, held, transport


async def everything(client: socket.socket) -> bytes:
    """What a client gets until the end."""

    def read() -> bytes:
        found = bytearray()
        while data := client.recv(1 << 20):
            found += data
        return bytes(found)

    return await deferToThread(read)


async def test_the_first_bytes(way: str) -> None:
    """They come behind connectionMade and what was asked for in between, and before all others."""
    order = []
    protocol = Told(lambda told: order.append("made"), lambda told: order.append("got"))
    client, held, transport = adopted(protocol, b"first", lambda t: order.append("connected"))
    with client:
        assert order == ["made", "connected", "got"]
        assert held.closed
        assert isinstance(transport, AdoptedConnection) is (way == "directly")
        client.sendall(b" second")
        await deferLater(reactor, 0.05)
        assert protocol.received == b"first second"
    await protocol.lost
    assert protocol.reason.check(ConnectionDone)


async def test_the_answer_to_them(way: str) -> None:
    """It is sent before the reactor turns, where the connection is made here; else by then."""
    protocol = Told(got=lambda told: told.transport.write(b"answer"))
    client, _, _ = adopted(protocol, b"question")
    with client:
        if way == "by-interface":
            await deferLater(reactor, 0.05)
        client.setblocking(False)
        assert client.recv(10) == b"answer"
    await protocol.lost


async def test_a_protocol_that_leaves_at_once(way: str) -> None:
    """One that closes in connectionMade is spared the first bytes."""
    protocol = Told(lambda told: told.transport.loseConnection())
    client, _, _ = adopted(protocol, b"too late")
    with client:
        await protocol.lost
    assert protocol.received == b""


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "::"])
async def test_addresses(listening: str) -> None:
    """Both ends are called what a Twisted port calls them, and the factory is told, too."""
    family = socket.AF_INET6 if ":" in listening else socket.AF_INET
    with socket.create_server(
        (listening, 0), family=family, dualstack_ipv6=listening == "::"
    ) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1" if listening == "::" else listening, port))
        connection, name = server.accept()
        local = connection.getsockname()
    protocol = Told()
    asked: list[Any] = []

    def build(addr: Any) -> Told:
        asked.append(addr)
        return protocol

    factory: Any = Factory()
    factory.buildProtocol = build
    with client:
        transport = adopt(reactor, HeldSocket(connection.detach()), factory)
        kind = IPv6Address if ":" in listening else IPv4Address
        assert asked == [transport.getPeer()] == [kind("TCP", *name)]
        assert transport.getHost() == kind("TCP", *local)
        assert transport.getHandle().family == family
        assert transport.sessionno == name[1]
        assert transport.logPrefix() == f"Told,{name[1]},{name[0]}"
        assert "Told" in repr(transport)
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        assert transport.getTcpNoDelay()
        assert transport.getTcpKeepAlive()
        verifyObject(ITCPTransport, transport)
        transport.abortConnection()
        await protocol.lost
        assert transport.getPeer() == kind("TCP", *name)


async def test_large_answers() -> None:
    """More than the kernel takes at once is written in the end, in order."""

    def answer(told: Told) -> None:
        told.transport.write(b"begin")
        told.transport.writeSequence([LARGE, b"end"])
        told.transport.loseConnection()

    protocol = Told(got=answer)
    client, _, _ = adopted(protocol, b"x")
    with client:
        assert await everything(client) == b"begin" + LARGE + b"end"
    await protocol.lost


@pytest.mark.parametrize("streaming", [True, False], ids=["push", "pull"])
async def test_producers(streaming: bool) -> None:
    """A producer that is registered with the first bytes is paused and resumed like any other."""
    paused = []

    class Producer:
        left = 40

        def __init__(self, told: Told) -> None:
            self.transport = told.transport
            self.running = False

        def resumeProducing(self) -> None:
            if self.running:
                return
            self.running = self.go = True
            while self.left and self.go:
                self.left -= 1
                self.transport.write(LARGE[:100_000])
                self.go = streaming and self.go
            self.running = False
            if not self.left:
                self.transport.unregisterProducer()
                self.transport.loseConnection()

        def pauseProducing(self) -> None:
            self.go = False
            paused.append(self.left)

        def stopProducing(self) -> None:
            self.left = 0

    def produce(told: Told) -> None:
        producer = Producer(told)
        told.transport.registerProducer(producer, streaming)
        if streaming:
            producer.resumeProducing()

    protocol = Told(got=produce)
    client, _, _ = adopted(protocol, b"x")
    with client:
        assert await everything(client) == LARGE[:100_000] * 40
    await protocol.lost
    assert bool(paused) is streaming


@pytest.mark.parametrize("when", ["made", "got"])
async def test_closing_early(when: str) -> None:
    """A protocol may write and close at once, and is told later; what it wrote arrives."""

    def close(told: Told) -> None:
        told.transport.write(b"bye")
        told.transport.loseConnection()

    protocol = Told(**{when: close})
    client, _, _ = adopted(protocol, b"first")
    with client:
        assert not protocol.lost.called
        await protocol.lost
        assert await everything(client) == b"bye"
    assert protocol.reason.check(ConnectionDone)
    assert protocol.received == (b"first" if when == "got" else b"")


@pytest.mark.parametrize("when", ["made", "got"])
async def test_aborting_early(when: str) -> None:
    """A protocol may abort at once, and is told later."""
    protocol = Told(**{when: lambda told: told.transport.abortConnection()})
    client, _, _ = adopted(protocol, b"first")
    with client:
        assert not protocol.lost.called
        await protocol.lost
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert protocol.reason.check(ConnectionAborted)
    assert protocol.received == (b"first" if when == "got" else b"")


async def test_half_closing_early() -> None:
    """A protocol may close its half at once; it is told later, and still hears the client."""

    def answer(told: Told) -> None:
        if told.received == b"first":
            told.transport.write(b"answer")
            told.transport.loseWriteConnection()

    protocol = HalfCloseable(got=answer)
    client, _, _ = adopted(protocol, b"first")
    with client:
        assert protocol.halves == ""
        assert await everything(client) == b"answer"
        assert protocol.halves == "w"
        client.sendall(b" more")
        client.shutdown(socket.SHUT_WR)
        await protocol.lost
    assert protocol.received == b"first more"
    assert protocol.halves == "wr"


async def test_pausing_early() -> None:
    """A protocol that pauses with its first bytes gets the next when it resumes."""
    protocol = Told(got=lambda told: told.transport.pauseProducing())
    client, _, transport = adopted(protocol, b"first")
    with client:
        client.sendall(b" second")
        await deferLater(reactor, 0.05)
        assert protocol.received == b"first"
        transport.resumeProducing()
        await deferLater(reactor, 0.05)
        assert protocol.received == b"first second"
        transport.abortConnection()
        await protocol.lost


@DIRECTLY
async def test_pausing_before_the_first_bytes() -> None:
    """A protocol that does not read at once gets no byte before it does, and then in order."""
    protocol = Told(lambda told: told.transport.pauseProducing())
    client, _, transport = adopted(protocol, b"first")
    with client:
        client.sendall(b" second")
        await deferLater(reactor, 0.02)
        assert protocol.received == b""
        transport.resumeProducing()
        transport.pauseProducing()
        await deferLater(reactor, 0.02)
        assert protocol.received == b""
        transport.resumeProducing()
        assert protocol.received == b""
        transport.resumeProducing()
        await deferLater(reactor, 0.02)
        assert protocol.received == b"first second"
        transport.abortConnection()
        await protocol.lost


@DIRECTLY
@pytest.mark.parametrize("fails", [False, True])
async def test_ending_while_the_first_bytes_wait(fails: bool) -> None:
    """A protocol that never reads again never gets them; one that fails with them is aborted."""
    protocol = Told(
        lambda told: told.transport.pauseProducing(),
        fail if fails else lambda told: told.transport.loseConnection(),
    )
    client, _, transport = adopted(protocol, b"first")
    with client:
        transport.resumeProducing()
        if not fails:
            transport.loseConnection()
        await protocol.lost
    assert protocol.received == (b"first" if fails else b"")
    assert bool(protocol.reason.check(ConnectionAborted)) is fails


async def test_ending_without_its_socket() -> None:
    """A protocol is told of the end also when somebody has taken the socket out meanwhile."""
    protocol = Told()
    client, _, transport = adopted(protocol)
    transport.stopReading()
    taken = transport.getHandle().detach()
    with client:
        transport.connectionLost(Failure(ConnectionDone()))
        await protocol.lost
    os.close(taken)


@pytest.fixture
def stuck() -> Iterator[tuple[socket.socket, Told, Any]]:
    """A connection whose client reads nothing, that somebody else has made to wait."""
    protocol = Told()
    client, _, transport = adopted(protocol)
    handle = transport.getHandle()
    with client:
        while transport.writeSomeData(LARGE):
            pass
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
        os.set_blocking(handle.fileno(), True)
        relief = threading.Timer(3, client.shutdown, [socket.SHUT_RDWR])
        relief.start()
        yield client, protocol, transport
        relief.cancel()


@DIRECTLY
async def test_others_cannot_make_it_wait(stuck: tuple[socket.socket, Told, Any]) -> None:
    """Reading, writing and closing take no time, whatever others set the socket to."""
    _, protocol, transport = stuck
    began = time.monotonic()
    assert transport.doRead() is None
    assert transport.writeSomeData(b"x") == 0
    assert transport.writeSomeData(LARGE) == 0
    transport.loseConnection()
    transport.connectionLost(Failure(ConnectionDone()))
    assert time.monotonic() - began < 1
    await protocol.lost


async def test_a_client_that_leaves_meanwhile() -> None:
    """A client that resets before the answer is written is a lost connection like any other."""
    client, server = tcpPair()

    def answer(told: Told) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        told.transport.write(b"answer")

    protocol = Told(got=answer)
    adopt(reactor, HeldSocket(server.detach()), factory_of(protocol), b"x")
    assert not protocol.lost.called
    await protocol.lost


async def test_giving_the_socket_away_at_once() -> None:
    """The socket can leave again with the first bytes; the connection lives on."""
    taken: list[HeldSocket] = []
    protocol = Told(got=lambda told: taken.append(HeldSocket.from_transport(told.transport)))
    client, _, _ = adopted(protocol, b"not mine")
    with client:
        await protocol.lost
        second = Told(got=lambda told: told.transport.write(b"mine"))
        transport = adopt(reactor, taken[0], factory_of(second), b"again")
        await deferLater(reactor, 0.02)
        assert client.recv(10) == b"mine"
        transport.loseConnection()
        await second.lost


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Twisted's, about pyOpenSSL's
async def test_tls_from_the_first_bytes_on() -> None:
    """startTLS in answer to the first bytes: what was written before goes out in plain."""
    pytest.importorskip("OpenSSL", reason="needs pyOpenSSL")
    from twisted.internet.ssl import KeyPair, PrivateCertificate

    pair = KeyPair.generate(size=2048)
    certificate = PrivateCertificate.fromCertificateAndKeyPair(
        pair.selfSignedCert(1, CN="localhost"), pair
    )

    def upgrade(told: Told) -> None:
        if told.received == b"upgrade":
            told.transport.write(b"ok")
            told.transport.startTLS(certificate.options())
            told.transport.write(b"secret")
        elif told.received.endswith(b"bye"):
            told.transport.loseConnection()

    def talk(client: socket.socket) -> bytes:
        assert client.recv(2) == b"ok"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(client) as secure:
            greeting = secure.recv(10)
            secure.sendall(b"bye")
            assert secure.recv(1) == b""
        return greeting

    protocol = Told(got=upgrade)
    client, _, _ = adopted(protocol, b"upgrade")
    with client:
        assert await deferToThread(talk, client) == b"secret"
    await protocol.lost


def fail(told: Told) -> None:
    raise OSError("a bug")


async def test_a_protocol_that_fails_when_it_is_connected() -> None:
    """The caller hears of it, and the client loses its connection."""
    protocol = Told(made=fail)
    client, server = tcpPair()
    held = HeldSocket(server.detach())
    with client:
        with pytest.raises(OSError, match="a bug"):
            adopt(reactor, held, factory_of(protocol), b"first")
        assert held.closed
        await protocol.lost
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert protocol.received == b""


class Nameless(Told):
    """Does not even know what to call itself in the log."""

    def logPrefix(self) -> str:
        raise OSError("a bug")


async def test_a_factory_that_fails() -> None:
    """The caller hears of it, and the client loses its connection: nothing stays open."""
    broken: Any = Factory()
    broken.buildProtocol = fail
    for factory in (broken, factory_of(Nameless())):
        client, server = tcpPair()
        held = HeldSocket(server.detach())
        with client:
            with pytest.raises(OSError, match="a bug"):
                adopt(reactor, held, factory, b"first")
            assert held.closed
            assert client.recv(1) == b""


@pytest.mark.parametrize("where", ["got", "connected"])
async def test_a_protocol_that_fails_with_the_first_bytes(where: str) -> None:
    """It loses its connection, and nobody else hears of it."""
    protocol = Told(**({"got": fail} if where == "got" else {}))
    client, _, _ = adopted(protocol, b"first", fail if where == "connected" else None)
    with client:
        await protocol.lost
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert protocol.reason.check(ConnectionAborted)


async def test_refusing() -> None:
    """Where the factory wants no protocol the socket is still the caller's."""
    client, held, transport = adopted(None)
    with client:
        assert transport is None
        os.write(held.fileno(), b"alive")
        assert client.recv(10) == b"alive"
        held.close()


async def test_gone_before() -> None:
    """A client that has left before is ClientGone."""
    client, server = tcpPair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    held = HeldSocket(server.detach())
    with pytest.raises(ClientGone):
        adopt(reactor, held, factory_of(Told()))
    assert held.closed


@pytest.mark.parametrize("family", [socket.AF_UNIX, None])
async def test_what_is_no_connection(family: Any) -> None:
    """Another kind of socket, or none at all, is ClientGone and closed."""
    if family is None:
        held = HeldSocket(os.open("/dev/null", os.O_RDWR))
    else:
        one, other = socket.socketpair(family)
        other.close()
        held = HeldSocket(one.detach())
    with pytest.raises(ClientGone):
        adopt(reactor, held, factory_of(Told()))
    assert held.closed


def test_which_reactors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twisted's own reactors are known; one that adopts in its own way is asked to."""
    monkeypatch.undo()
    assert makes_tcp_servers(reactor)
    assert not makes_tcp_servers(AdoptingReactor())

    class Other(type(reactor)):  # type: ignore[misc]
        def adoptStreamConnection(self, *arguments: Any) -> None: ...

    assert not makes_tcp_servers(Other.__new__(Other))
