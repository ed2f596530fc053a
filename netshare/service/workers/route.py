"""
Giving connections to the workers of one address.

Mechanism and policy are apart: a lane (:class:`~netshare.interfaces.IWorkerLane`) counts what is
under way to one worker, a policy (:class:`~netshare.interfaces.IDispatchPolicy`) chooses a lane,
and :class:`WorkerRoute` queues what no lane can take now. Every worker has its own cap and its
own deadline, so that one that is stuck delays only its own clients.

A connection is sent **at most once**. It is tried again elsewhere only after an error that the
worker declared, which says that it does not have the socket; after a lost link, or silence, it
may have it, and the service only closes its own copy. What a worker is too busy for waits for it,
unless another one is free.

While no worker is up, but one is *expected* (:meth:`WorkerRoute.expect`), connections wait for it
as they wait for a busy one, instead of being refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from twisted.internet import defer
from twisted.internet.error import ConnectionClosed
from twisted.protocols import amp
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import BaseAddress
from netshare.control.commands import Busy, Gone, NotMine, WorkerFault
from netshare.interfaces import IActivation, IArrival, IDispatchPolicy, IErrand, IRoute, IWorkerLane
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.reactors import IReactor
from netshare.service.quotas import Admission, Quotas
from netshare.service.records import Handed, waiting
from netshare.service.workers.backpressure import Backpressure
from netshare.timing import Deadlines, Timer


@implementer(IDispatchPolicy)
class LeastConnections:
    """
    The worker with the fewest connections, those under way and those that it says it has; if one
    does not say, those under way decide. Of equals it is the one that has waited longest.
    """

    def choose(self, lanes: Sequence[IWorkerLane]) -> IWorkerLane:
        if any(lane.live is None for lane in lanes):
            return min(lanes, key=lambda lane: lane.outstanding)
        return min(lanes, key=lambda lane: lane.live + lane.outstanding)


@implementer(IErrand)
class Errand:
    """
    One connection under way to a worker, on behalf of a route.
    """

    __slots__ = ("_route", "arrival", "over", "tried", "until")

    def __init__(
        self, route: WorkerRoute, arrival: IArrival, tried: frozenset[IWorkerLane] = frozenset()
    ) -> None:
        self._route = route
        self.arrival = arrival
        #: Workers that have refused it for good.
        self.tried = tried
        #: When it has waited long enough, in the reactor's seconds; None: it never had to wait.
        self.until: float | None = None
        if arrival.patience is not None:
            self.until = route.now() + arrival.patience
        #: An answer that comes now is too late; all that is left of it is counting.
        self.over = False

    @property
    def address(self) -> BaseAddress:
        return self._route.address

    def handed_over(self, now: float) -> Handed:
        """
        The connection, for another process.

        :param now: the reactor's seconds
        """
        return waiting(self.arrival, None if self.until is None else max(self.until - now, 0.0))

    def adopted(self, lane: IWorkerLane) -> None:
        if not self.over:
            self.over = True
            self._route.adopted(self, lane)

    def failed(self, lane: IWorkerLane, error: Exception) -> None:
        if not self.over:
            self.over = True
            self._route.failed(self, lane, error)


@implementer(IRoute)
class WorkerRoute:
    """
    The route of an address that worker processes serve.
    """

    kind = "worker"
    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        address: BaseAddress,
        quotas: Quotas,
        policy: IDispatchPolicy | None = None,
        admission: Admission | None = None,
    ) -> None:
        self.address = address
        self.lanes: list[IWorkerLane] = []
        #: How many connections each worker has been given for this address.
        self.given: Counter[IWorkerLane] = Counter()
        self._quotas = quotas
        self._policy = policy or LeastConnections()
        #: What waits, in order of arrival: first what a busy worker did not take, then what was
        #: never sent.
        self._refused: dict[Errand, None] = {}
        self._waiting: dict[Errand, None] = {}
        #: Whether lanes are to say when they take more: only while something waits, since a lane
        #: may have many routes.
        self._listening = False
        self._reactor = reactor
        self._deadlines = Deadlines(reactor, self._waitedTooLong)
        self._backpressure = Backpressure(reactor, admission)
        self._admission = admission
        #: Until when a worker is expected.
        self._expectedUntil = 0.0
        self._expectation = Timer(reactor, self._expectedInVain)
        #: Starts a worker when none is up; None: none is started by connections.
        self.activation: IActivation | None = None
        #: Called when no worker came in the time in which one was expected.
        self.inVain: Callable[[], None] = lambda: None

    @property
    def state(self) -> str:
        """
        One word: ``ready``, ``busy``, ``stuck``, ``expected`` when no worker is up but one is
        about to come, or ``down``.
        """
        if not self.lanes:
            return "expected" if self.expected else "down"
        if any(lane.takes(self.address) for lane in self.lanes):
            return "ready"
        return "stuck" if all(lane.stuck for lane in self.lanes) else "busy"

    @property
    def waiting(self) -> int:
        """How many connections wait for a worker."""
        return len(self._waiting) + len(self._refused)

    @property
    def expected(self) -> bool:
        """Whether connections wait although no worker is up."""
        return bool(self._expectedUntil > self._reactor.seconds())

    def now(self) -> float:
        """The reactor's seconds."""
        return self._reactor.seconds()

    def handed_over(self) -> Iterator[Handed]:
        """
        What waits for a worker, for another process.
        """
        now = self._reactor.seconds()
        for errand in [*self._refused, *self._waiting]:
            yield errand.handed_over(now)

    def expectation(self) -> float:
        """For how many seconds more a worker is expected."""
        return max(self._expectedUntil - self.now(), 0.0)

    def letGo(self) -> None:
        """
        Another process has what was handed over.
        """
        for errand in [*self._refused, *self._waiting]:
            self._leave(errand)
            errand.arrival.leave()

    def expect(self, seconds: float) -> None:
        """
        A worker will come: until then, but no longer than this, connections wait for it.

        :param seconds: counted from now; an earlier and longer expectation remains
        """
        until = self._reactor.seconds() + seconds
        if seconds > 0 and until > self._expectedUntil:
            self._expectedUntil = until
            self._expectation.start(seconds)

    def addLane(self, lane: IWorkerLane) -> None:
        """A worker serves this address from now on; what waits comes with :meth:`pump`."""
        self.lanes.append(lane)
        if self._listening:
            lane.freed.append(self.pump)
        self._expectedUntil = 0.0
        self._expectation.stop()

    def removeLane(self, lane: IWorkerLane) -> None:
        """A worker serves this address no longer."""
        self.lanes.remove(lane)
        del self.given[lane]
        if self._listening:
            lane.freed.remove(self.pump)
        if not self.lanes and not self.expected:
            self.stop("its worker went away while it waited")

    def render(self, arrival: IArrival) -> None:
        errand = Errand(self, arrival)
        if (
            len(self.lanes) == 1
            and not self._waiting
            and not self._refused
            and self.lanes[0].takes(self.address)
        ):
            self.lanes[0].give(errand)  # as nearly always
        else:
            self._place(errand)

    def pump(self, answered: int = 0) -> None:
        """
        Send on what waits, as far as lanes are available.

        :param answered: for how many connections a worker has just answered
        """
        if not self._waiting and not self._refused:
            return
        self._pump()
        self._backpressure.answered(answered, self.waiting)

    def _pump(self) -> None:
        for errand in [*self._refused, *self._waiting]:
            free = [lane for lane in self.lanes if lane.takes(self.address)]
            if not free:
                return
            # One that all free workers have refused waits on, and others pass it.
            here = errand in self._waiting or errand in self._refused
            if here and not errand.tried.issuperset(free):
                self._leave(errand)
                self._place(errand)

    def stop(self, reason: str, outcome: Outcome = Outcome.ENDPOINT_UNAVAILABLE) -> None:
        """
        Refuse what waits, with this outcome: there is no worker for it.
        """
        for errand in [*self._refused, *self._waiting]:
            self._leave(errand)
            errand.arrival.refuse(outcome, reason)
        self._deadlines.clear()
        self._backpressure.stop()
        self._expectedUntil = 0.0
        self._expectation.stop()

    def _place(self, errand: Errand) -> None:
        arrival = errand.arrival
        if not self.lanes:
            self._waitForFirst(errand)
            return
        untried = [lane for lane in self.lanes if lane not in errand.tried]
        if not untried:
            arrival.refuse(Outcome.SERVER_TOO_BUSY, f"no worker for {self.address} would take it")
            return
        free = [lane for lane in untried if lane.takes(self.address)]
        if free:
            self._give(errand, self._policy.choose(free))
        elif all(lane.stuck for lane in untried):
            arrival.refuse(Outcome.SERVER_TOO_BUSY, f"the worker for {self.address} is stuck")
        elif self._hasRoom(errand):
            self._wait(errand, self._waiting)

    def _hasRoom(self, errand: Errand) -> bool:
        """
        Whether one more may wait; if not, it is refused. What has waited already keeps its place.
        """
        waiting = len(self._waiting)
        if errand.until is not None or waiting < self._quotas.maxWaitingPerAddress:
            return True
        errand.arrival.refuse(Outcome.SERVER_TOO_BUSY, f"{waiting} wait for {self.address} already")
        return False

    def _wait(self, errand: Errand, queue: dict[Errand, None]) -> None:
        """
        :param queue: where
        """
        now = self._reactor.seconds()
        if errand.until is None:
            errand.until = now + self._quotas.dispatchTimeout
        queue[errand] = None
        if not self._listening:
            self._listening = True
            for lane in self.lanes:
                lane.freed.append(self.pump)
        self._deadlines.add(errand, max(errand.until - now, 0.0))
        if self.lanes:
            self._backpressure.waits(self.waiting)

    def _waitForFirst(self, errand: Errand) -> None:
        """No worker is up."""
        admission, activation = self._admission, self.activation
        if activation is not None:
            activation.arrived()
        if not self.expected:
            failure = "" if activation is None else activation.failure
            outcome = Outcome.SERVICE_ACTIVATION_FAILED if failure else Outcome.ENDPOINT_UNAVAILABLE
            errand.arrival.refuse(outcome, failure or f"no worker for {self.address} is up")
        elif admission is not None and admission.descriptors > admission.descriptorLimit // 2:
            # The rest is for connections whose workers are there.
            errand.arrival.refuse(
                Outcome.SERVER_TOO_BUSY, f"too many wait for {self.address} and others to come back"
            )
        elif self._hasRoom(errand):
            self._wait(errand, self._waiting)

    def _give(self, errand: Errand, lane: IWorkerLane) -> None:
        if len(self.lanes) > 1:
            self.lanes.remove(lane)
            self.lanes.append(lane)  # behind its equals, so that they take turns
        lane.give(errand)

    def adopted(self, errand: Errand, lane: IWorkerLane) -> None:
        """See :meth:`IErrand.adopted <netshare.interfaces.IErrand.adopted>`."""
        if lane in self.lanes:  # else it was removed while the connection was on its way
            self.given[lane] += 1
        errand.arrival.take(Outcome.HANDED_OVER, lane.name)

    def failed(self, errand: Errand, lane: IWorkerLane, error: Exception) -> None:
        """See :meth:`IErrand.failed <netshare.interfaces.IErrand.failed>`."""
        arrival = errand.arrival
        if isinstance(error, Busy):
            self._placeElsewhere(errand, lane)
        elif isinstance(error, NotMine):
            again = Errand(self, arrival, errand.tried | {lane})
            again.until = errand.until
            self._place(again)
        elif isinstance(error, Gone):
            arrival.take(Outcome.CLIENT_GONE, f"{lane} found it closed")
        elif isinstance(error, (WorkerFault, amp.AmpError)):
            arrival.refuse(Outcome.CONNECTION_DISPATCH_FAILED, f"{lane}: {error}")
        elif isinstance(error, defer.TimeoutError):
            arrival.take(Outcome.DISPATCH_TIMEOUT, f"{lane}: {error}")
        elif isinstance(error, ConnectionClosed):
            arrival.take(Outcome.WORKER_LOST, f"{lane} went away with it")
        else:
            self.log.failure("handing {arrival} over failed", Failure(error), arrival=arrival)
            arrival.take(Outcome.WORKER_LOST, f"{lane}: {error}")

    def _placeElsewhere(self, errand: Errand, busy: IWorkerLane) -> None:
        """
        A worker takes no more just now: another one may, or it waits, until its time is over.
        """
        again = Errand(self, errand.arrival, errand.tried)
        again.until = errand.until
        others = [lane for lane in self.lanes if lane is not busy and lane not in again.tried]
        free = [lane for lane in others if lane.takes(self.address)]
        if free:
            self._give(again, self._policy.choose(free))
        elif busy not in self.lanes or busy.stuck:
            self._place(again)
        else:
            self._wait(again, self._refused)

    def _leave(self, errand: Errand) -> None:
        self._waiting.pop(errand, None)
        self._refused.pop(errand, None)
        self._deadlines.discard(errand)
        if self._listening and not self._waiting and not self._refused:
            self._listening = False
            for lane in self.lanes:
                lane.freed.remove(self.pump)

    def _waitedTooLong(self, errand: Errand) -> None:
        self._leave(errand)
        seconds = self._quotas.dispatchTimeout
        if self.lanes:
            errand.arrival.refuse(
                Outcome.SERVER_TOO_BUSY, f"no worker for {self.address} was free for {seconds:g} s"
            )
        else:
            errand.arrival.refuse(
                self._inVain, f"no worker for {self.address} came in {seconds:g} s"
            )

    @property
    def _inVain(self) -> Outcome:
        """What became of a connection for which no worker came."""
        if self.activation is None:
            return Outcome.ENDPOINT_UNAVAILABLE
        return Outcome.SERVICE_ACTIVATION_FAILED

    def _expectedInVain(self) -> None:
        self.stop(f"the worker that was expected for {self.address} did not come", self._inVain)
        self.inVain()
