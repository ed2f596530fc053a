"""
What has to hold for any bytes that a stranger sends inside an upgrade; as in
:mod:`tests.helpers.properties`, for TLS, for Windows authentication, and for a relay that follows
both.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import maybeDeferred

from netshare.framing.follow import ClientFollower, Unfollowable
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import NEGOTIATE_UPGRADE, SSL_TLS_UPGRADE, Mode, preamble
from netshare.transport.channels.upgrades import IUpgrade
from netshare.transport.security.certificates import PemCertificate
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate import NegotiateAcceptor
from netshare.transport.security.negotiate.upgrade import NegotiateUpgrade
from netshare.transport.security.ssltls import TlsAcceptor, TlsClientContext, TlsInitiator
from netshare.transport.security.validation import CertificateValidation
from tests.helpers.certificates import Authority
from tests.helpers.places import VECTORS

__all__ = ["check_upgrades", "upgrades_seeds"]

VIA = "net.tcp://host/p"
#: In front of a token that the context below takes for genuine.
GENUINE = b"ok"


class _Connection:
    """What an upgrade does with its connection."""

    def __init__(self) -> None:
        self.sent = 0
        self.plain = b""
        self.secure = False
        self.failed: str | None = None

    def writeRaw(self, data: bytes) -> None:
        assert self.failed is None, "written after the end"
        self.sent += len(data)

    def upgraded(self, security: object) -> None:
        assert not self.secure
        assert self.failed is None
        self.secure = True

    def plainReceived(self, data: bytes) -> None:
        assert self.secure, "bytes of a stranger came through"
        assert self.failed is None
        self.plain += data

    def upgradeFailed(self, reason: str) -> None:
        assert self.failed is None, "it fails twice"
        assert reason
        self.failed = reason


class _Context:
    """
    A security context that believes everything that begins with :data:`GENUINE`. It is over after
    two tokens.
    """

    negotiated_protocol = "kerberos"
    client_principal = "ann@REALM"
    context_attr = 0xFFFFFFFF

    def __init__(self) -> None:
        self.taken = 0

    @property
    def complete(self) -> bool:
        return self.taken >= 2

    def step(self, in_token: bytes | None = None) -> bytes | None:
        if in_token and not in_token.startswith(GENUINE):
            raise ValueError("not genuine")
        self.taken += 1
        return GENUINE

    def wrap(self, data: bytes, encrypt: bool = True) -> Any:
        raise AssertionError("nothing is sent")

    def unwrap(self, data: bytes) -> Any:
        if not data.startswith(GENUINE):
            raise ValueError("not genuine")
        return _Unwrapped(data[len(GENUINE) :])

    def sign(self, data: bytes) -> bytes:
        raise AssertionError("nothing is sent")

    def verify(self, data: bytes, mic: bytes) -> int:
        raise AssertionError("Kerberos is not signed apart")


class _Unwrapped:
    encrypted = True

    def __init__(self, data: bytes) -> None:
        self.data = data


def check_upgrades(data: bytes) -> None:
    """
    However the bytes are cut, each upgrade makes the same of them, in bounds, and never raises; and
    what does not prove to be genuine is delivered to nobody.
    """
    if len(data) < 2:
        return
    kind, cut, stream = data[0] % (len(_UPGRADES) + 1), 1 + data[1], data[2:]
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    if kind == len(_UPGRADES):
        _check_following(stream, pieces)
        return
    make, deep = _UPGRADES[kind]
    whole, cut_up = _told(make(), [stream]), _told(make(), pieces)
    assert (whole.secure, whole.plain) == (cut_up.secure, cut_up.plain)
    assert (whole.failed is None) == (cut_up.failed is None)
    # No stranger gets in by chance, and none makes this side say much.
    assert deep or not whole.secure
    assert whole.sent <= 64 * 1024


def _told(upgrade: IUpgrade | None, pieces: list[bytes]) -> _Connection:
    assert upgrade is not None
    connection = _Connection()
    upgrade.start(connection)
    for piece in pieces:
        if connection.failed is None:
            upgrade.rawReceived(piece)
    upgrade.stop()
    return connection


def _check_following(stream: bytes, pieces: list[bytes]) -> None:
    mode = Mode.SINGLETON if len(stream) % 2 else Mode.DUPLEX
    for upgrade in (SSL_TLS_UPGRADE, NEGOTIATE_UPGRADE, None):
        found = read_preamble(preamble(VIA, mode, upgrade=upgrade), Stage.ANSWER)
        assert isinstance(found, Preamble)
        assert _followed(found, [stream]) == _followed(found, pieces)


def _followed(found: Preamble, pieces: list[bytes]) -> tuple[int, object]:
    """How many bytes belong to the session, and how it ended."""
    follower, kept, passed = ClientFollower(found), b"", 0
    for piece in pieces:
        kept += piece
        try:
            count = follower.follow(kept)
        except Unfollowable:
            return -1, None
        assert 0 <= count <= len(kept)
        passed, kept = passed + count, kept[count:]
        if follower.ended:
            break
        assert len(kept) < 8, "more is kept than a header has"
    return passed, follower.state


# ---- what is attacked


@cache
def _certificate() -> tuple[PemCertificate, Path]:
    folder = Path(tempfile.mkdtemp(prefix="netshare-fuzz"))
    authority = Authority(folder)
    return authority.issue("service", "host").pem, authority.roots


@cache
def _tls_acceptor() -> TlsAcceptor:
    return TlsAcceptor(_certificate()[0])


@cache
def _tls_context() -> TlsClientContext:
    return TlsClientContext(service=CertificateValidation(roots=_certificate()[1]))


@cache
def _users() -> str:
    path = Path(tempfile.mkdtemp(prefix="netshare-fuzz")) / "users"
    path.write_text("DOM:ann:secret\n")
    return str(path)


def _tls_service() -> IUpgrade | None:
    return _tls_acceptor().upgradeFor(SSL_TLS_UPGRADE)


def _tls_client() -> IUpgrade | None:
    return TlsInitiator(_tls_context(), "host").upgrade()


def _windows_service() -> IUpgrade | None:
    return NegotiateAcceptor(_with_users).upgradeFor(NEGOTIATE_UPGRADE)


def _with_users(function: Callable[..., Any], *arguments: Any) -> Any:
    with patch.dict(os.environ, NTLM_USER_FILE=_users(), KRB5_CONFIG="/dev/null"):
        return maybeDeferred(function, *arguments)


def _believing(initiates: bool) -> IUpgrade:
    return NegotiateUpgrade(
        _Context,
        maybeDeferred,
        ProtectionLevel.ENCRYPT_AND_SIGN,
        True,
        "get a ticket" if initiates else None,
    )


#: What makes each, and whether it believes what anybody can make up.
_UPGRADES: tuple[tuple[Callable[[], IUpgrade | None], bool], ...] = (
    (_tls_service, False),
    (_tls_client, False),
    (_windows_service, False),
    (lambda: _believing(False), True),
    (lambda: _believing(True), True),
)


def upgrades_seeds() -> Iterator[bytes]:
    """What real peers sent inside an upgrade, and frames that the believing context takes."""
    for cut in (0, 4, 255):
        for side, kinds in (("c", (0, 5)), ("s", (1,))):
            for stream in _recorded_tls(side):
                for kind in kinds:
                    yield bytes((kind, cut)) + stream
        windows = json.loads((VECTORS / "wcf_session_negotiate_ntlm.json").read_text("utf-8"))
        asked = bytes.fromhex(windows["c2s"])
        stream = asked[asked.index(b"\x16\x01\x00") :]
        for kind in (2, 3, 5):
            yield bytes((kind, cut)) + stream
        frames = bytes.fromhex("1601000002") + GENUINE + bytes.fromhex("1401000002") + GENUINE
        messages = bytes.fromhex("07000000") + GENUINE + b"hello"
        yield bytes((3, cut)) + frames + messages * 3
        yield bytes((4, cut)) + frames + messages * 3


def _recorded_tls(side: str) -> Iterator[bytes]:
    recording = json.loads((VECTORS / "dotnet" / "tls.json").read_text("utf-8"))
    for connection in recording["connections"]:
        data = b"".join(
            bytes.fromhex(step[1])
            for step in connection["steps"]
            if len(step) == 2 and step[0] == side
        )
        yield data[data.index(b"\x16\x03") :]
