"""Reading from a control link stops while its answers are not read."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from netshare.service.desk.flow import Flow


class Transport:
    """Notes what is done with it."""

    def __init__(self) -> None:
        self.disconnecting = False
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.done.append(name)


def flow() -> tuple[Flow, Transport, list[bool]]:
    transport = Transport()
    congested: list[bool] = []
    made = Flow(transport, congested.append)
    assert verifyObject(IPushProducer, made)
    return made, transport, congested


def test_reading_stops_for_each_reason_once() -> None:
    """The link is paused with the first reason, and read again when the last one is gone."""
    made, transport, _ = flow()
    made.wait("one")
    made.wait("two")
    made.go("one")
    made.go("never said")
    assert transport.done == ["pauseProducing"]
    made.go("two")
    assert transport.done == ["pauseProducing", "resumeProducing"]


def test_answers_that_are_not_read() -> None:
    """While the other end does not read, nothing is read from it, and that is told."""
    made, transport, congested = flow()
    made.pauseProducing()
    made.resumeProducing()
    made.stopProducing()
    assert congested == [True, False]
    assert transport.done == ["pauseProducing", "resumeProducing"]


def test_a_link_that_is_closing() -> None:
    """A link that is being closed is neither paused nor read again, and may go."""
    made, transport, _ = flow()
    transport.disconnecting = True
    made.wait("one")
    made.go("one")
    made.resumeProducing()
    assert transport.done == ["unregisterProducer"]
