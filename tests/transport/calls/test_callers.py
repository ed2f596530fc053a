"""How methods are called: in the reactor's thread, or in threads where they may block."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from netshare.transport.calls.callers import Caller, ThreadCaller, as_deferred

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="no one")


def context(who: str) -> contextvars.Context:
    made = contextvars.copy_context()
    made.run(WHO.set, who)
    return made


def value(result: Any) -> Any:
    found: list[Any] = []
    as_deferred(result).addCallback(found.append)
    return found[0]


def test_results_of_all_kinds() -> None:
    """A value, a Deferred and a coroutine all become Deferreds."""

    async def later() -> int:
        return 3

    for result in (3, succeed(3), later()):
        assert value(result) == 3


def test_a_call_here() -> None:
    """A method, plain or async, sees its own context, before and after it waited."""
    waiting: Deferred[None] = Deferred()

    async def slowly() -> str:
        await waiting
        return WHO.get()

    assert Caller().call(context("plain"), WHO.get) == "plain"
    result = Caller().call(context("async"), slowly)
    waiting.callback(None)
    assert value(result) == "async"
    assert WHO.get() == "no one"


def test_errors_come_out() -> None:
    """What a method raises, its caller raises."""

    def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        Caller().call(context("x"), fails)


async def test_a_call_in_a_thread() -> None:
    """A plain method runs in another thread with its context, an async one here."""
    from twisted.internet import reactor

    caller = ThreadCaller(reactor)
    here = threading.get_ident()

    def plain() -> tuple[int, str]:
        return threading.get_ident(), WHO.get()

    async def fine() -> tuple[int, str]:
        return plain()

    thread, who = await caller.call(context("thread"), plain)
    assert (thread != here, who) == (True, "thread")
    assert value(caller.call(context("loop"), fine)) == (here, "loop")


async def test_waiting_in_a_thread() -> None:
    """A method in a thread waits for what is done in the reactor, and gets its result."""
    from twisted.internet import reactor

    caller = ThreadCaller(reactor)
    here = threading.get_ident()

    def method() -> Any:
        return caller.wait(lambda: succeed(threading.get_ident()))

    assert await caller.call(context("x"), method) == here
    assert value(caller.wait(succeed, 5)) == 5
