"""Calls into the reactor of plain programs."""

from __future__ import annotations

import threading

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from netshare.transport.clients.background import BackgroundReactor

REACTOR = BackgroundReactor.shared()


def test_results() -> None:
    """The result of a function is returned, or that of its Deferred, whenever it has one."""
    reactor = REACTOR.reactor

    def later() -> Deferred[str]:
        waited: Deferred[str] = Deferred()
        reactor.callLater(0.01, waited.callback, "later")
        return waited

    assert REACTOR.call(lambda: "at once") == "at once"
    assert REACTOR.call(succeed, "succeeded") == "succeeded"
    assert REACTOR.call(later) == "later"
    assert REACTOR.call(threading.current_thread) is not threading.current_thread()


def test_errors() -> None:
    """What is raised there is raised here, by the function or its Deferred."""

    def wrong() -> None:
        raise ValueError("there")

    with pytest.raises(ValueError, match="there"):
        REACTOR.call(wrong)
    with pytest.raises(KeyError, match="failed"):
        REACTOR.call(fail, KeyError("failed"))


def test_from_its_own_thread() -> None:
    """Whoever waits for itself is told so."""
    with pytest.raises(RuntimeError, match="own thread"):
        REACTOR.call(REACTOR.call, lambda: None)


def test_from_several_threads() -> None:
    """Each caller gets its own result."""
    results: dict[int, int] = {}

    def square(number: int) -> Deferred[int]:
        waited: Deferred[int] = Deferred()
        REACTOR.reactor.callLater(0.001 * (number % 3), waited.callback, number * number)
        return waited

    def call(number: int) -> None:
        results[number] = REACTOR.call(square, number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number * number for number in range(20)}
