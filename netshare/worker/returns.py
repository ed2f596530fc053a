"""
Connections that are to go back to a service that is not there just now.

Their clients have sent another preamble and wait for an answer. A service that is being restarted
is back in a moment: until then they are kept here, and none of them notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netshare.sockets.descriptors import room_for
from netshare.sockets.held import HeldSocket
from netshare.timing import Timeouts

#: Seconds that a connection is kept.
KEEP_FOR = 5.0

#: How many are kept at most.
MOST = 1000


class ReturnWay(Protocol):
    """The way back to the service."""

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """
        Return a connection to the service.

        :param held: it belongs to this object now
        :param readData: what was read of it and is to be read again
        :param peer: the client's address as text; empty: as the socket says
        :returns: fires when the service has it; fails if it does not take it
        """


@dataclass(eq=False, slots=True)
class _Kept:
    held: HeldSocket
    readData: bytes
    peer: str
    done: Deferred[None]


class Returns:
    """
    Those of one process.

    :ivar way: over which they go; None: there is none
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.way: ReturnWay | None = None
        self._kept: dict[_Kept, None] = {}
        self._timeouts: Timeouts[_Kept] = Timeouts(clock, KEEP_FOR, self._expired)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """See :meth:`ReturnWay.giveBack`; while there is no way it is kept for a while."""
        if self.way is not None:
            return self.way.giveBack(held, readData, peer)
        if len(self._kept) >= MOST or not room_for(1):
            held.close()
            return fail(Failure(ConnectionClosed("the service is not there")))
        one = _Kept(held, readData, peer, Deferred())
        self._kept[one] = None
        self._timeouts.add(one)
        return one.done

    def begin(self, way: ReturnWay) -> None:
        """There is a way: what was kept goes, in the order in which it came."""
        self.way = way
        kept, self._kept = self._kept, {}
        self._timeouts.clear()
        for one in kept:
            way.giveBack(one.held, one.readData, one.peer).chainDeferred(one.done)

    def close(self) -> None:
        """There will be no way any more: close what is kept."""
        self.way = None
        self._timeouts.clear()
        for one in list(self._kept):
            self._expired(one)

    def _expired(self, one: _Kept) -> None:
        del self._kept[one]
        one.held.close()
        one.done.errback(Failure(ConnectionClosed("the service has not come back")))
