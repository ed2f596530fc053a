"""
Clients: a contract called at an address.

``ChannelFactory`` makes channels in a Twisted program; a channel is one session, or where messages
are streamed a session for each call. ``NetTcpClient`` is the same for plain programs, and
:mod:`netshare.transport.clients.aio` for asyncio's: their calls are carried to a reactor in a
thread of its own, and results back.
"""

from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.clients import aio
from netshare.transport.clients.blocking import NetTcpClient
from netshare.transport.clients.channel import ServiceChannel
from netshare.transport.clients.channelfactory import ChannelFactory

__all__ = ["ChannelFactory", "CommunicationState", "NetTcpClient", "ServiceChannel", "aio"]
