"""
The first seconds of a service: its workers are on their way back, and clients do not know it.

For a short time after the start an address without a route may get one: a connection for it waits
until one is there, instead of being told that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netshare.addresses import Via
from netshare.interfaces import IArrival
from netshare.reactors import IReactor
from netshare.service.quotas import Admission, Quotas
from netshare.service.records import Handed, waiting
from netshare.service.routing.tree import RoutingTree
from netshare.timing import Deadlines, Timer

#: Seconds between two looks at whether what waits has a route now.
LOOK_EVERY = 0.02

#: Takes an arrival that has waited, and whether its time is over.
Resume = Callable[[IArrival], None]


class Grace:
    """
    Arrivals that wait for a route.

    :param resume: called with each arrival that has a route now, or whose time is over
    """

    def __init__(
        self,
        reactor: IReactor,
        quotas: Quotas,
        admission: Admission,
        tree: RoutingTree,
        resume: Resume,
    ) -> None:
        self._reactor = reactor
        self._quotas = quotas
        self._admission = admission
        self._tree = tree
        self._resume = resume
        self._began: float | None = None
        self._waiting: dict[IArrival, Via] = {}
        self._deadlines: Deadlines[IArrival] = Deadlines(reactor, self._leave)
        self._timer = Timer(reactor, self._look)
        self._generation = tree.generation

    def begin(self) -> None:
        """
        The service starts now.
        """
        self._began = self._reactor.seconds()

    def wait(self, arrival: IArrival, via: Via, reserved: bool) -> bool:
        """
        :param reserved: the address lies in a reservation: it is known, and waits for longer
        :returns: whether the arrival waits now; if not, it has to be told that there is no route
        """
        if self._began is None:
            return False
        quotas, admission = self._quotas, self._admission
        seconds = quotas.expectAfterStart if reserved else quotas.graceAtStart
        remaining = self._began + seconds - self._reactor.seconds()
        if (
            remaining <= 0
            or len(self._waiting) >= quotas.maxWaitingPerAddress
            or admission.descriptors > admission.descriptorLimit // 2
        ):
            return False
        if not self._waiting:
            self._generation = self._tree.generation
            self._timer.start(LOOK_EVERY)
        self._waiting[arrival] = via
        self._deadlines.add(arrival, remaining)
        return True

    def handed_over(self) -> Iterator[Handed]:
        """
        What waits here, for another process.
        """
        left = self._deadlines.remaining()
        for arrival in self._waiting:
            yield waiting(arrival, left.get(arrival))

    def letGo(self) -> None:
        """
        Another process has what was handed over.
        """
        self._began = None
        self._timer.stop()
        self._deadlines.clear()
        waiting, self._waiting = self._waiting, {}
        for arrival in waiting:
            arrival.leave()

    def stop(self) -> None:
        """
        Nothing waits any longer, and nothing new does.
        """
        self._began = None
        self._timer.stop()
        for arrival in list(self._waiting):
            self._leave(arrival)

    def _look(self) -> None:
        if self._generation != self._tree.generation:
            self._generation = self._tree.generation
            for arrival, via in list(self._waiting.items()):
                if self._tree.find(via) is not None:
                    self._leave(arrival)
        if self._waiting:
            self._timer.start(LOOK_EVERY)

    def _leave(self, arrival: IArrival) -> None:
        if self._waiting.pop(arrival, None) is not None:
            self._deadlines.discard(arrival)
            if not self._waiting:
                self._timer.stop()
            self._resume(arrival)
