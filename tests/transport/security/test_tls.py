"""TLS on a connection, and what a hostile other side can do to it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from netshare.framing import END, PREAMBLE_END, SSL_TLS_UPGRADE, UPGRADE_RESPONSE, Fault
from netshare.framing.records import preamble
from netshare.transport.channels import errors
from netshare.transport.channels.settings import Acceptance
from netshare.transport.channels.upgrades import IUpgrade
from netshare.transport.security.ssltls import TlsAcceptor, TlsClientContext, TlsInitiator
from netshare.transport.security.validation import CertificateValidation
from tests.helpers.certificates import Authority
from tests.helpers.channels import DUPLEX, VIA, Client, Server, exchange
from tests.helpers.wire import sized_envelope

ASKING = preamble(VIA, upgrade=SSL_TLS_UPGRADE)


@pytest.fixture(scope="module")
def acceptor(authority: Authority) -> TlsAcceptor:
    """What the service offers."""
    return TlsAcceptor(authority.issue("service", "localhost").pem)


@pytest.fixture
def server(acceptor: TlsAcceptor) -> Server:
    """A service that wants TLS."""
    server = Server(answer=Acceptance(upgrades=acceptor, upgrade_required=True))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    return server


class Attacker:
    """A client whose TLS is the test's."""

    def __init__(self, server: Server, version: int = SSL.TLS1_3_VERSION) -> None:
        self.server = server
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(version)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        self.answer = b""

    def ask(self) -> None:
        """Ask for the upgrade."""
        self.server.transport.receive(ASKING)
        assert self.server.transport.take() == UPGRADE_RESPONSE

    def hello(self) -> bytes:
        """The first flight."""
        with pytest.raises(SSL.WantReadError):
            self.tls.do_handshake()
        return self.tls.bio_read(1 << 16)

    def shake(self) -> None:
        """Finish the handshake."""
        self.ask()
        self.server.transport.receive(self.hello())
        for _ in range(2):
            data = self.server.transport.take()
            if data:
                self.tls.bio_write(data)
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                self.server.transport.receive(self.tls.bio_read(1 << 16))
            except SSL.WantReadError:
                pass

    def sealed(self, data: bytes) -> bytes:
        """Bytes inside TLS."""
        self.tls.send(data)
        return self.tls.bio_read(1 << 20)

    def opened(self) -> bytes:
        """What the server said inside TLS."""
        data = self.server.transport.take()
        if data:
            self.tls.bio_write(data)
        said = b""
        try:
            while True:
                said += self.tls.recv(1 << 16)
        except SSL.WantReadError:
            return said


def over(server: Server) -> bool:
    """Whether the server has given the connection up, without a channel."""
    return server.transport.halfClosed or server.transport.state != "open"


def test_the_interface(acceptor: TlsAcceptor) -> None:
    """It is an upgrade."""
    assert verifyObject(IUpgrade, acceptor.upgradeFor(SSL_TLS_UPGRADE))


def test_one_byte_at_a_time(server: Server) -> None:
    """Records may come in any pieces."""
    attacker = Attacker(server)
    attacker.ask()
    for data in (attacker.hello(),):
        for byte in data:
            server.transport.receive(bytes((byte,)))
    attacker.tls.bio_write(server.transport.take())
    attacker.tls.do_handshake()
    finished = attacker.tls.bio_read(1 << 16)
    for byte in finished + attacker.sealed(PREAMBLE_END + sized_envelope(b"one") + END):
        server.transport.receive(bytes((byte,)))
    assert server.acceptor.receivers[-1].told == [b"one", "end", "closed"]


def test_all_at_once(server: Server) -> None:
    """The last records and the next preamble, in clear, may come in one piece."""
    attacker = Attacker(server)
    attacker.shake()
    server.acceptor.prepare = lambda r: r.channel.close()
    data = attacker.sealed(PREAMBLE_END) + attacker.sealed(END)
    server.transport.receive(data + ASKING)
    assert len(server.acceptor.receivers) == 1
    assert server.acceptor.receivers[0].told == ["closed"]
    assert server.transport.take().endswith(UPGRADE_RESPONSE)
    assert server.transport.state == "open"


