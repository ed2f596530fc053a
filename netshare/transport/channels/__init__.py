"""
Framing sessions as their users see them: channels, on connections that carry one after the other.
Payloads are bytes; messages are made of them above.

- a client asks a :class:`ConnectionPool` (or, once, :func:`open_channel`) for a channel
- a server is a :class:`FramingServerFactory`, which asks an ``IChannelAcceptor`` about each
  session that a client opens
- a channel (:class:`~.interfaces.IDuplexChannel`, :class:`~.interfaces.ISingletonChannel`) tells
  its receiver what happens
- :class:`ChannelSettings` are timeouts and limits, with WCF's names and defaults
- a secure stream comes in by :mod:`.upgrades`
- :mod:`.errors` are WCF's exceptions of this layer

From above to below: ``pool`` and ``factory`` have connections; ``client`` and ``server`` are the
two roles in a ``connection``; a ``channel`` or a ``singleton`` channel is carried by one;
``inflow`` is what comes to it, ``outflow`` what leaves it.
"""

from netshare.transport.channels import errors
from netshare.transport.channels.client import FramingChannel
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.interfaces import (
    IChannel,
    IChannelAcceptor,
    IChannelReceiver,
    IDuplexChannel,
    IDuplexReceiver,
    ISingletonChannel,
    ISingletonReceiver,
)
from netshare.transport.channels.pool import ConnectionPool, open_channel
from netshare.transport.channels.settings import Acceptance, ChannelSettings
from netshare.transport.channels.upgrades import (
    IUpgrade,
    IUpgradeAcceptor,
    IUpgradeHost,
    IUpgradeInitiator,
)

__all__ = [
    "Acceptance",
    "ChannelSettings",
    "ConnectionPool",
    "FramingChannel",
    "FramingServerFactory",
    "IChannel",
    "IChannelAcceptor",
    "IChannelReceiver",
    "IDuplexChannel",
    "IDuplexReceiver",
    "ISingletonChannel",
    "ISingletonReceiver",
    "IUpgrade",
    "IUpgradeAcceptor",
    "IUpgradeHost",
    "IUpgradeInitiator",
    "errors",
    "open_channel",
]
