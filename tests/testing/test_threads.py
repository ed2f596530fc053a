"""Threads under a reactor that does not run."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread, deferToThreadPool

from netshare.testing import MemoryNetwork


def test_a_thread_is_waited_for() -> None:
    """Settling waits for what works in a thread, and its errors come out."""
    network = MemoryNetwork()
    here = threading.current_thread()

    def work() -> bool:
        return threading.current_thread() is here

    assert network.result(deferToThreadPool(network, network.getThreadPool(), work)) is False


def test_a_thread_may_ask_the_reactor() -> None:
    """What a thread asks for is done in the test's thread while it waits."""
    network = MemoryNetwork()
    asked: list[Any] = []

    def answer() -> Deferred[str]:
        asked.append(threading.current_thread())
        later: Deferred[str] = Deferred()
        network.callLater(0, later.callback, "answer")
        return later

    def work() -> Any:
        return blockingCallFromThread(network, answer)

    assert network.result(deferToThreadPool(network, network.getThreadPool(), work)) == "answer"
    assert asked == [threading.current_thread()]
