"""Workers that are started by their first connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from zope.interface.verify import verifyObject

from netshare.interfaces import IActivation
from netshare.outcomes import Outcome
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import FIRST_DELAY, NO_HURRY, OnDemand
from netshare.service.activation.spec import WorkerSpec
from netshare.service.quotas import Quotas
from netshare.testing import RecordedArrival
from tests.service.activation.test_supervision import A, Setting, spec

ON_DEMAND = replace(spec("a"), onDemand=OnDemand(40.0))


class Served(Setting):
    """One address whose worker is started on demand."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        one: WorkerSpec = ON_DEMAND,
        begin: bool = True,
        quotas: Quotas | None = None,
    ) -> None:
        super().__init__(monkeypatch, one, quotas=quotas)
        self.arrivals: list[RecordedArrival] = []
        if begin:
            self.supervisor.start()

    @property
    def route(self) -> Any:
        return self.shared.tree.get(A)

    @property
    def states(self) -> list[State]:
        return [worker.state for worker in self.supervisor.workers]

    def arrive(self) -> RecordedArrival:
        arrival = RecordedArrival()
        self.arrivals.append(arrival)
        self.route.render(arrival)
        return arrival

    def register(self) -> Any:
        """The last process serves."""
        lane = FakeLane()
        self.route.addLane(lane)
        self.spawner.last.register()
        self.route.pump()
        return lane


