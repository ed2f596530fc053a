"""What is over, and who is told."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.logger import globalLogPublisher

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.lifetime import CommunicationState, Lifetime


def test_everyone_is_told_once() -> None:
    """Functions are called with the reason, once, and at once when they come later."""
    told: list[Any] = []
    lifetime = Lifetime(Caller())
    assert lifetime.state is CommunicationState.CREATED
    lifetime.on_closed(told.append)
    reason = ValueError("why")
    lifetime.over(CommunicationState.FAULTED, reason)
    lifetime.over(CommunicationState.CLOSED, None)
    lifetime.on_closed(told.append)
    assert told == [reason, reason]
    assert lifetime.state is CommunicationState.FAULTED


def test_one_that_fails_does_not_keep_it_from_others() -> None:
    """A function that raises, or whose Deferred fails, is logged; the next is told all the same."""
    told: list[Any] = []
    events: list[Any] = []

    def raising(reason: object) -> None:
        raise ValueError("no")

    lifetime = Lifetime(Caller())
    for function in (raising, lambda reason: fail(ValueError("no")), told.append):
        lifetime.on_closed(function)
    globalLogPublisher.addObserver(events.append)
    try:
        lifetime.over(CommunicationState.CLOSED, None)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert told == [None]
    assert len([one for one in events if "log_failure" in one]) == 2
