"""
Servers that know nothing of sharing: the service dials them and passes the bytes on.

Unlike a hand-over this keeps the service in the path of every byte, so it is for programs that
cannot be changed: a WCF service on Mono or CoreWCF with a private port of its own.

A server is dialled only when the client's preamble is complete or asks for an upgrade, behind
which a client waits: some servers (Mono's) serve no other while a preamble is unfinished. The
first answer decides which of several servers has the connection. And a client that asks for
another address on the same socket, as WCF's do, is routed anew.

- ``route``: the relay as a route, with its books
- ``connection``: one connection, from stage to stage
- ``servers``: where the servers are, and how they are dialled
- ``ends``: the sockets of a connection in the reactor
- ``bridge``: connections to servers that are no plain sockets
"""

from netshare.service.routing.relay.route import CONNECT_TIMEOUT, RelayRoute, RelaySettings
from netshare.service.routing.relay.servers import RelayedServer

__all__ = ["CONNECT_TIMEOUT", "RelayRoute", "RelaySettings", "RelayedServer"]
