"""netshare.service.workers.route: which worker gets a connection, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.protocols import amp
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.addresses import BaseAddress, parse_base_address
from netshare.control.commands import Busy, Duplicate, Gone, NotMine, WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.interfaces import IArrival, IDispatchPolicy, IErrand, IRoute, IWorkerLane
from netshare.outcomes import Outcome
from netshare.service.quotas import Admission, Quotas
from netshare.service.workers.lanes import BUSY_PAUSE, AmpLane
from netshare.service.workers.route import Errand, LeastConnections, WorkerRoute
from netshare.testing import RecordedArrival, UNIXLink, linkedUNIXTransports

ADDRESS = parse_base_address("net.tcp://+/a")


@implementer(IWorkerLane)
class Lane:
    """A worker whose answers the test gives."""

    def __init__(self, name: str, limit: int = 100) -> None:
        self.name = name
        self.limit = limit
        self.stuck = False
        self.resting = False
        self.live: int | None = None
        self.given: list[IErrand] = []
        self.total = 0
        self.freed: list[Callable[[int], None]] = []

    @property
    def outstanding(self) -> int:
        return len(self.given)

    def takes(self, address: BaseAddress) -> bool:
        return not self.stuck and not self.resting and self.outstanding < self.limit

    def stateFor(self, address: BaseAddress) -> str:
        return "stuck" if self.stuck else "ready" if self.takes(address) else "busy"

    def give(self, errand: IErrand) -> None:
        assert errand.address is ADDRESS
        assert not errand.arrival.held.closed
        self.given.append(errand)
        self.total += 1

    def answer(self, route: WorkerRoute, error: Exception | None = None) -> None:
        """Answer for the oldest connection, as a worker does, and say that the lane is freer."""
        errand = self.given.pop(0)
        self.resting = isinstance(error, Busy)
        if error is None:
            errand.adopted(self)
        else:
            errand.failed(self, error)
        route.pump()

    def __str__(self) -> str:
        return self.name


class Setting:
    """A route with a few lanes."""

    def __init__(self, lanes: list[Lane], **quotas: Any) -> None:
        self.clock = Clock()
        self.lanes = lanes
        self.route = WorkerRoute(self.clock, ADDRESS, Quotas(**quotas))
        for lane in lanes:
            self.route.addLane(lane)
        self.arrivals: list[RecordedArrival] = []

    def arrive(self) -> RecordedArrival:
        arrival = RecordedArrival()
        self.arrivals.append(arrival)
        self.route.render(arrival)
        return arrival

    def finish(self) -> None:
        self.route.stop("the test is over")
        for arrival in self.arrivals:
            arrival.close()
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def setting() -> Iterator[Callable[..., Setting]]:
    """Makes routes, and checks that no delayed call of theirs is left."""
    made: list[Setting] = []

    def make(*lanes: Lane, **quotas: Any) -> Setting:
        made.append(Setting(list(lanes), **quotas))
        return made[-1]

    yield make
    for one in made:
        one.finish()


def test_the_interfaces() -> None:
    """Lanes, policies and routes provide what the house promises."""
    verifyObject(IRoute, WorkerRoute(Clock(), ADDRESS, Quotas()))
    verifyObject(IDispatchPolicy, LeastConnections())
    verifyObject(IWorkerLane, Lane("a"))
    verifyObject(IErrand, Errand(WorkerRoute(Clock(), ADDRESS, Quotas()), RecordedArrival()))
    verifyObject(IWorkerLane, AmpLane(Clock(), ControlProtocol(), 1, Quotas(), "a"))


@pytest.mark.parametrize(
    ("loads", "chosen"),
    [
        ([(2, 5), (1, 7), (0, 9)], "0"),
        ([(2, 5), (1, 5), (0, 7)], "1"),
        ([(3, 0), (0, 2), (0, 4)], "1"),
        ([(2, 0), (1, None), (3, 0)], "1"),
        ([(1, None), (1, None), (2, None)], "0"),
    ],
)
def test_the_policy(loads: list[tuple[int, int | None]], chosen: str) -> None:
    """What a worker has and what is under way to it count, unless one does not say what it has."""
    lanes = []
    for number, (outstanding, live) in enumerate(loads):
        lane = Lane(str(number))
        route = WorkerRoute(Clock(), ADDRESS, Quotas())
        lane.given = [Errand(route, RecordedArrival()) for _ in range(outstanding)]
        lane.live = live
        lanes.append(lane)
    assert str(LeastConnections().choose(lanes)) == chosen


def test_handing_over(setting: Callable[..., Setting]) -> None:
    """A connection is taken when its worker has answered, not before, and is counted."""
    lane = Lane("a")
    s = setting(lane)
    arrival = s.arrive()
    verifyObject(IArrival, arrival)
    assert arrival.ending is None
    lane.answer(s.route)
    assert (arrival.ending, arrival.outcome, arrival.detail) == ("taken", Outcome.HANDED_OVER, "a")
    assert s.route.given[lane] == 1
    assert arrival.held.closed


def test_the_fewest_outstanding(setting: Callable[..., Setting]) -> None:
    """The worker with the fewest connections under way gets the next; equals take turns."""
    a, b, c = Lane("a"), Lane("b"), Lane("c")
    s = setting(a, b, c)
    for _ in range(6):
        s.arrive()
    assert [lane.outstanding for lane in (a, b, c)] == [2, 2, 2]
    b.answer(s.route)
    s.arrive()
    assert [lane.total for lane in (a, b, c)] == [2, 3, 2]


def test_equals_take_turns_when_answers_are_quick(setting: Callable[..., Setting]) -> None:
    """One connection at a time still goes round all workers."""
    lanes = [Lane("a"), Lane("b"), Lane("c")]
    s = setting(*lanes)
    for _ in range(9):
        s.arrive()
        next(lane for lane in lanes if lane.given).answer(s.route)
    assert [lane.total for lane in lanes] == [3, 3, 3]


@implementer(IDispatchPolicy)
class Last:
    """Always the last."""

    def choose(self, lanes: Any) -> Any:
        return max(lanes, key=str)


def test_a_policy_of_ones_own() -> None:
    """A policy chooses among the available lanes."""
    a, b = Lane("a"), Lane("b", limit=1)
    route = WorkerRoute(Clock(), ADDRESS, Quotas(), Last())
    route.addLane(a)
    route.addLane(b)
    arrivals = [RecordedArrival() for _ in range(2)]
    for arrival in arrivals:
        route.render(arrival)
    assert (a.total, b.total) == (1, 1)
    for arrival in arrivals:
        arrival.close()


@pytest.mark.parametrize("error", [Busy("full"), NotMine("not mine")])
def test_another_worker_is_tried(setting: Callable[..., Setting], error: Exception) -> None:
    """After an error that says the worker does not have it, another one gets the connection."""
    a, b = Lane("a"), Lane("b")
    s = setting(a, b)
    arrival = s.arrive()
    a.answer(s.route, error)
    assert (a.total, b.total) == (1, 1)
    assert arrival.ending is None
    b.answer(s.route)
    assert (arrival.outcome, arrival.detail) == (Outcome.HANDED_OVER, "b")


def test_no_worker_is_tried_twice(setting: Callable[..., Setting]) -> None:
    """When every worker has said that it is not its own, a connection is refused."""
    a, b = Lane("a"), Lane("b")
    s = setting(a, b)
    arrival = s.arrive()
    a.answer(s.route, NotMine("not mine"))
    b.answer(s.route, NotMine("not mine"))
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.SERVER_TOO_BUSY)
    assert (a.total, b.total) == (1, 1)


def test_waiting_for_busy_workers(setting: Callable[..., Setting]) -> None:
    """When all are too busy, it waits before those that came later, for any of them."""
    a, b = Lane("a"), Lane("b")
    s = setting(a, b)
    first = s.arrive()
    a.answer(s.route, Busy("full"))
    b.answer(s.route, Busy("full"))
    second = s.arrive()
    assert (first.ending, second.ending, s.route.waiting) == (None, None, 2)
    a.resting = False
    s.route.pump()
    assert [one.arrival for one in a.given] == [first, second]
    a.answer(s.route)
    assert (first.outcome, first.detail) == (Outcome.HANDED_OVER, "a")


def test_a_worker_that_stays_busy(setting: Callable[..., Setting]) -> None:
    """However often it is tried, a connection is told ServerTooBusy when its time is over."""
    lane = Lane("a")
    s = setting(lane, dispatchTimeout=10)
    arrival = s.arrive()
    for _ in range(9):
        lane.answer(s.route, Busy("full"))
        s.clock.advance(1)
        lane.resting = False
        s.route.pump()
        assert arrival.ending is None
    lane.answer(s.route, Busy("full"))
    s.clock.advance(1.1)
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.SERVER_TOO_BUSY)
    assert s.route.waiting == 0


def test_what_was_accepted_may_wait(setting: Callable[..., Setting]) -> None:
    """The limit of those who wait is for newcomers, not for what a busy worker gives back."""
    lane = Lane("a", limit=1)
    s = setting(lane, maxWaitingPerAddress=1)
    first, second = s.arrive(), s.arrive()
    lane.answer(s.route, Busy("full"))
    assert (first.ending, second.ending, s.route.waiting) == (None, None, 2)
    assert s.arrive().outcome is Outcome.SERVER_TOO_BUSY


FINAL = [
    (Gone("left"), "taken", Outcome.CLIENT_GONE),
    (WorkerFault("a bug"), "refused", Outcome.CONNECTION_DISPATCH_FAILED),
    (amp.UnknownRemoteError("a bug"), "refused", Outcome.CONNECTION_DISPATCH_FAILED),
    (amp.UnhandledCommand(b"UNHANDLED", "no"), "refused", Outcome.CONNECTION_DISPATCH_FAILED),
    (amp.TooLong(False, True, b"", b""), "refused", Outcome.CONNECTION_DISPATCH_FAILED),
    (ConnectionLost(), "taken", Outcome.WORKER_LOST),
    (ConnectionDone(), "taken", Outcome.WORKER_LOST),
    (TimeoutError("slow"), "taken", Outcome.DISPATCH_TIMEOUT),
    (RuntimeError("who knows"), "taken", Outcome.WORKER_LOST),
]


@pytest.mark.parametrize(("error", "ending", "outcome"), FINAL)
def test_nothing_else_is_tried_again(
    setting: Callable[..., Setting], error: Exception, ending: str, outcome: Outcome
) -> None:
    """At most once: after anything but Busy and NotMine no other worker is tried."""
    a, b = Lane("a"), Lane("b")
    s = setting(a, b)
    arrival = s.arrive()
    a.answer(s.route, error)
    assert (arrival.ending, arrival.outcome) == (ending, outcome)
    assert (a.total, b.total) == (1, 0)


def test_waiting(setting: Callable[..., Setting]) -> None:
    """What no worker can take now waits, in order, until one can."""
    lane = Lane("a", limit=1)
    s = setting(lane)
    first, second, third = s.arrive(), s.arrive(), s.arrive()
    assert (s.route.waiting, s.route.state) == (2, "busy")
    lane.answer(s.route)
    assert [one.arrival for one in lane.given] == [second]
    lane.answer(s.route)
    lane.answer(s.route)
    assert [a.outcome for a in (first, second, third)] == [Outcome.HANDED_OVER] * 3
    assert (s.route.waiting, s.route.state) == (0, "ready")


def test_the_waiting_limit(setting: Callable[..., Setting]) -> None:
    """Only so many wait for one address; one more is told ServerTooBusy at once."""
    lane = Lane("a", limit=1)
    s = setting(lane, maxWaitingPerAddress=2)
    arrivals = [s.arrive() for _ in range(4)]
    assert [a.outcome for a in arrivals] == [None, None, None, Outcome.SERVER_TOO_BUSY]
    assert arrivals[3].ending == "refused"


def test_waiting_too_long(setting: Callable[..., Setting]) -> None:
    """Who waits longer than dispatchTimeout is told ServerTooBusy."""
    s = setting(Lane("a", limit=1), dispatchTimeout=10)
    s.arrive()
    s.clock.advance(1)
    second = s.arrive()
    s.clock.advance(1)
    third = s.arrive()
    s.clock.advance(8.9)
    assert second.outcome is None
    s.clock.advance(0.2)
    assert (second.ending, second.outcome) == ("refused", Outcome.SERVER_TOO_BUSY)
    assert third.outcome is None
    s.clock.advance(1)
    assert third.outcome is Outcome.SERVER_TOO_BUSY
    assert s.route.waiting == 0


def test_waiting_for_the_worker_that_has_not_refused(setting: Callable[..., Setting]) -> None:
    """Not for one worker, a connection waits for the other, and lets others pass."""
    a, b = Lane("a", limit=1), Lane("b", limit=1)
    s = setting(a, b)
    first, second = s.arrive(), s.arrive()
    a.answer(s.route, NotMine("no"))  # first: b is full, so it waits, and a is free
    assert s.route.waiting == 1
    third = s.arrive()
    assert [one.arrival for one in a.given] == [third]
    fourth = s.arrive()
    assert s.route.waiting == 2
    a.answer(s.route)
    assert third.outcome is Outcome.HANDED_OVER
    assert [one.arrival for one in a.given] == [fourth]  # past the first, who waits for b
    b.answer(s.route)
    assert second.outcome is Outcome.HANDED_OVER
    assert [one.arrival for one in b.given] == [first]


def test_no_worker(setting: Callable[..., Setting]) -> None:
    """An address whose workers are all down is unavailable."""
    s = setting()
    assert s.route.state == "down"
    assert s.arrive().outcome is Outcome.ENDPOINT_UNAVAILABLE


def test_the_last_worker_leaves(setting: Callable[..., Setting]) -> None:
    """What waited for it is told that the endpoint is unavailable; what was given is not."""
    lane = Lane("a", limit=1)
    s = setting(lane)
    given, waiting = s.arrive(), s.arrive()
    s.route.removeLane(lane)
    assert (given.outcome, waiting.outcome) == (None, Outcome.ENDPOINT_UNAVAILABLE)
    lane.answer(s.route)
    assert given.outcome is Outcome.HANDED_OVER
    assert lane not in s.route.given


def test_a_new_worker_takes_what_waits(setting: Callable[..., Setting]) -> None:
    """A worker that registers gets what waits."""
    s = setting(Lane("a", limit=1))
    s.arrive()
    s.arrive()
    new = Lane("b")
    s.route.addLane(new)
    assert new.total == 0  # not before its registration is answered
    s.route.pump()
    assert new.total == 1


def test_a_stuck_worker(setting: Callable[..., Setting]) -> None:
    """With another worker nobody notices a stuck one; alone it makes the address too busy."""
    stuck, other = Lane("a"), Lane("b", limit=1)
    s = setting(stuck, other)
    stuck.stuck = True
    assert s.route.state == "ready"
    s.arrive()
    assert (stuck.total, other.total) == (0, 1)
    waiting = s.arrive()
    assert (waiting.outcome, s.route.state) == (None, "busy")
    s.route.removeLane(other)
    assert s.route.state == "stuck"
    assert s.arrive().outcome is Outcome.SERVER_TOO_BUSY


class Worker(ControlProtocol):
    """The other end of an AmpLane, whose answers the test gives."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[dict[str, Any]] = []
        self.answers: list[Deferred[dict[str, Any]]] = []

    @declared(Duplicate, WorkerFault)
    def duplicate(self, **arguments: Any) -> Deferred[dict[str, Any]]:
        import os

        os.close(self.claim(arguments.pop("socket")))
        self.got.append(arguments)
        answer: Deferred[dict[str, Any]] = Deferred()
        self.answers.append(answer)
        return answer


