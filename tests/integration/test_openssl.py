"""
``application/ssl-tls`` with ``openssl s_client``, which offers versions and ciphers that no client
of WCF would.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from trustme import KeyType
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from netshare.transport import ServiceCredentials, SslProtocols
from tests.helpers.certificates import Authority
from tests.helpers.upgrading import UpgradeFront
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.integration.test_tls import NONE, Securing

#: OpenSSL's own rules would keep it from offering what is refused here.
WEAK = "@SECLEVEL=0"


@dataclass(frozen=True)
class Answer:
    """
    How a handshake ended.

    :param text: what s_client says
    :param logged: what the service says at *info* and above
    """

    text: str
    logged: tuple[str, ...]

    @property
    def agreed(self) -> tuple[str, ...]:
        """The version and the cipher; nothing after a refusal."""
        pattern = r"^(?:Protocol version|Ciphersuite): (\S+)$"
        return tuple(re.findall(pattern, self.text, re.MULTILINE))


class Asking:
    """
    Asks a service for handshakes.

    :param front: in front of it
    :param roots: the authority that it has its certificate of
    """

    def __init__(self, front: UpgradeFront, roots: Path) -> None:
        self.front = front
        self.roots = roots

    async def handshake(self, *options: str) -> Answer:
        """One handshake, with options of s_client."""
        logged: list[str] = []

        def observe(event: LogEvent) -> None:
            if event["log_level"] >= LogLevel.info and "upgrade" in formatEvent(event):
                logged.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        try:
            done = await deferToThread(self._run, options)
            # Its alert may be here before the service has said why.
            for _ in range(0 if done.returncode == 0 else 100):
                if logged:
                    break
                await deferLater(self.front.reactor, 0.02)
        finally:
            globalLogPublisher.removeObserver(observe)
        return Answer(done.stdout + done.stderr, tuple(logged))

    def _run(self, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
        where = f"127.0.0.1:{self.front.port}"
        return subprocess.run(
            [
                "openssl",
                "s_client",
                "-brief",
                "-CAfile",
                str(self.roots),
                "-connect",
                where,
                *options,
            ],
            input="",
            capture_output=True,
            text=True,
            timeout=30,
        )


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    pool: Any = reactor.getThreadPool()  # type: ignore[attr-defined]
    await deferToThread(int)
    assert pool.started
    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


async def asking(hosting: Hosting, folder: Path, key: KeyType, **options: Any) -> Asking:
    """A service whose certificate has that kind of key."""
    authority = Authority(folder, f"of-{key.name}")
    issued = authority.issue(f"service-{key.name}", "127.0.0.1", key_type=key)
    credentials = ServiceCredentials(certificate=issued.pem)
    secured = Securing(folder).options(NONE, **options) | {"credentials": credentials}
    address = await hosting.serve("IBasic", **secured)
    return Asking(UpgradeFront(hosting.reactor, address, hosting.port), authority.roots)


KEYS = [KeyType.RSA, KeyType.ECDSA]


@pytest.mark.parametrize("key", KEYS)
async def test_versions(hosting: Hosting, tmp_path: Path, key: KeyType) -> None:
    """TLS 1.2 and 1.3 with a certificate that is verified; what is older is refused, and logged."""
    ask = await asking(hosting, tmp_path, key)
    for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        answer = await ask.handshake(option, "-verify_return_error", "-verify_ip", "127.0.0.1")
        assert answer.agreed[0] == version, answer.text
        assert "Verification: OK" in answer.text
        assert answer.logged == ()
    for option in ("-tls1_1", "-tls1"):
        answer = await ask.handshake(option, "-cipher", f"ALL:{WEAK}")
        assert answer.agreed == ()
        assert "alert protocol version" in answer.text
        (line,) = answer.logged
        assert line.endswith("the upgrade failed: TLS: unsupported protocol")
    await ask.front.stop()


@pytest.mark.parametrize(
    ("chosen", "taken", "refused"),
    [
        (SslProtocols.TLS12, "-tls1_2", "-tls1_3"),
        (SslProtocols.TLS13, "-tls1_3", "-tls1_2"),
    ],
)
async def test_chosen_versions(
    hosting: Hosting, tmp_path: Path, chosen: SslProtocols, taken: str, refused: str
) -> None:
    """A service that takes one version refuses the other."""
    ask = await asking(hosting, tmp_path, KeyType.ECDSA, ssl_protocols=chosen)
    assert (await ask.handshake(taken)).agreed
    answer = await ask.handshake(refused)
    assert answer.agreed == ()
    assert "alert protocol version" in answer.text
    assert len(answer.logged) == 1
    await ask.front.stop()


#: Ciphers of TLS 1.2 in OpenSSL's words: without encryption, without a certificate, with a key that
#: was agreed on before, without forward secrecy, and out of use.
WEAK_CIPHERS = ("eNULL", "aNULL", "PSK", "kRSA", "CAMELLIA", "ARIA", "AESCCM")


@pytest.mark.parametrize("key", KEYS)
async def test_ciphers(hosting: Hosting, tmp_path: Path, key: KeyType) -> None:
    """Those with forward secrecy and authenticated encryption are taken, weak ones are not."""
    ask = await asking(hosting, tmp_path, key)
    for cipher in ("ECDHE+AESGCM", "ECDHE+CHACHA20"):
        answer = await ask.handshake("-tls1_2", "-cipher", cipher)
        assert answer.agreed[:1] == ("TLSv1.2",), (cipher, answer.text)
        assert f"ECDHE-{key.name}" in answer.agreed[1]
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
        answer = await ask.handshake("-tls1_3", "-ciphersuites", suite)
        assert answer.agreed == ("TLSv1.3", suite)
    for cipher in WEAK_CIPHERS:
        answer = await ask.handshake("-tls1_2", "-cipher", f"{cipher}:{WEAK}")
        assert answer.agreed == (), (cipher, answer.text)
        (line,) = answer.logged
        assert "the upgrade failed: TLS: " in line, cipher
    await ask.front.stop()
