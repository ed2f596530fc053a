"""netshare.service.workers.passing: a fast lane that goes from one service to the next."""

from __future__ import annotations

import os
import socket

from netshare.addresses import parse_base_address
from netshare.control.lanes import LaneForm, pack_answer, receive
from netshare.outcomes import Outcome
from netshare.service.front.turn import Turn
from netshare.service.quotas import Quotas
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.route import Errand, WorkerRoute
from netshare.testing import AdoptingReactor, RecordedArrival

ADDRESS = parse_base_address("net.tcp://+/a")


def lane(
    reactor: AdoptingReactor,
    route: WorkerRoute,
    ends: tuple[socket.socket, socket.socket] | None = None,
) -> FastLane:
    made = FastLane(
        reactor, Turn(reactor), LaneForm.BATCHES, 100, Quotas(), "worker 7",
        lambda held, data, peer: held.close(), lambda reason: None, ends=ends,
    )  # fmt: skip
    route.addLane(made)
    return made


def test_a_lane_goes_on() -> None:
    """What was sent is answered to the next one; what was not waits there; the worker reads on."""
    reactor = AdoptingReactor()
    route, other = (WorkerRoute(reactor, ADDRESS, Quotas()) for _ in range(2))
    old = lane(reactor, route)
    worker = socket.socket(fileno=os.dup(old.workersEnd()))
    arrivals = [RecordedArrival("net.tcp://h/a") for _ in range(2)]
    for arrival in arrivals:
        route.render(arrival)
    reactor.advance(0)
    state = old.state_for()
    assert (state.form, state.limit, state.stuck) == ("batches", 100, False)
    assert len(list(old.sent())) == 2
    first, second = (socket.socket(fileno=os.dup(one)) for one in old.ends())
    old.letGo()
    old.stop()  # says no more
    assert [one.outcome for one in arrivals] == [None, None]

    new = lane(reactor, other, (first, second))
    errands = [Errand(other, arrival) for arrival in arrivals]
    errands[1].over = True
    new.goOn(state, errands)
    assert new.outstanding == 2
    while (message := receive(worker)) is not None:
        for descriptor in message[1]:
            os.close(descriptor)
    worker.send(pack_answer(2, 0))
    for reader in reactor.getReaders():
        reader.doRead()
    assert new.outstanding == 0
    assert [one.outcome for one in arrivals] == [Outcome.HANDED_OVER, None]
    new.stop()
    worker.close()
    for arrival in arrivals:
        arrival.close()
