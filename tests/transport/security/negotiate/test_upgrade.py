"""Windows authentication between both sides in memory: NTLM, and everything that can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface.verify import verifyObject

from netshare.transport.channels.upgrades import (
    IUpgrade,
    IUpgradeAcceptor,
    IUpgradeInitiator,
)
from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate.context import InitiatorOptions, Refusal
from netshare.transport.security.negotiate.frames import (
    FrameKind,
    HandshakeFrame,
    data_frame,
    error_frame,
)
from netshare.transport.security.negotiate.upgrade import (
    MAX_WAITING,
    NAME,
    NegotiateAcceptor,
    NegotiateInitiator,
    NegotiateUpgrade,
)
from tests.helpers.windows import PASSWORD, USER, ntlm_users

SEALED = ProtectionLevel.ENCRYPT_AND_SIGN


@pytest.fixture(autouse=True)
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ntlm_users(tmp_path, monkeypatch)


class Host:
    """A connection that remembers what an upgrade did with it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.plain = b""
        self.security: Any = "none yet"
        self.failed: str | None = None

    def writeRaw(self, data: bytes) -> None:
        self.sent.append(data)

    def upgraded(self, security: object) -> None:
        self.security = security

    def plainReceived(self, data: bytes) -> None:
        self.plain += data

    def upgradeFailed(self, reason: str) -> None:
        self.failed = reason

    def take(self) -> bytes:
        sent, self.sent = self.sent, []
        return b"".join(sent)


class Side:
    def __init__(self, upgrade: NegotiateUpgrade | None) -> None:
        assert upgrade is not None
        assert verifyObject(IUpgrade, upgrade)
        self.upgrade, self.host = upgrade, Host()
        upgrade.start(self.host)


def client(level: ProtectionLevel = SEALED, run: Any = maybeDeferred, **options: Any) -> Side:
    given = {"user": f"DOM\\{USER}", "password": PASSWORD, "level": level, **options}
    initiator = NegotiateInitiator(run, InitiatorOptions("localhost", **given))
    assert verifyObject(IUpgradeInitiator, initiator)
    return Side(initiator.upgrade())


def service(level: ProtectionLevel = SEALED, run: Any = maybeDeferred, **options: Any) -> Side:
    acceptor = NegotiateAcceptor(run, level, **options)
    assert verifyObject(IUpgradeAcceptor, acceptor)
    assert acceptor.upgradeFor("application/ssl-tls") is None
    return Side(acceptor.upgradeFor(NAME))


def talk(one: Side, two: Side, cut: int = 1 << 20) -> None:
    """Pass everything on until neither side has anything to say."""
    while one.host.sent or two.host.sent:
        for sender, receiver in ((one, two), (two, one)):
            data = sender.host.take()
            for at in range(0, len(data), cut):
                receiver.upgrade.rawReceived(data[at : at + cut])


@pytest.mark.parametrize("cut", [1, 1 << 20])
@pytest.mark.parametrize("level", ProtectionLevel)
def test_a_session(level: ProtectionLevel, cut: int) -> None:
    """Both sides agree, the service knows the client, and bytes go both ways at every level."""
    one, two = client(level), service(level)
    talk(one, two, cut)
    assert one.host.failed is two.host.failed is None
    assert one.host.security is None
    assert two.host.security == Identity(f"DOM\\{USER}", IdentityKind.WINDOWS, "NTLM")
    one.upgrade.write(b"\x0c")
    two.upgrade.write(b"\x0b" + bytes(200_000))
    talk(one, two, max(cut, 1000))
    assert two.host.plain == b"\x0c"
    assert one.host.plain == b"\x0b" + bytes(200_000)
    assert one.upgrade.stop() == two.upgrade.stop() == b""


def test_early_bytes_are_read_after_the_handshake() -> None:
    """What a client sends together with its last token is read when the handshake is over."""
    one, two = client(ProtectionLevel.NONE), service(ProtectionLevel.NONE)
    two.upgrade.rawReceived(one.host.take())
    one.upgrade.rawReceived(two.host.take())
    two.upgrade.rawReceived(one.host.take() + b"\x0c")
    assert two.host.plain == b"\x0c"


@pytest.mark.parametrize(
    "options", [{"password": "wrong"}, {"user": "DOM\\mallory"}, {"user": "OTHER\\alice"}]
)
def test_wrong_credentials(options: dict[str, str]) -> None:
    """Wrong credentials are refused with the code for it, and both sides say so."""
    one, two = client(**options), service()
    talk(one, two)
    assert two.host.failed is not None
    assert one.host.failed is not None
    assert "0x8009030c, logon denied" in one.host.failed
    assert one.host.security == two.host.security == "none yet"


def test_ntlm_can_be_refused() -> None:
    """A service that wants Kerberos refuses NTLM."""
    one, two = client(), service(allow_ntlm=False)
    talk(one, two)
    assert two.host.failed == "NTLM is not allowed here"
    assert one.host.failed is not None
    assert "trust failure" in one.host.failed


