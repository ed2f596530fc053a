"""Services' upgrades in memory, for what only looks at them."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from netshare.transport.channels.upgrades import IUpgrade, IUpgradeHost


@implementer(IUpgradeHost)
class UpgradeInMemory:
    """
    The service's side of an upgrade; what it says is fetched.

    :param upgrade: of an acceptor's
    """

    def __init__(self, upgrade: IUpgrade | None) -> None:
        assert upgrade is not None
        self.upgrade = upgrade
        self.said = b""
        self.failed = ""
        self.upgraded_with: list[object] = []
        upgrade.start(self)

    def writeRaw(self, data: bytes) -> None:
        self.said += data

    def upgraded(self, security: object) -> None:
        self.upgraded_with.append(security)

    def plainReceived(self, data: bytes) -> None:
        raise AssertionError(data)

    def upgradeFailed(self, reason: str) -> None:
        self.failed = reason

    def answer(self, data: bytes) -> bytes:
        """What it says to some bytes."""
        self.upgrade.rawReceived(data)
        said, self.said = self.said, b""
        return said


def shake(handshake: Any, upgrade: IUpgrade | None) -> UpgradeInMemory:
    """Let a handshake of a probe's look at an upgrade, byte by byte in one direction."""
    service = UpgradeInMemory(upgrade)
    data = handshake.start()
    while data and not handshake.done:
        answer = service.answer(data)
        data = b"".join(handshake.feed(answer[at : at + 1]) for at in range(len(answer)))
    if not handshake.done:
        handshake.ended("the server closes the connection")
    return service
