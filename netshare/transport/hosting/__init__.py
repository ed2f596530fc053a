"""
Services: a class, its endpoints, and everything between them and the sockets.

A ``ServiceHost`` listens, on ports of its process or behind the machine's shared port. A client's
session is a ``ServedSession``, a streamed call a ``ServedCall``; the ``Dispatcher`` brings each
request to its operation and its instance, and the answer goes back the same way.
"""

from netshare.transport.hosting.host import ServiceHost
from netshare.transport.hosting.ownport import AddressInUseError

__all__ = ["AddressInUseError", "ServiceHost"]
