"""A refused client hears its fault, and is not waited for longer than it should be."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from netshare.endpoints.refusal import MAX_DRAIN_SIZE
from netshare.framing.faults import Fault
from netshare.outcomes import Outcome
from netshare.service.front.arrival import FAULTS
from tests.helpers.front import PREAMBLE, Front, everything, is_reset


@pytest.mark.parametrize("outcome", list(FAULTS))
def test_each_refusal(front: Front, outcome: Outcome) -> None:
    """Each outcome with a fault sends that fault, waits for the client's close, and is closed."""
    client = front.connect(PREAMBLE)
    front.arrivals[0].refuse(outcome, "because")
    front.reactor.settle()
    assert everything(client) == FAULTS[outcome].record
    assert front.outcomes.outcomes == [outcome]
    assert front.admission.descriptors == 1
    front.hangUp(client)
    assert front.admission.descriptors == 0


def test_a_client_that_closed_its_half_hears_the_fault(front: Front) -> None:
    """A client that has sent all it wants to, and closed its half, still reads the fault."""
    client = front.connect(PREAMBLE)
    client.shutdown(socket.SHUT_WR)
    front.arrivals[0].refuse(Outcome.ENDPOINT_NOT_FOUND, "because")
    front.reactor.settle()
    assert everything(client) == Fault.ENDPOINT_NOT_FOUND.record
    assert front.admission.descriptors == 0


@pytest.mark.parametrize("outcome", [Outcome.BAD_VIA, Outcome.MALFORMED])
def test_refusals_without_a_fault(front: Front, outcome: Outcome) -> None:
    """An outcome without a fault closes without a word."""
    client = front.connect(PREAMBLE)
    front.arrivals[0].refuse(outcome, "because")
    assert is_reset(client)
    assert front.admission.descriptors == 0


def test_a_refused_client_that_never_closes(open_front: Callable[..., Front]) -> None:
    """After closeTimeout a refused client is cut off."""
    front = open_front(closeTimeout=5)
    client = front.connect(b"\0\2")
    assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    front.reactor.advance(4.9)
    assert front.admission.descriptors == 1
    front.reactor.advance(0.2)
    front.reactor.settle()
    assert front.admission.descriptors == 0


def test_a_refused_client_that_never_stops_sending(front: Front) -> None:
    """Only so many bytes are drained."""
    client = front.connect(b"\0\2")
    sent = 0
    while sent <= MAX_DRAIN_SIZE:
        assert front.admission.descriptors == 1
        sent += client.send(b"x" * 8192)
        front.reactor.settle()
    assert front.admission.descriptors == 0


def test_a_refused_client_that_has_left(front: Front) -> None:
    """Refusing a connection whose client has reset it is one outcome, and no leak."""
    client = front.connect(PREAMBLE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    front.arrivals[0].refuse(Outcome.SERVER_TOO_BUSY, "because")
    front.reactor.settle()
    assert front.outcomes.outcomes == [Outcome.SERVER_TOO_BUSY]
    front.check()


def test_many_refusals_at_once(open_front: Callable[..., Front]) -> None:
    """Under attack every client still gets its fault, but nobody is waited for."""
    front = open_front(maxPendingConnections=2)
    clients = [front.connect(b"\0\2") for _ in range(4)]
    assert len(front.ending._refusing) == 2
    assert front.admission.descriptors == 2
    for client in clients:
        assert everything(client) == Fault.UNSUPPORTED_VERSION.record
    assert front.outcomes.outcomes == [Outcome.UNSUPPORTED_VERSION] * 4


def test_stopping_while_refusing(front: Front) -> None:
    """Stopping cuts off who is still being refused."""
    front.connect(b"\0\2")
    front.ending.stop()
    front.reactor.settle()
    assert front.admission.descriptors == 0
