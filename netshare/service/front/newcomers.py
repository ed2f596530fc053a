"""
Connections that were accepted and have said nothing yet.

To wait for their first bytes costs more than to accept them, and when there are too many another
one has to make room, which costs more still. Clients that come behind them and have something to
say are not to wait for all that: when many came at once it is done for some of them at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from netshare.logger import Logger
from netshare.service.front.undecided import Begun
from netshare.sockets.held import HeldSocket

#: How many are dealt with in one turn of the reactor; of many more than that every eighth.
SOME, PART = 8, 8


class Newcomers:
    """
    Those of one port, or of several.

    :param begin: waits for the first bytes of one
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, begin: Callable[[HeldSocket, Begun], None]) -> None:
        self._clock = clock
        self._begin = begin
        self._waiting: deque[tuple[HeldSocket, Begun]] = deque()
        #: Whether some are dealt with in the reactor's next turn.
        self._goesOn = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, held: HeldSocket, begun: Begun) -> None:
        """
        One more; :meth:`dealWithSome` has to follow.
        """
        self._waiting.append((held, begun))

    def dealWithSome(self) -> None:
        """Begin with some, unless others are under way; the rest follows by itself."""
        if not self._goesOn:
            self._some()

    def dealWithAll(self) -> None:
        """Begin with all of them now."""
        while self._waiting:
            self._one()

    def _some(self) -> None:
        self._goesOn = False
        for _ in range(min(max(SOME, len(self._waiting) // PART), len(self._waiting))):
            self._one()
        if self._waiting:
            self._goesOn = True
            self._clock.callLater(0, self._some)

    def _one(self) -> None:
        held, begun = self._waiting.popleft()
        try:
            self._begin(held, begun)
        except Exception:
            self.log.failure("the connection of {peer} could not be read", peer=begun.peer)
            held.close()