class Linked:
    """An AmpLane with a worker at its other end."""

    def __init__(self, clock: Clock, limit: int = 2, **quotas: Any) -> None:
        self.service, self.worker = ControlProtocol(), Worker()
        self.link: UNIXLink = linkedUNIXTransports(self.service, self.worker)
        self.lane = AmpLane(clock, self.service, limit, Quotas(**quotas), "worker 7")

    def answer(self, error: Exception | None = None) -> None:
        answer = self.worker.answers.pop(0)
        answer.callback({}) if error is None else answer.errback(Failure(error))
        self.link.flush()


@pytest.fixture
def linked() -> Iterator[tuple[WorkerRoute, Linked, Clock, Callable[[], RecordedArrival]]]:
    """A route with one worker over AMP, and what makes a connection arrive."""
    clock = Clock()
    one = Linked(clock, dispatchTimeout=10)
    route = WorkerRoute(clock, ADDRESS, Quotas(dispatchTimeout=10))
    route.addLane(one.lane)
    arrivals: list[RecordedArrival] = []

    def arrive() -> RecordedArrival:
        arrivals.append(RecordedArrival("net.tcp://localhost/A/x", b"x" * 70_000))
        route.render(arrivals[-1])
        one.link.flush()
        return arrivals[-1]

    yield route, one, clock, arrive
    route.stop("the test is over")
    one.lane.stop()
    one.link.lose()
    for arrival in arrivals:
        arrival.close()
    assert clock.getDelayedCalls() == []


