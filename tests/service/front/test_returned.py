"""A connection that a worker gives back enters the front again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from netshare.framing.faults import Fault
from netshare.outcomes import Outcome
from netshare.sockets.held import HeldSocket
from tests.helpers.front import PREAMBLE, VIA, Front, everything


def returned(front: Front) -> tuple[socket.socket, Any]:
    """A connection that was handed over, and that its worker gives back."""
    client = front.connect(PREAMBLE)
    arrival = front.arrivals.pop()
    view = arrival.held.view()
    copy = view.dup()
    view.detach()
    arrival.take(Outcome.HANDED_OVER)
    return client, HeldSocket(copy.detach())


def test_a_returned_connection(front: Front) -> None:
    """It is counted as returned, and arrives again, with the address that the worker knows."""
    _, held = returned(front)
    front.factory.receiveReturned(held, PREAMBLE, "203.0.113.7:1", "127.0.0.1:808")
    (arrival,) = front.arrivals
    assert (arrival.via, arrival.peer) == (VIA, "203.0.113.7:1")
    assert (front.outcomes.accepted, front.outcomes.returned) == (1, 1)
    assert front.admission.descriptors == 1
    front.check()


@pytest.mark.parametrize("cut", [0, 1, 8, len(PREAMBLE) - 4])
def test_a_returned_connection_with_part_of_its_preamble(front: Front, cut: int) -> None:
    """The rest is read here, under the same time limit, and the address is kept."""
    client, held = returned(front)
    front.factory.receiveReturned(held, PREAMBLE[:cut], "203.0.113.7:1", "x")
    assert front.admission.pending == 1
    front.check()
    front.send(client, PREAMBLE[cut:])
    (arrival,) = front.arrivals
    assert (arrival.via, arrival.readData, arrival.peer) == (VIA, PREAMBLE, "203.0.113.7:1")
    assert (front.outcomes.accepted, front.outcomes.returned) == (1, 1)


def test_a_returned_connection_that_goes_silent(open_front: Callable[..., Front]) -> None:
    """It has the receiveTimeout, like any other."""
    front = open_front(receiveTimeout=30)
    _, held = returned(front)
    front.factory.receiveReturned(held, b"\0", "203.0.113.7:1", "x")
    front.reactor.advance(31)
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.RECEIVE_TIMEOUT]
    front.check()


def test_a_returned_connection_that_makes_no_sense(front: Front) -> None:
    """It is refused as if it had just come."""
    client, held = returned(front)
    front.factory.receiveReturned(held, b"\0\2", "203.0.113.7:1", "x")
    front.reactor.settle()
    assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.UNSUPPORTED_VERSION]


@pytest.mark.parametrize("data", [b"", PREAMBLE])
def test_a_returned_connection_whose_client_has_left(front: Front, data: bytes) -> None:
    """It has one more outcome, and leaves nothing behind."""
    client, held = returned(front)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    front.factory.receiveReturned(held, data, "203.0.113.7:1", "x")
    front.reactor.settle()
    if data:
        front.arrivals[0].take(Outcome.CLIENT_GONE)
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.CLIENT_GONE]
    front.check()


def test_refusing_a_returned_connection(front: Front) -> None:
    """A connection that went round too often is refused without being read."""
    client, held = returned(front)
    front.factory.refuseReturned(held, Outcome.CONNECTION_DISPATCH_FAILED, "round", "p", "l")
    front.reactor.settle()
    assert everything(client) == Fault.CONNECTION_DISPATCH_FAILED.record
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER, Outcome.CONNECTION_DISPATCH_FAILED]
