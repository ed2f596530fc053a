"""
The WCF TCP transport: services and clients that speak net.tcp, behind a shared port or not.

::

    from netshare.transport import (
        NetTcpBinding, NetTcpClient, SecurityMode, ServiceHost, operation, service_contract,
    )

What is listed here is what programs are written with; the modules have the rest. A name is
imported when it is first used, so that a client does not load the service's side.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netshare.transport import aio as aio
    from netshare.transport.behavior import AddressFilterMode as AddressFilterMode
    from netshare.transport.behavior import ConcurrencyMode as ConcurrencyMode
    from netshare.transport.behavior import InstanceContextMode as InstanceContextMode
    from netshare.transport.behavior import ServiceBehavior as ServiceBehavior
    from netshare.transport.behavior import ServiceThrottle as ServiceThrottle
    from netshare.transport.behavior import service_behavior as service_behavior
    from netshare.transport.binding import BinaryEncoding as BinaryEncoding
    from netshare.transport.binding import Compression as Compression
    from netshare.transport.binding import NetTcpBinding as NetTcpBinding
    from netshare.transport.binding import SecurityMode as SecurityMode
    from netshare.transport.binding import TextEncoding as TextEncoding
    from netshare.transport.binding import TransferMode as TransferMode
    from netshare.transport.blocking import NetTcpClient as NetTcpClient
    from netshare.transport.channelfactory import ChannelFactory as ChannelFactory
    from netshare.transport.context import OperationContext as OperationContext
    from netshare.transport.contracts import SessionMode as SessionMode
    from netshare.transport.contracts import body as body
    from netshare.transport.contracts import fault as fault
    from netshare.transport.contracts import header as header
    from netshare.transport.contracts import message_contract as message_contract
    from netshare.transport.contracts import operation as operation
    from netshare.transport.contracts import service_contract as service_contract
    from netshare.transport.datacontracts import data_contract as data_contract
    from netshare.transport.datacontracts import member as member
    from netshare.transport.faulterror import FaultError as FaultError
    from netshare.transport.host import ServiceHost as ServiceHost
    from netshare.transport.messages import Message as Message
    from netshare.transport.messages import MessageHeader as MessageHeader
    from netshare.transport.soapfaults import FaultCode as FaultCode
    from netshare.transport.streams import Stream as Stream
    from netshare.transport.streams import StreamSource as StreamSource

_HOMES = {
    "behavior": (
        "AddressFilterMode",
        "ConcurrencyMode",
        "InstanceContextMode",
        "ServiceBehavior",
        "ServiceThrottle",
        "service_behavior",
    ),
    "binding": (
        "BinaryEncoding",
        "Compression",
        "NetTcpBinding",
        "SecurityMode",
        "TextEncoding",
        "TransferMode",
    ),
    "blocking": ("NetTcpClient",),
    "channelfactory": ("ChannelFactory",),
    "context": ("OperationContext",),
    "contracts": (
        "SessionMode",
        "body",
        "fault",
        "header",
        "message_contract",
        "operation",
        "service_contract",
    ),
    "datacontracts": ("data_contract", "member"),
    "faulterror": ("FaultError",),
    "host": ("ServiceHost",),
    "messages": ("Message", "MessageHeader"),
    "soapfaults": ("FaultCode",),
    "streams": ("Stream", "StreamSource"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "aio"]


def __getattr__(name: str) -> Any:
    if name == "aio":
        return importlib.import_module("netshare.transport.aio")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"netshare.transport has no {name}")
    return getattr(importlib.import_module(f"netshare.transport.{home}"), name)


def __dir__() -> list[str]:
    return __all__
