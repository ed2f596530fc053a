"""
Limits and timeouts of channels, with WCF's names and defaults.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from netshare.framing.records import Mode
from netshare.framing.session import MAX_RECEIVED_MESSAGE_SIZE
from netshare.transport.channels.upgrades import IUpgradeAcceptor


def default_max_pending_connections() -> int:
    """WCF's MaxPendingConnections: 12 for each processor."""
    return 12 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """
    Times are seconds, or None for no limit; sizes are bytes.

    :raises ValueError: a value is not positive
    """

    #: Client: for connecting, the preamble and its answer, retries included.
    open_timeout: float | None = 60.0
    #: For the other side to take what was sent.
    send_timeout: float | None = 60.0
    #: Between two messages of the other side, while this one is willing to receive.
    receive_timeout: float | None = 600.0
    #: For the other side's End after ours, and for a refused client to close.
    close_timeout: float | None = 60.0
    #: Server: for a whole preamble, upgrades included.
    channel_initialization_timeout: float | None = 30.0
    #: Server: for a socket whose last session is over to begin another.
    idle_timeout: float | None = 120.0
    #: The largest message to receive.
    max_received_message_size: int = MAX_RECEIVED_MESSAGE_SIZE
    #: The largest message to hold in memory, so a second limit where messages are not streamed;
    #: None: the same.
    max_buffer_size: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value <= 0:
                raise ValueError(f"{field.name} must be more than 0, not {value!r}")

    def message_limit(self, mode: Mode) -> int:
        """The largest message to receive in this mode."""
        if mode is Mode.SINGLETON or self.max_buffer_size is None:
            return self.max_received_message_size
        return min(self.max_received_message_size, self.max_buffer_size)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """
    An acceptor's yes to a preamble.
    """

    #: None: those of the factory.
    settings: ChannelSettings | None = None
    #: Who carries out the upgrades that the client asks for; None: there are none.
    upgrades: IUpgradeAcceptor | None = None
    #: Whether a client that asks for no upgrade is dropped.
    upgrade_required: bool = False
