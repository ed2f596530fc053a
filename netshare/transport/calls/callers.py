"""
How a user's methods are called: in the reactor's thread, or in threads where they may block.
"""

from __future__ import annotations

import contextvars
import inspect
import io
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.threads import blockingCallFromThread, deferToThreadPool

from netshare.reactors import IReactor
from netshare.transport.contracts.streams import Stream

__all__ = ["BlockingStream", "Caller", "ThreadCaller", "as_deferred"]

_HERE = threading.local()


def as_deferred(result: Any) -> Deferred[Any]:
    """
    :param result: a value, a Deferred of one, or a coroutine
    """
    if isinstance(result, Deferred):
        return result
    if isinstance(result, Coroutine):
        return ensureDeferred(result)
    return succeed(result)


class Caller:
    """
    Calls everything in this thread, which is the reactor's.
    """

    #: Calls what may block and gives a Deferred of its result; None: nothing may block here.
    blocking: Callable[..., Deferred[Any]] | None = None

    def call(self, context: contextvars.Context, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call a function.

        :param context: what it, and what it awaits, runs in
        :param function: plain, ``async def``, or one that returns a Deferred
        :returns: its result, or a Deferred of it
        :raises Exception: what the function raises
        """
        result = context.run(function, *args)
        if isinstance(result, Coroutine):
            return context.run(ensureDeferred, result)
        return result

    def stream(self, function: Callable[..., Any], stream: Stream) -> Any:
        """:returns: a stream as this function can read it."""
        return stream

    def iterate(self, source: Any) -> AsyncIterator[Any]:
        """:returns: an iterator over an asynchronous iterable of the user's."""
        return aiter(source)

    def wait(self, function: Callable[..., Deferred[Any]], *args: Any) -> Any:
        """
        Do something in the reactor, for a method that was called.

        :returns: the Deferred that the function returns, or in a thread its result
        """
        return function(*args)


class ThreadCaller(Caller):
    """
    Calls plain functions in threads of the reactor's pool, and ``async def`` ones here.

    :param reactor: whose threads
    """

    def __init__(self, reactor: IReactor) -> None:
        self._reactor = reactor
        self.blocking = self._blocking

    def _blocking(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, function, *args)

    def call(self, context: contextvars.Context, function: Callable[..., Any], *args: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return super().call(context, function, *args)

        def run() -> Any:
            _HERE.in_worker = True
            try:
                return context.run(function, *args)
            finally:
                _HERE.in_worker = False

        return self._blocking(run).addCallback(lambda result: context.run(as_deferred, result))

    def stream(self, function: Callable[..., Any], stream: Stream) -> Any:
        if inspect.iscoroutinefunction(function):
            return stream
        return BlockingStream.reader(self._reactor, stream)

    def wait(self, function: Callable[..., Deferred[Any]], *args: Any) -> Any:
        if getattr(_HERE, "in_worker", False):
            return blockingCallFromThread(self._reactor, function, *args)
        return function(*args)


class BlockingStream(io.RawIOBase):
    """
    A stream that arrives, as a file to be read outside of the reactor's thread.
    """

    def __init__(self, reactor: IReactor, stream: Stream) -> None:
        super().__init__()
        self._reactor = reactor
        self._stream = stream

    @classmethod
    def reader(cls, reactor: IReactor, stream: Stream) -> io.BufferedReader:
        """:returns: such a file, with a buffer."""
        return io.BufferedReader(cls(reactor, stream), 65536)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read: Callable[..., Any] = self._stream.read
        data: bytes = blockingCallFromThread(self._reactor, read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and not self._stream.ended:
            self._reactor.callFromThread(self._stream.close)
        super().close()