Given = tuple[WorkerRoute, Linked, Clock, Callable[[], RecordedArrival]]


def test_over_amp(linked: Given) -> None:
    """The worker gets via, address, bytes and both ends; its answer makes it a hand-over."""
    _, one, _, arrive = linked
    arrival = arrive()
    assert one.worker.got == [
        {
            "via": "net.tcp://localhost/A/x",
            "baseAddress": "net.tcp://+/a",
            "peer": arrival.peer,
            "local": arrival.local,
            "readData": b"x" * 70_000,
        }
    ]
    assert (one.lane.outstanding, str(one.lane)) == (1, "worker 7")
    one.answer()
    assert (one.lane.outstanding, arrival.outcome) == (0, Outcome.HANDED_OVER)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotMine("not mine"), Outcome.SERVER_TOO_BUSY),
        (Gone("left"), Outcome.CLIENT_GONE),
        (RuntimeError("a bug"), Outcome.CONNECTION_DISPATCH_FAILED),
    ],
)
def test_errors_over_amp(linked: Given, error: Exception, outcome: Outcome) -> None:
    """Declared errors travel as themselves, anything else as WorkerFault; the link stays up."""
    _, one, _, arrive = linked
    arrival = arrive()
    one.answer(error)
    assert arrival.outcome is outcome
    assert one.link.connected
    assert one.lane.takes(ADDRESS)


