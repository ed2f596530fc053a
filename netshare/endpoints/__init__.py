"""
Twisted endpoints made of a framing preamble.

:class:`NetTcpClientEndpoint` (``nettcp:``) asks for an address in a preamble, and connects a
Factory behind the server's answer. :class:`ConsumingFactory` is the other half: it reads and
answers the preamble for any Factory. With both, any protocol travels over a shared port.
"""

from netshare.endpoints.address import SharedPortAddress
from netshare.endpoints.client import NetTcpClientEndpoint, PreambleRefused
from netshare.endpoints.preamble import ConsumingFactory, PreambleUse

__all__ = [
    "ConsumingFactory",
    "NetTcpClientEndpoint",
    "PreambleRefused",
    "PreambleUse",
    "SharedPortAddress",
]
