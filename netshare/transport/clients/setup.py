"""
What the channels of a factory have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netshare.transport.calls.callers import Caller
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import ContractDescription
from netshare.transport.encoders import MessageEncoder

__all__ = ["ChannelSetup"]


@dataclass(frozen=True, slots=True)
class ChannelSetup:
    """
    What a channel to a service is made of.
    """

    contract: ContractDescription
    binding: NetTcpBinding
    #: Where it runs.
    reactor: Any
    #: Carries out the callback contract; None: there is none.
    callback: Any
    #: How what the user gave is called.
    caller: Caller
    encoder: MessageEncoder
    settings: ChannelSettings
    #: Of connections.
    pool: ConnectionPool