@pytest.mark.parametrize(
    ("asked", "demanded", "accepted"),
    [
        (ProtectionLevel.NONE, ProtectionLevel.SIGN, False),
        (ProtectionLevel.NONE, SEALED, False),
        (ProtectionLevel.SIGN, SEALED, False),
    ],
)
def test_less_protection_than_demanded(
    asked: ProtectionLevel, demanded: ProtectionLevel, accepted: bool
) -> None:
    """A service does not go below the protection level that it demands."""
    one, two = client(asked), service(demanded)
    talk(one, two)
    assert two.host.security == "none yet"
    assert two.host.failed is not None
    assert "protection level" in two.host.failed


def test_changed_messages() -> None:
    """A message that was changed, or comes a second time, ends the stream."""
    for change in (lambda d: d[:-1] + bytes([d[-1] ^ 1]), lambda d: d + d):
        for level in (ProtectionLevel.SIGN, SEALED):
            one, two = client(level), service(level)
            talk(one, two)
            one.upgrade.write(b"message")
            two.upgrade.rawReceived(change(one.host.take()))
            assert two.host.failed is not None
            assert "not genuine" in two.host.failed


def test_a_message_in_clear() -> None:
    """A message with an empty signature is refused where messages are sealed."""
    one, two = client(), service()
    talk(one, two)
    two.upgrade.rawReceived(data_frame(b"\x01\x00\x00\x00" + bytes(12) + b"message"))
    assert two.host.failed is not None
    assert two.host.plain == b""


NONSENSE: list[Callable[[], bytes]] = [
    lambda: b"\x0c",
    lambda: b"\x17\x03\x01",
    lambda: HandshakeFrame(FrameKind.IN_PROGRESS, b"nonsense").encode(),
    lambda: HandshakeFrame(FrameKind.IN_PROGRESS, b"").encode(),
    lambda: HandshakeFrame(FrameKind.DONE, b"").encode(),
    lambda: HandshakeFrame(FrameKind.IN_PROGRESS, b"NTLMSSP\0" + bytes(60)).encode(),
    lambda: HandshakeFrame(FrameKind.IN_PROGRESS, b"\x60" + b"\xff" * 300).encode(),
]


@pytest.mark.parametrize("bytes_of", NONSENSE)
def test_nonsense(bytes_of: Callable[[], bytes]) -> None:
    """What is no token is refused with an error frame, and nothing else happens."""
    two = service()
    two.upgrade.rawReceived(bytes_of())
    assert two.host.failed is not None
    assert two.host.take()[0] == FrameKind.ERROR
    assert two.host.security == "none yet"
    two.upgrade.rawReceived(b"more")
    assert two.host.sent == []


def test_a_refusal() -> None:
    """A refusal of the service is told with its code."""
    one = client()
    one.upgrade.rawReceived(error_frame(0x80090322))
    assert one.host.failed == "the other side refused the credentials (0x80090322)"


def test_a_service_that_is_done_too_early() -> None:
    """A client does not believe a service that is done before it is."""
    one = client()
    one.upgrade.rawReceived(HandshakeFrame(FrameKind.DONE, b"").encode())
    assert one.host.failed is not None
    assert one.host.security == "none yet"


class Later:
    """Does steps when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, function: Any, *args: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, lambda: function(*args)))
        return done

    def go_on(self) -> None:
        done, call = self.waiting.pop(0)
        maybeDeferred(call).chainDeferred(done)


def test_steps_are_taken_one_at_a_time() -> None:
    """What arrives while a step is done waits, and is read in its order."""
    later = Later()
    one, two = client(ProtectionLevel.NONE), service(ProtectionLevel.NONE, later)
    two.upgrade.rawReceived(one.host.take())
    assert two.host.sent == []
    later.go_on()
    one.upgrade.rawReceived(two.host.take())
    two.upgrade.rawReceived(one.host.take())
    two.upgrade.rawReceived(b"\x0c")
    assert len(later.waiting) == 1
    later.go_on()
    assert two.host.plain == b"\x0c"


def test_a_connection_that_ends_during_a_step() -> None:
    """The result of a step whose connection has ended is dropped."""
    later = Later()
    one, two = client(), service(run=later)
    two.upgrade.rawReceived(one.host.take())
    two.upgrade.stop()
    later.go_on()
    assert (two.host.sent, two.host.failed) == ([], None)


def test_a_flood_during_a_step() -> None:
    """Only so much is kept for after a step."""
    later = Later()
    one, two = client(), service(run=later)
    two.upgrade.rawReceived(one.host.take())
    two.upgrade.rawReceived(bytes(MAX_WAITING))
    assert two.host.failed is None
    two.upgrade.rawReceived(b"!")
    assert two.host.failed == "more bytes than a handshake has"
    later.go_on()


def test_a_step_that_fails_here() -> None:
    """A bug of this side ends the connection, and the client learns no more than that."""

    def broken(*_: Any) -> Deferred[Any]:
        return maybeDeferred(lambda: 1 / 0)

    two = service(run=broken)
    two.upgrade.rawReceived(HandshakeFrame(FrameKind.IN_PROGRESS, b"x").encode())
    assert two.host.failed == "this side failed; see its log"
    assert two.host.take() == error_frame(Refusal.LOGON_DENIED)
