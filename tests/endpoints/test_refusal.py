"""netshare.endpoints.refusal: saying no so that the client hears it."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netshare.endpoints.refusal import MAX_DRAIN_SIZE, RefusalFactory, RefusalProtocol
from netshare.framing.faults import Fault
from netshare.testing.wire import MemoryTransport


class Refused:
    """A connection that is refused."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.over = 0
        made = RefusalProtocol(self.clock, Fault.SERVER_TOO_BUSY, 5.0, self._done)
        self.protocol = RefusalFactory(made).buildProtocol(None)
        self.transport = MemoryTransport(self.protocol)

    def _done(self) -> None:
        self.over += 1


@pytest.fixture
def refused() -> Refused:
    """A connection that is being refused."""
    one = Refused()
    one.protocol.makeConnection(one.transport)
    assert one.transport.take() == Fault.SERVER_TOO_BUSY.record
    assert (one.transport.halfClosed, one.transport.state) == (True, "open")
    return one


def test_a_client_that_closes(refused: Refused) -> None:
    """It may send what it has begun to, and the end is orderly; done is said once."""
    verifyObject(IHalfCloseableProtocol, refused.protocol)
    refused.transport.receive(b"x" * MAX_DRAIN_SIZE)
    refused.transport.receiveEof()
    assert refused.transport.state == "closing"
    refused.transport.lose(ConnectionDone())
    assert (refused.over, refused.clock.getDelayedCalls()) == (1, [])


def test_a_client_that_sends_on(refused: Refused) -> None:
    """More than the limit is not drained."""
    refused.transport.receive(b"x" * MAX_DRAIN_SIZE)
    refused.transport.receive(b"x")
    assert refused.transport.state == "aborting"


def test_a_client_that_stays(refused: Refused) -> None:
    """It is cut off after the timeout."""
    refused.clock.advance(4.9)
    assert refused.transport.state == "open"
    refused.clock.advance(0.2)
    assert refused.transport.state == "aborting"


def test_a_client_that_had_left() -> None:
    """One that was gone before is over, too."""
    one = Refused()
    one.protocol.connectionLost()
    assert (one.over, one.clock.getDelayedCalls()) == (1, [])
