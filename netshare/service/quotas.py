"""
How much the service takes on at once, and what it does at the limit.

A connection that is not accepted waits in the kernel's queue and loses nothing; one that is
accepted and dropped has lost its caller's time. So where bytes or descriptors run out the listening
ports pause. But what says nothing must not stop the others: of too many undecided connections the
oldest one goes, of the client that has the most. And what a single client, or a single worker,
takes too much of is refused (ServerTooBusy).
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, field

from netshare.logger import Logger
from netshare.reactors import PausablePort
from netshare.sockets.listening import WCF_CLIENT_SEGMENT


@dataclass(frozen=True, slots=True)
class Quotas:
    """
    The knobs. The first four are the original's (SMSvcHost.exe.config), times are in seconds.
    """

    #: How many connections the kernel queues for a listening port before it lets clients wait.
    listenBacklog: int = 4096
    #: How many accepted connections may be undecided (their via not read yet) at once; for one more
    #: the oldest one of the client that has the most of them goes. Never more than half of the
    #: descriptors.
    maxPendingConnections: int = 16_384
    #: How many connections are accepted in one go before others get their turn.
    maxPendingAccepts: int = 64
    #: How long a client may take for its preamble; None for ever.
    receiveTimeout: float | None = 30.0
    #: How long it may take for its first byte; None for as long as for all of it.
    firstByteTimeout: float | None = 5.0
    #: How many undecided connections one client may have (an IPv4 address, or the /64 of an IPv6
    #: address); more get ServerTooBusy. All clients behind one NAT are one client.
    maxPendingPerPeer: int = 4096
    #: How many bytes all undecided connections together may have sent.
    maxPendingBytes: int = 16 * 1024 * 1024
    #: How long a worker may take to answer for a connection, and a connection to wait for one.
    dispatchTimeout: float = 10.0
    #: How long a worker may owe an answer when it is asked how it is, before it is given no more
    #: connections.
    pingTimeout: float | None = 5.0
    #: How many connections may be under way to one worker.
    maxOutstandingPerWorker: int = 256
    #: How many connections may wait for the workers of one address; more get ServerTooBusy.
    maxWaitingPerAddress: int = 4096
    #: How long connections wait, after the service has started, for a worker whose address was
    #: registered before or is reserved.
    expectAfterStart: float = 5.0
    #: How long connections wait for a worker whose link was lost, to come back or be replaced.
    expectAfterLoss: float = 1.0
    #: How long, after the service has started, connections wait for an address that it does not
    #: know.
    graceAtStart: float = 0.5
    #: How long a refused client may take to read its fault and close.
    closeTimeout: float = 10.0
    #: How long a service that was taken over goes on for the connections that are relayed by it, or
    #: being refused.
    drainTimeout: float = 300.0
    #: The largest TCP segment of accepted connections, in bytes; 0 leaves it to the system.
    #: Larger ones do not go with the receive buffers of WCF clients on the same machine.
    maxSegmentSize: int = field(default=WCF_CLIENT_SEGMENT, metadata={"least": 0})
    #: How many addresses may be registered in all.
    maxRegistrations: int = 250_000
    #: How many addresses one user may register; root and the service's own user may all.
    maxRegistrationsPerUser: int = 10_000


class Admission:
    """
    Counts what is undecided and which descriptors are held, and pauses the ports at a limit.
    """

    log = Logger()

    def __init__(self, quotas: Quotas, descriptorLimit: int | None = None) -> None:
        self.quotas = quotas
        self.descriptorLimit = descriptorLimit or descriptor_limit()
        self.pending = 0
        self.pendingBytes = 0
        self.descriptors = 0
        #: Control links: each has a descriptor, and most a lane that has one more.
        self.links = 0
        #: How many were cut, since their other ends did not keep to the rules.
        self.linksCut = 0
        self.paused = False
        self.pauses = 0
        self._ports: list[PausablePort] = []
        #: Who wants a short pause, though no limit is reached.
        self._busy: set[object] = set()

    def addPort(self, port: PausablePort) -> None:
        """Control this listening port too."""
        self._ports.append(port)
        if self.paused:
            port.pauseProducing()

    def removePort(self, port: PausablePort) -> None:
        """Forget a port that no longer listens."""
        if port in self._ports:
            self._ports.remove(port)

    @property
    def room(self) -> int:
        """
        How many connections may be accepted in one go now.
        """
        return min(
            self.quotas.maxPendingAccepts, self.descriptorLimit - self.descriptors - 2 * self.links
        )

    @property
    def crowded(self) -> bool:
        """
        Whether one has to go before one more may be undecided.
        """
        limit = min(self.quotas.maxPendingConnections, max(1, self.descriptorLimit // 2))
        return self.pending >= limit

    def enter(self) -> None:
        """A connection was accepted; it is undecided and holds a descriptor."""
        self.pending += 1
        self.descriptors += 1
        self._adjust()

    def received(self, count: int) -> None:
        """An undecided connection sent this many bytes more."""
        self.pendingBytes += count
        self._adjust()

    def decided(self, count: int) -> None:
        """
        An undecided connection is decided, or gone; its ``count`` bytes are no longer pending.
        """
        self.pending -= 1
        self.pendingBytes -= count
        self._adjust()

    def linkOpened(self) -> None:
        """There is one control link more."""
        self.links += 1
        self._adjust()

    def linkClosed(self) -> None:
        """There is one control link less."""
        self.links -= 1
        self._adjust()

    def hold(self, count: int = 1) -> None:
        """So many descriptors more are in use."""
        self.descriptors += count
        if self.descriptors + 2 * self.links >= self.descriptorLimit:
            self._adjust()

    def release(self, count: int = 1) -> None:
        """So many descriptors were closed."""
        self.descriptors -= count
        if self.paused:
            self._adjust()

    def pause(self, source: object) -> None:
        """
        Accept nothing until :meth:`resume` is said for the same source.
        """
        self._busy.add(source)
        self._adjust()

    def resume(self, source: object) -> None:
        """See :meth:`pause`."""
        self._busy.discard(source)
        self._adjust()

    def _adjust(self) -> None:
        full = (
            bool(self._busy)
            or self.pendingBytes >= self.quotas.maxPendingBytes
            or self.descriptors + 2 * self.links >= self.descriptorLimit
        )
        if full == self.paused:
            return
        self.paused = full
        if full and not self._busy:
            self.pauses += 1
            self.log.warn(
                "accepting no connections for now: {pending} undecided ones have sent {bytes} "
                "bytes (limit {maxBytes}), {descriptors} descriptors held (limit "
                "{descriptorLimit})",
                pending=self.pending,
                bytes=self.pendingBytes,
                maxBytes=self.quotas.maxPendingBytes,
                descriptors=self.descriptors,
                descriptorLimit=self.descriptorLimit,
            )
        for port in self._ports:
            if full:
                port.pauseProducing()
            else:
                port.resumeProducing()


#: Descriptors left for logs, control connections, spawned workers and Twisted's own.
SPARE_DESCRIPTORS = 64


def descriptor_limit() -> int:
    """
    How many connections' descriptors this process may hold and still have some to spare.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft - len(os.listdir("/proc/self/fd")) - SPARE_DESCRIPTORS)