def test_busy_over_amp(linked: Given) -> None:
    """A busy worker is given nothing for a moment, then one, then as many as before."""
    route, one, clock, arrive = linked
    first = arrive()
    one.answer(Busy("full"))
    second = arrive()
    assert (one.lane.stateFor(ADDRESS), route.waiting, len(one.worker.got)) == ("busy", 2, 1)
    clock.advance(BUSY_PAUSE)
    one.link.flush()
    assert (len(one.worker.got), route.waiting) == (2, 1)
    one.answer()
    assert first.outcome is Outcome.HANDED_OVER
    one.link.flush()
    one.answer()
    assert (second.outcome, one.lane.stateFor(ADDRESS)) == (Outcome.HANDED_OVER, "ready")


def test_the_cap(linked: Given) -> None:
    """No more than its cap is under way to one worker."""
    route, one, _, arrive = linked
    for _ in range(5):
        arrive()
    assert (len(one.worker.got), route.waiting, one.lane.stateFor(ADDRESS)) == (2, 3, "busy")
    one.answer()
    assert (len(one.worker.got), route.waiting) == (3, 2)


def test_a_deadline(linked: Given) -> None:
    """A worker that says nothing is stuck; its connections are closed and never sent again."""
    route, one, clock, arrive = linked
    first = arrive()
    clock.advance(10.1)
    assert (first.ending, first.outcome) == ("taken", Outcome.DISPATCH_TIMEOUT)
    assert (one.lane.stateFor(ADDRESS), one.lane.outstanding) == ("stuck", 1)
    assert arrive().outcome is Outcome.SERVER_TOO_BUSY
    one.answer()  # late, but alive
    assert (one.lane.stateFor(ADDRESS), one.lane.outstanding, route.state) == ("ready", 0, "ready")
    assert len(one.worker.got) == 1
    arrive()
    assert len(one.worker.got) == 2


