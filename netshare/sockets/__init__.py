"""
Descriptors between processes and reactors.

A :class:`HeldSocket` is a connected socket that belongs to no reactor, and has exactly one owner.
:func:`adopt` makes it a connection of this process's reactor. :class:`Peer` is the process at the
other end of a UNIX socket, by the kernel's word.

What depends on private names of Twisted's stands in :mod:`netshare.sockets.privatenames` and
:mod:`netshare.sockets.unixnames`.
"""

from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket, NotPassable
from netshare.sockets.names import address_from_text, address_text, socket_address_text

__all__ = [
    "ClientGone",
    "HeldSocket",
    "NotPassable",
    "Peer",
    "address_from_text",
    "address_text",
    "adopt",
    "socket_address_text",
]
