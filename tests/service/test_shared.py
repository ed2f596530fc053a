"""netshare.service.shared: a shared port, and what the embedding program brings to it."""

from __future__ import annotations

from typing import Any

from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.shared import SharedPort
from netshare.sockets.held import HeldSocket
from netshare.testing import AdoptingReactor, tcpPair


class Failing:
    """A recorder with a bug in everything."""

    def connectionAccepted(self) -> None:
        raise ValueError("a bug")

    def connectionReturned(self) -> None:
        raise ValueError("a bug")

    def connectionDecided(self, outcome: Outcome) -> None:
        raise ValueError("a bug")


def test_a_recorder_that_fails() -> None:
    """It costs no connection, and the service's own counters are right."""
    recorder: Any = Failing()
    reactor = AdoptingReactor()
    shared = SharedPort(reactor, recorder=recorder)
    opening = preamble("net.tcp://h/nobody")
    for returned in (False, True):
        client, server = tcpPair()
        held = HeldSocket(server.detach())
        with client:
            if returned:
                shared.factory.receiveReturned(held, opening, "p", "l")
            else:
                client.sendall(opening)
                shared.factory.accepted(held, "p", "l")
            reactor.settle()
            assert client.recv(100)
        reactor.settle()
    assert (shared.counts.accepted, shared.counts.returned) == (1, 1)
    assert shared.counts.outcomes == {Outcome.ENDPOINT_NOT_FOUND: 2}
    assert shared.admission.descriptors == 0
