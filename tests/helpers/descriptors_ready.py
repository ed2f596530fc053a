"""
A reactor in memory that also tells descriptors what their sockets have.
"""

from __future__ import annotations

import select

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from netshare.testing import AdoptingReactor

#: Seconds to look for bytes that the kernel may still be carrying from one socket to the other.
_IN_FLIGHT = 0.002


class TellingReactor(AdoptingReactor):
    """
    An ``AdoptingReactor`` that reads and writes what was added to it, when it is ready.
    """

    def settle(self) -> None:
        super().settle()
        while self._tell():
            super().settle()

    def close(self) -> None:
        """End, as a reactor does: what is still in it is told."""
        for one in [*self.readers, *self.writers]:
            one.connectionLost(Failure(ConnectionDone()))
        super().close()

    def _tell(self) -> bool:
        """:returns: whether there was something to read or to write"""
        readable, writable, _ = select.select(self.readers, self.writers, [], _IN_FLIGHT)
        for one in readable:
            if one in self.readers:
                one.doRead()
        for one in writable:
            if one in self.writers:
                one.doWrite()
        return bool(readable or writable)
