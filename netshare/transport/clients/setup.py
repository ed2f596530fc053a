"""
What the channels of a factory have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netshare.reactors import IReactor
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.interfaces import ITracing
from netshare.transport.calls.messagelog import LinkLog, MessageLog
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.channels.upgrades import IUpgradeInitiator
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import ContractDescription
from netshare.transport.encoders import MessageEncoder
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.security.messagecredentials import ClientSecurityFor
from netshare.transport.security.transportsecurity import InitiatorFor

__all__ = ["ChannelSetup"]


@dataclass(frozen=True, slots=True)
class ChannelSetup:
    """
    What a channel to a service is made of.
    """

    contract: ContractDescription
    binding: NetTcpBinding
    #: Where it runs.
    reactor: IReactor
    #: Carries out the callback contract; None: there is none.
    callback: Any
    #: How what the user gave is called.
    caller: Caller
    encoder: MessageEncoder
    settings: ChannelSettings
    #: Of connections.
    pool: ConnectionPool
    #: What is logged of messages; None: nothing.
    message_log: MessageLog | None
    #: Follows each call; None: nothing does.
    tracing: ITracing | None
    #: Makes the upgrade to a secure stream; None: there is none.
    initiators: InitiatorFor | None
    #: Makes what secures the messages of a channel; None: nothing does.
    message_security: ClientSecurityFor | None = None

    def log_of_link(self) -> LinkLog | None:
        """:returns: the log of a new session or streamed call; None: there is none"""
        return None if self.message_log is None else LinkLog(self.message_log, self.reactor)

    def upgrade(
        self, address: str, via: str, identity: EndpointIdentity | None
    ) -> IUpgradeInitiator | None:
        """
        :param address: of the endpoint
        :param via: where to connect
        :param identity: what the service there has to be; None: the host of the address
        """
        return None if self.initiators is None else self.initiators(address, via, identity)