def test_security_that_is_left_out(server: Server) -> None:
    """Who asks for no security gets no ack, and its messages reach nothing."""
    server.transport.receive(DUPLEX + sized_envelope(b"stolen"))
    assert server.transport.take() == b""
    assert over(server)
    assert not server.acceptor.receivers


@pytest.mark.parametrize("name", ["application/negotiate", "application/SSL-TLS", "x"])
def test_another_upgrade(server: Server, name: str) -> None:
    """An upgrade that is not offered is a fault."""
    server.transport.receive(preamble(VIA, upgrade=name))
    assert server.transport.take() == Fault.UPGRADE_INVALID.record


def test_an_upgrade_inside_the_upgrade(server: Server) -> None:
    """A second one, asked for inside TLS, is a fault inside TLS."""
    attacker = Attacker(server)
    attacker.shake()
    attacker.opened()
    server.transport.receive(attacker.sealed(b"\x09\x13" + SSL_TLS_UPGRADE.encode()))
    assert attacker.opened() == Fault.UPGRADE_INVALID.record
    assert over(server)


@pytest.mark.parametrize(
    "injected", [PREAMBLE_END, PREAMBLE_END + sized_envelope(b"stolen"), b"\x09\x01x", b"\x00"]
)
def test_clear_bytes_behind_the_request(server: Server, injected: bytes) -> None:
    """Bytes in clear that came with the request for the upgrade are never taken for messages."""
    server.transport.receive(ASKING + injected)
    assert not server.acceptor.receivers
    assert over(server)


def test_clear_bytes_with_the_handshake(server: Server) -> None:
    """Nor are those behind the client's hello, or between records later on."""
    attacker = Attacker(server)
    attacker.ask()
    server.transport.receive(attacker.hello() + PREAMBLE_END + sized_envelope(b"stolen"))
    assert not server.acceptor.receivers
    assert over(server)


def test_clear_bytes_between_records(server: Server) -> None:
    """In the middle of a session bytes in clear end it, and what came before was delivered."""
    attacker = Attacker(server)
    attacker.shake()
    server.transport.receive(attacker.sealed(PREAMBLE_END + sized_envelope(b"mine")))
    server.transport.receive(sized_envelope(b"stolen"))
    (receiver,) = server.acceptor.receivers
    assert receiver.told[0] == b"mine"
    assert b"stolen" not in receiver.told
    assert over(server)