def test_one_stuck_worker_delays_nobody(linked: Given) -> None:
    """Each worker has its own deadline and its own cap."""
    route, one, clock, arrive = linked
    other = Linked(clock, limit=2, dispatchTimeout=10)
    route.addLane(other.lane)
    outcomes = []
    for _ in range(20):
        arrival = arrive()
        other.link.flush()
        while other.worker.answers:
            other.answer()
        outcomes.append(arrival.outcome)
    assert outcomes == [None, *[Outcome.HANDED_OVER] * 19]
    assert one.lane.outstanding == 1
    clock.advance(11)
    assert (one.lane.stateFor(ADDRESS), other.lane.stateFor(ADDRESS)) == ("stuck", "ready")
    other.lane.stop()
    other.link.lose()


def test_a_lost_link(linked: Given) -> None:
    """What was under way is lost with the worker, and given to nobody else."""
    route, one, clock, arrive = linked
    first, second = arrive(), arrive()
    other = Lane("other")
    route.addLane(other)
    route.removeLane(one.lane)
    one.link.lose()
    assert [a.outcome for a in (first, second)] == [Outcome.WORKER_LOST] * 2
    assert other.total == 0
    late = Linked(clock)
    late.link.lose()
    arrival = RecordedArrival()
    late.lane.give(Errand(route, arrival))
    assert arrival.outcome is Outcome.WORKER_LOST
    assert late.lane.outstanding == 0
    late.lane.stop()
    arrival.close()


