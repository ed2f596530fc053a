"""
Fakes for tests of programs that use netshare: no running reactor, real sockets only where a
descriptor is what a test is about. The manual's page is ``docs/testing.rst``.

For services and clients:

- :class:`MemoryService`: a service and its clients joined in memory; :class:`MemoryClient` is
  one of them
- :class:`MemoryNetwork`: the reactor under them, on which any TCP client meets any TCP server
- :func:`operation_context`: calls a service's method without a client

For workers, routes and what speaks with the sharing service:

- :class:`AdoptingReactor`: Twisted's ``MemoryReactorClock``, which can also adopt sockets
- :class:`FakeStreamTransport`: a TCP transport over one end of a :func:`tcpPair`
- :func:`linkedUNIXTransports`: two protocols, such as the AMP ends of a control connection,
  joined in memory, descriptors included
- :class:`RecordedArrival`: a connection for a route under test, which notes how it ended
- :class:`RecordingOutcomes`: a recorder of outcomes that keeps them in order

Nothing happens by itself: time passes with ``reactor.advance``, bytes and descriptors move with
:meth:`AdoptingReactor.settle`, :meth:`UNIXLink.flush` and :meth:`MemoryNetwork.settle`.
"""

from netshare.testing.network import MemoryNetwork
from netshare.testing.records import RecordedArrival, RecordingOutcomes
from netshare.testing.services import MemoryClient, MemoryService, operation_context
from netshare.testing.transports import (
    AdoptingReactor,
    FakeStreamTransport,
    FakeUNIXTransport,
    UNIXLink,
    linkedUNIXTransports,
    tcpPair,
)

__all__ = [
    "AdoptingReactor",
    "FakeStreamTransport",
    "FakeUNIXTransport",
    "MemoryClient",
    "MemoryNetwork",
    "MemoryService",
    "RecordedArrival",
    "RecordingOutcomes",
    "UNIXLink",
    "linkedUNIXTransports",
    "operation_context",
    "tcpPair",
]