def test_clear_bytes_for_the_client(authority: Authority, acceptor: TlsAcceptor) -> None:
    """A client takes no ack in clear, neither with the upgrade response nor later."""
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots))
    client = Client(upgrade=TlsInitiator(context, "localhost"))
    client.transport.receive(UPGRADE_RESPONSE + b"\x0b" + sized_envelope(b"stolen"))
    assert type(client.error) is errors.MessageSecurityError
    assert client.receiver.told == []


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"\x16\x03\x01\xff\xff", "a record of 65535 bytes"),
        (b"\x16\x02\x01\x00\x01\x00", "is not TLS"),
        (b"\x17\x03\x03\x00\x01\x00", "TLS: "),
        (b"\x16\x03\x01\x00\x04\x00\x00\x00\x00", "TLS: "),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS: "),
        (b"GET / HTTP/1.1\r\n\r\n", "is not TLS"),
    ],
)
def test_records_that_are_none(server: Server, record: bytes, words: str) -> None:
    """Each is refused with a reason in the log."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        server.transport.receive(ASKING + record)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert over(server)
    (line,) = [formatEvent(event) for event in events]
    assert "the upgrade failed: " in line
    assert words in line


def test_a_handshake_without_an_end(server: Server) -> None:
    """Handshake messages are taken up to a bound only."""
    server.transport.receive(ASKING)
    sent = 0
    while not over(server):
        # A client's hello that is said to be 16 MB long.
        head = b"\x01\xff\xff\xff" if sent == 0 else b""
        piece = head + bytes(16000)
        server.transport.receive(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece)
        sent += len(piece)
        assert sent < 1 << 19
    assert not server.acceptor.receivers


@pytest.mark.parametrize("sent", [b"", b"hello", b"hello, half"])
def test_a_handshake_that_stops(server: Server, sent: bytes) -> None:
    """Who stops in the middle of a handshake is cut off with the time for the preamble."""
    attacker = Attacker(server)
    attacker.ask()
    if sent:
        hello = attacker.hello()
        server.transport.receive(hello[: len(hello) // (2 if b"half" in sent else 1)])
    server.clock.advance(29)
    assert server.transport.state == "open"
    server.clock.advance(2)
    assert server.transport.state == "aborting"
    server.transport.settle()
    assert server.delayed == 0


def test_renegotiation(server: Server) -> None:
    """A client of TLS 1.2 that wants to renegotiate is not listened to."""
    attacker = Attacker(server, SSL.TLS1_2_VERSION)
    attacker.shake()
    server.transport.receive(attacker.sealed(PREAMBLE_END))
    assert server.acceptor.receivers
    attacker.opened()
    attacker.tls.renegotiate()
    with pytest.raises(SSL.WantReadError):
        attacker.tls.do_handshake()
    server.transport.receive(attacker.tls.bio_read(1 << 16))
    # An alert that there is none, but no new handshake.
    answer = records(server.transport.take())
    assert [record[0] for record in answer] == [21]


def records(data: bytes) -> list[bytes]:
    """The records of TLS in some bytes."""
    found = []
    while data:
        end = 5 + int.from_bytes(data[3:5], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def test_close_notify(server: Server) -> None:
    """A client that ends TLS in words, behind its End, is answered, and may go on in clear."""
    server.acceptor.prepare = lambda r: None
    attacker = Attacker(server)
    attacker.shake()
    server.transport.receive(attacker.sealed(PREAMBLE_END + END))
    attacker.tls.shutdown()
    server.transport.receive(attacker.tls.bio_read(1 << 16))
    (receiver,) = server.acceptor.receivers
    assert receiver.told == ["end"]
    receiver.channel.close()
    assert receiver.told == ["end", "closed"]
    assert attacker.opened().endswith(END)
    server.transport.receive(ASKING)
    assert server.transport.take() == UPGRADE_RESPONSE


def test_much_behind_close_notify(server: Server) -> None:
    """What comes behind the end of TLS, before ours, is kept up to a bound only."""
    server.acceptor.prepare = lambda r: None
    attacker = Attacker(server)
    attacker.shake()
    server.transport.receive(attacker.sealed(PREAMBLE_END + END))
    attacker.tls.shutdown()
    server.transport.receive(attacker.tls.bio_read(1 << 16))
    server.transport.receive(bytes(60_000))
    assert over(server)


def test_a_large_message(authority: Authority, acceptor: TlsAcceptor) -> None:
    """Messages of many records go through, in both directions."""
    context = TlsClientContext(None, CertificateValidation(roots=authority.roots))
    server = Server(
        answer=Acceptance(upgrades=acceptor, upgrade_required=True),
        max_received_message_size=1 << 22,
    )
    client = Client(upgrade=TlsInitiator(context, "localhost"), max_received_message_size=1 << 22)
    exchange(client.transport, server.transport)
    data = random.Random(5).randbytes(1 << 21)
    client.channel.send(data[:100], memoryview(data)[100:])
    exchange(client.transport, server.transport)
    assert server.acceptor.receivers[-1].told == [data]
    server.acceptor.receivers[-1].channel.send(data)
    exchange(client.transport, server.transport)
    assert client.receiver.told == [data]


@pytest.mark.parametrize("seed", range(20))
def test_damaged_records(server: Server, seed: int) -> None:
    """Whatever is changed on the way, nothing but what was sent is delivered."""
    chance = random.Random(seed)
    attacker = Attacker(server)
    attacker.shake()
    data = bytearray(attacker.sealed(PREAMBLE_END) + attacker.sealed(sized_envelope(b"mine")) * 1)
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    server.transport.receive(bytes(data))
    server.transport.receiveEof()
    server.transport.lose(ConnectionError())
    told: list[Any] = [one for r in server.acceptor.receivers for one in r.told]
    assert {one for one in told if isinstance(one, bytes)} <= {b"mine"}
    assert server.delayed == 0