def test_bytes_beyond_the_bound(linked: Given) -> None:
    """What cannot be sent is a dispatch failure; the link goes on."""
    route, one, _, arrive = linked
    arrival = RecordedArrival("net.tcp://localhost/a", b"x" * (4 * 1024 * 1024 + 1))
    route.render(arrival)
    assert arrival.outcome is Outcome.CONNECTION_DISPATCH_FAILED
    arrival.close()
    arrive()
    one.answer()
    assert one.lane.outstanding == 0


def test_a_worker_that_is_expected(setting: Callable[..., Setting]) -> None:
    """Connections wait for it, and are served when it comes."""
    one = setting()
    one.route.expect(5)
    assert one.route.state == "expected"
    arrival = one.arrive()
    one.clock.advance(4.9)
    assert arrival.outcome is None
    lane = Lane("one")
    one.route.addLane(lane)
    one.route.pump()
    lane.answer(one.route)
    assert arrival.outcome is Outcome.HANDED_OVER
    assert one.route.state == "ready"


def test_a_worker_that_is_expected_in_vain(setting: Callable[..., Setting]) -> None:
    """What waited is refused together, and what comes then at once."""
    one = setting()
    ended: list[bool] = []
    one.route.inVain = lambda: ended.append(one.route.expected)
    one.route.expect(5)
    arrivals = [one.arrive() for _ in range(3)]
    one.clock.advance(5)
    assert [a.outcome for a in [*arrivals, one.arrive()]] == [Outcome.ENDPOINT_UNAVAILABLE] * 4
    assert ended == [False]
    assert one.route.state == "down"


def test_patience_with_a_worker_that_is_expected(setting: Callable[..., Setting]) -> None:
    """No connection waits for longer than dispatchTimeout, however long the worker is expected."""
    one = setting(dispatchTimeout=2)
    one.route.expect(60)
    arrival = one.arrive()
    one.clock.advance(2.1)
    assert arrival.outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert one.arrive().outcome is None


def test_a_shorter_expectation(setting: Callable[..., Setting]) -> None:
    """The longest of several counts."""
    one = setting()
    for seconds in (5, 1, 0):
        one.route.expect(seconds)
    arrival = one.arrive()
    one.clock.advance(4)
    assert arrival.outcome is None


def test_a_crowd_for_a_worker_that_is_expected(setting: Callable[..., Setting]) -> None:
    """Over maxWaitingPerAddress the service is too busy, and the ports are not paused for it."""
    one = setting(maxWaitingPerAddress=300)
    one.route.expect(5)
    arrivals = [one.arrive() for _ in range(310)]
    outcomes = [arrival.outcome for arrival in arrivals]
    assert outcomes == [None] * 300 + [Outcome.SERVER_TOO_BUSY] * 10


def test_descriptors_for_a_worker_that_is_expected(setting: Callable[..., Setting]) -> None:
    """Of all descriptors half are left for connections whose workers are there."""
    one = setting()
    admission = Admission(Quotas(), 100)
    one.route = WorkerRoute(one.clock, ADDRESS, Quotas(), admission=admission)
    one.route.expect(5)
    assert one.arrive().outcome is None
    admission.hold(51)
    assert one.arrive().outcome is Outcome.SERVER_TOO_BUSY


def test_the_last_worker_leaves_while_another_is_expected(setting: Callable[..., Setting]) -> None:
    """What waited for the first one waits for the next one."""
    one = setting(Lane("one", limit=1))
    (lane,) = one.lanes
    arrivals = [one.arrive() for _ in range(2)]
    one.route.expect(1)
    one.route.removeLane(lane)
    lane.given.pop().failed(lane, NotMine("its link is gone"))
    assert [a.outcome for a in arrivals] == [None, None]
    successor = Lane("two")
    one.route.addLane(successor)
    one.route.pump()
    assert successor.outstanding == 2
    for _ in range(2):
        successor.answer(one.route)
