"""netshare.service.workers.unread: taking back what a worker has not read."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from netshare.addresses import parse_base_address
from netshare.control.lanes import LaneForm, Parcel, address_head, pack_batch, receive, send
from netshare.service.quotas import Quotas
from netshare.service.workers.route import Errand, WorkerRoute
from netshare.service.workers.unread import Unread, errand_of
from netshare.testing import AdoptingReactor, RecordedArrival


@pytest.fixture(params=LaneForm)
def lane(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, Unread, LaneForm]]:
    """The service's end, and the worker's as the service has it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    unread = Unread(theirs, request.param)
    yield ours, unread, request.param
    ours.close()
    unread.close()


def put(lane: tuple[socket.socket, Unread, LaneForm], data: bytes) -> None:
    near, far = socket.socketpair()
    payload = data if lane[2] is LaneForm.RECORDS else pack_batch([data], [""])
    if lane[2] is LaneForm.ADDRESSED:
        payload = address_head("net.tcp://+/a") + payload
    assert send(lane[0], payload, [near.fileno()])
    near.close()
    far.close()


def test_taking_back(lane: tuple[socket.socket, Unread, LaneForm]) -> None:
    """Connections and addresses come out in order, and the worker sees none of them."""
    ours, unread, _ = lane
    assert unread.nothing()
    put(lane, b"one")
    ours.send(b"net.tcp://+/a")
    put(lane, b"two")
    assert not unread.nothing()
    connections, addresses = unread.take()
    assert [parcel.readData for _, parcel in connections] == [b"one", b"two"]
    assert addresses == [b"net.tcp://+/a"]
    for held, _ in connections:
        held.close()
    worker = socket.socket(fileno=os.dup(unread.fileno()))
    assert (receive(worker), unread.nothing(), unread.take()) == (None, True, ([], []))
    worker.close()


def test_behind_the_end(lane: tuple[socket.socket, Unread, LaneForm]) -> None:
    """What was sent before our end was closed is still there."""
    put(lane, b"one")
    lane[0].close()
    ((held, _),), _ = lane[1].take()
    held.close()
    lane[1].close()
    assert lane[1].take() == ([], [])
    assert not lane[1].nothing()


@pytest.mark.parametrize("named", [True, False])
def test_whose_connection_it_is(named: bool) -> None:
    """It is told by its bytes and its client, as the socket or a balancer names it."""
    route = WorkerRoute(AdoptingReactor(), parse_base_address("net.tcp://+/a"), Quotas())
    arrivals = [RecordedArrival() for _ in range(3)]
    arrivals[2].named, arrivals[2].peer = True, "192.0.2.9:7"
    errands = [Errand(route, arrival) for arrival in arrivals]
    held = arrivals[2 if named else 1].held
    parcel = Parcel(arrivals[1].readData, "192.0.2.9:7" if named else "")
    assert errand_of(errands, held, parcel) is errands[2 if named else 1]
    assert errand_of(errands[:1], held, parcel) is None
    assert errand_of(errands, held, Parcel(b"other")) is None
    for arrival in arrivals:
        arrival.close()
