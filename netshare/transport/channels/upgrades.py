"""
The seam to secure streams ([MC-NMF] 2.2.3.5): between the preamble and its end a client may ask
for an upgrade, and everything up to both End records then goes through that.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface

__all__ = ["IUpgrade", "IUpgradeAcceptor", "IUpgradeHost", "IUpgradeInitiator"]


class IUpgradeHost(Interface):
    """
    The connection, as an upgrade sees it.
    """

    def writeRaw(data: bytes) -> None:
        """Write bytes to the socket."""

    def upgraded(security: object) -> None:
        """
        The secure stream is there; messages may go through it.

        :param security: what users of the channel may know, such as who the other side is
        """

    def plainReceived(data: bytes) -> None:
        """Bytes have come out of the secure stream."""

    def upgradeFailed(reason: str) -> None:
        """
        The connection cannot go on. What the other side is to be told was written already.

        :param reason: one clause
        """


class IUpgrade(Interface):
    """
    One secure stream on one connection: a filter between the socket and the framing. After
    both End records it is dropped, and the socket is as it was before.
    """

    def start(host: IUpgradeHost) -> None:
        """Begin."""

    def rawReceived(data: bytes) -> None:
        """Bytes have come from the socket."""

    def write(data: bytes) -> None:
        """Send bytes through the secure stream; only after ``upgraded``."""

    def stop() -> bytes:
        """
        Drop the stream, without a word to the other side, and call the host no more. It is also
        called from inside the host's methods.

        :returns: bytes from the socket that do not belong to it
        """


class IUpgradeAcceptor(Interface):
    """The upgrades that a server offers."""

    def upgradeFor(name: str) -> IUpgrade | None:
        """
        :param name: as the client wrote it, such as ``application/ssl-tls``
        :returns: a new :class:`IUpgrade`, or None when it is not offered
        """


class IUpgradeInitiator(Interface):
    """The upgrade that a client wants."""

    name = Attribute("What to ask for, such as ``application/ssl-tls``.")

    def upgrade() -> IUpgrade:
        """
        :returns: a new :class:`IUpgrade`
        """
