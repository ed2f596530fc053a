"""
A fast lane that goes from one service process to the next.

A connection that was sent is in the kernel's message and closed here, so both ends of the lane and
a note of each that the worker has not answered for are all that goes along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from netshare.control.lanes import LaneForm
from netshare.interfaces import IErrand
from netshare.service.records import Handed, LaneState, SentRecord, waiting
from netshare.service.workers.lanes import Lane
from netshare.service.workers.pipe import Pipe
from netshare.service.workers.unread import Unread


class PassableLane(Lane):
    """
    What a fast lane has for that.
    """

    _form: LaneForm
    _queued: deque[IErrand | bytes]
    _unanswered: deque[IErrand]
    _refusing: bool
    _changed: dict[bytes, None]
    _watch: Any
    _pipe: Pipe
    _unread: Unread
    _wasLetGo = False

    @property
    def settled(self) -> bool:
        return True

    def state_for(self) -> LaneState:
        """
        The lane, for another process.
        """
        told = [one for one in self._queued if isinstance(one, bytes)]
        changed = tuple(one.decode("utf-8") for one in (*told, *self._changed))
        return LaneState(
            self._form.value, self._limit, self._window, self.stuck, self._refusing, changed
        )

    def ends(self) -> tuple[int, int]:
        """The descriptors of our end and the worker's."""
        return self._pipe.fileno(), self._unread.fileno()

    def sent(self) -> Iterator[Handed]:
        """
        Notes of the connections that the worker has not answered for, the oldest first.
        """
        for errand in self._unanswered:
            one = errand.arrival
            yield Handed(
                SentRecord(
                    str(errand.address), one.via, one.readData, one.peer, one.local, one.named,
                    errand.over,
                )
            )  # fmt: skip

    def goOn(self, state: LaneState, errands: Sequence[IErrand]) -> None:
        """
        Go on where another process was.

        :param errands: what the worker has not answered for
        """
        self._window = state.window
        self.stuck = state.stuck
        self._refusing = state.refusing
        self._changed = {one.encode("utf-8"): None for one in state.changed}
        for errand in errands:
            self.begin(errand)
            if errand.over:
                self._deadlines.discard(errand)
            self._unanswered.append(errand)
        if state.window == 0:
            self.rest()
        if self.stuck:
            self.watch()
        self.flush()

    def flush(self) -> None:
        """See :meth:`FastLane.flush <netshare.service.workers.fastlane.FastLane.flush>`."""
        raise NotImplementedError

    def watch(self) -> None:
        """Look again and again whether the worker reads again."""
        raise NotImplementedError

    def handed_over(self) -> Iterator[Handed]:
        for errand in self._queued:
            if not isinstance(errand, bytes):
                yield waiting(errand.arrival, None)

    def letGo(self) -> None:
        self._wasLetGo = True
        super().stop()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        queued, self._queued = self._queued, deque()
        for errand in queued:
            if not isinstance(errand, bytes):
                errand.arrival.leave()
        self._pipe.close()
        self._unread.close()
        for errand in self._unanswered:
            if not errand.over:
                errand.arrival.leave()
        self._unanswered.clear()
        self.end(self.outstanding)