Make = Callable[..., Served]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes them, and closes what has come to them."""
    made: list[Served] = []

    def one(*arguments: Any, **keywords: Any) -> Served:
        made.append(Served(monkeypatch, *arguments, **keywords))
        return made[-1]

    yield one
    for each in made:
        for arrival in each.arrivals:
            arrival.close()


class FakeLane:
    """Takes everything."""

    name = "lane"
    outstanding = 0
    live = None
    stuck = False

    def __init__(self) -> None:
        self.freed: list[Any] = []
        self.given: list[Any] = []

    def takes(self, address: Any) -> bool:
        return True

    def give(self, errand: Any) -> None:
        self.given.append(errand.arrival)
        errand.adopted(self)


def test_its_interface(make: Make) -> None:
    """A route knows no more of it."""
    one = make()
    verifyObject(IActivation, one.route.activation)


def test_one_start_for_all(make: Make) -> None:
    """No process before the first connection, one for 50, and all of them are given to it."""
    one = make()
    assert (one.spawner.processes, one.supervisor.describe(A)) == ([], {"worker": "idle"})
    arrivals = [one.arrive() for _ in range(50)]
    assert len(one.spawner.processes) == 1
    assert [arrival.outcome for arrival in arrivals] == [None] * 50
    lane = one.register()
    assert lane.given == arrivals
    assert one.states == [State.SERVING]


def test_all_its_processes(make: Make) -> None:
    """One that fails does not matter while another one is about to serve."""
    one = make(replace(ON_DEMAND, processes=2))
    arrival = one.arrive()
    first, _ = one.spawner.processes
    first.end()
    assert (arrival.outcome, one.states) == (None, [State.RESTARTING, State.STARTING])
    one.spawner.last.end()
    assert (arrival.outcome, one.states) == (None, [State.RESTARTING, State.IDLE])
    one.reactor.advance(FIRST_DELAY)
    assert one.register().given == [arrival]
    one.reactor.advance(FIRST_DELAY)
    assert one.states == [State.SERVING, State.STARTING]


def test_over_the_bound(make: Make) -> None:
    """What is too much is told so, and the others wait on."""
    one = make(quotas=Quotas(maxWaitingPerAddress=3))
    arrivals = [one.arrive() for _ in range(4)]
    assert arrivals[-1].outcome is Outcome.SERVER_TOO_BUSY
    assert {arrival.outcome for arrival in arrivals[:-1]} == {None}


def test_one_that_fails(make: Make) -> None:
    """Who waits is told so at once; the next ones are another attempt, after a pause."""
    one = make()
    arrival = one.arrive()
    one.spawner.last.end()
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.SERVICE_ACTIVATION_FAILED)
    assert one.supervisor.describe(A) == {
        "worker": "idle",
        "trouble": "a ended with exit status 1",
    }
    one.reactor.advance(FIRST_DELAY / 2)
    again = one.arrive()
    assert (one.states, len(one.spawner.processes)) == ([State.RESTARTING], 1)
    one.reactor.advance(FIRST_DELAY / 2)
    assert one.register().given == [again]
    assert one.supervisor.describe(A) == {"worker": "serving"}


def test_one_that_cannot_be_started(make: Make) -> None:
    """The connection that was to start it is told so, with the reason."""
    one = make()
    one.spawner.error = "no such file"
    arrival = one.arrive()
    assert arrival.outcome is Outcome.SERVICE_ACTIVATION_FAILED
    assert one.states == [State.IDLE]


def test_one_that_starts_too_late(make: Make) -> None:
    """A connection waits no longer than for a busy worker; the process goes on starting."""
    one = make()
    arrival = one.arrive()
    one.reactor.advance(one.shared.quotas.dispatchTimeout)
    assert arrival.outcome is Outcome.SERVICE_ACTIVATION_FAILED
    assert one.states == [State.STARTING]


def test_one_that_fails_too_often(make: Make) -> None:
    """It is out of service, and the address unavailable until it is started by hand."""
    one = make()
    for _ in range(ON_DEMAND.maxFailures):
        one.arrive()
        one.reactor.advance(10.0)
        one.spawner.last.end()
    assert one.states == [State.OUT_OF_SERVICE]
    assert one.arrive().outcome is Outcome.ENDPOINT_UNAVAILABLE
    started: list[Any] = []
    one.supervisor.startAt(A).addBoth(started.append)
    one.register()
    assert (started, one.states) == ([None], [State.SERVING])


def test_one_that_was_stopped(make: Make) -> None:
    """Connections do not start it."""
    one = make()
    one.supervisor.stopAt(A, drain=False)
    assert one.arrive().outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert one.spawner.processes == []


def test_one_that_served_and_died(make: Make) -> None:
    """It is kept up as any other."""
    one = make()
    one.arrive()
    lane = one.register()
    one.route.removeLane(lane)
    one.spawner.last.end()
    assert one.states == [State.RESTARTING]


def test_recycling_without_a_process(make: Make) -> None:
    """There is nothing to be exchanged."""
    one = make()
    done: list[Any] = []
    one.supervisor.recycleAt(A).addBoth(done.append)
    assert (done, one.spawner.processes) == ([None], [])


def test_before_processes_may_be_started(make: Make) -> None:
    """What another service has handed over waits until this one begins."""
    one = make(begin=False)
    arrival = one.arrive()
    assert (arrival.outcome, one.spawner.processes) == (None, [])
    one.supervisor.start()
    assert len(one.spawner.processes) == 1


def test_idle_again(make: Make) -> None:
    """Without new connections it leaves with its last one; one that comes meanwhile starts anew."""
    one = make()
    one.arrive()
    lane = one.register()
    process = one.spawner.last
    one.reactor.pump([10.0] * 3)
    one.arrive()
    one.reactor.pump([10.0] * 4)
    assert one.states == [State.SERVING]  # the second one came after that
    one.reactor.pump([10.0] * 2)
    assert (one.states, process.link.did) == ([State.IDLE], [NO_HURRY])
    one.route.removeLane(lane)
    again = one.arrive()
    assert (again.outcome, len(one.spawner.processes)) == (None, 2)
    assert one.register().given == [again]
    process.end()
    assert (one.states, one.supervisor.describe(A)) == ([State.SERVING], {"worker": "serving"})
    one.supervisor.stop()
    one.spawner.last.end()
    assert one.reactor.getDelayedCalls() == []


def test_one_that_may_have_connections(make: Make) -> None:
    """A worker that cannot be drained, or has not answered for a connection, is let be."""
    one = make()
    one.arrive()
    lane = one.register()
    lane.outstanding = 1
    one.reactor.pump([10.0] * 20)
    assert one.states == [State.SERVING]
    lane.outstanding = 0
    one.spawner.last.link.drains = False
    one.reactor.pump([10.0] * 20)
    assert one.states == [State.SERVING]
    one.spawner.last.link.drains = True
    one.reactor.pump([10.0] * 8)
    assert one.states == [State.IDLE]


def test_a_reload(make: Make) -> None:
    """An idle worker that is not on demand any more is started, and the other way it stays up."""
    one = make()
    ensureDeferred(one.supervisor.change([ON_DEMAND], [spec("a")]))
    assert (one.states, one.route.activation) == ([State.STARTING], None)
    one.spawner.last.register()
    ensureDeferred(one.supervisor.change([spec("a")], [ON_DEMAND]))
    assert one.states == [State.RECYCLING]
    one.spawner.last.register()
    assert one.states == [State.SERVING]
    one.reactor.pump([10.0] * 8)
    assert one.states == [State.IDLE]
    one.arrive()
    assert one.states == [State.STARTING]
    ensureDeferred(one.supervisor.change([ON_DEMAND], []))
    assert one.spawner.last.signals == ["TERM"]


def test_taken_over(make: Make) -> None:
    """One that was idle in another service is idle in this one, until a connection comes."""
    before = make()
    handed = list(before.supervisor.handed_over())
    one = make(begin=False)
    one.supervisor.resume(handed)
    arrival = one.arrive()
    assert (one.states, one.spawner.processes) == ([State.IDLE], [])
    one.supervisor.start()
    assert (arrival.outcome, one.states) == (None, [State.STARTING])
    assert one.register().given == [arrival]
