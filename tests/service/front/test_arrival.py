"""A connection whose via is known: what it has, and its one outcome."""

from __future__ import annotations

import socket

import pytest
from zope.interface.verify import verifyObject

from netshare.interfaces import IArrival
from netshare.service.outcomes import Outcome
from tests.helpers.front import PREAMBLE, VIA, Front, everything


def test_an_arrival(front: Front) -> None:
    """A connection arrives with its via, all its bytes and both addresses; nothing is written."""
    client = front.connect(PREAMBLE + b"\x06\x01x")
    (arrival,) = front.arrivals
    verifyObject(IArrival, arrival)
    assert (arrival.via, arrival.readData) == (VIA, PREAMBLE + b"\x06\x01x")
    assert arrival.peer == f"127.0.0.1:{client.getsockname()[1]}"
    assert arrival.local == f"127.0.0.1:{client.getpeername()[1]}"
    assert "net.tcp" in repr(arrival)
    assert front.admission.pending == 0
    assert front.admission.descriptors == 1
    view = arrival.held.view()
    try:
        view.send(b"still open")
    finally:
        view.detach()
    arrival.take(Outcome.HANDED_OVER)
    assert arrival.held.closed
    assert everything(client) == b"still open"
    assert front.outcomes.outcomes == [Outcome.HANDED_OVER]


def test_an_arrival_over_ipv6(front: Front) -> None:
    """IPv6 addresses are written in brackets."""
    client = front.connect(PREAMBLE, family=socket.AF_INET6)
    assert front.arrivals[0].peer == f"[::1]:{client.getsockname()[1]}"


def test_one_outcome_only(front: Front) -> None:
    """A second outcome for a connection is a mistake of the program and is not counted."""
    front.connect(PREAMBLE)
    arrival = front.arrivals[0]
    arrival.take(Outcome.LOCAL, keeps=1)
    for second in (lambda: arrival.take(Outcome.LOCAL), lambda: arrival.refuse(Outcome.EMPTY, "")):
        with pytest.raises(AssertionError, match="second outcome"):
            second()
    assert front.outcomes.outcomes == [Outcome.LOCAL]
    assert front.admission.descriptors == 1
    front.admission.release()


@pytest.mark.parametrize("keeps", [0, 1, 2])
def test_kept_descriptors(front: Front, keeps: int) -> None:
    """Whoever takes a connection says how many descriptors stay in this process for it."""
    front.connect(PREAMBLE)
    front.arrivals[0].take(Outcome.RELAYED, keeps=keeps)
    assert front.admission.descriptors == keeps
    front.admission.release(keeps)
