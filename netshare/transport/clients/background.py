"""
A reactor of its own in a thread of its own, for programs that know nothing of Twisted.

It is not the program's reactor, if that has one: both may run side by side.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python import threadable
from twisted.python.failure import Failure

from netshare.reactors import IReactor

__all__ = ["BackgroundReactor"]


class _Call:
    """
    What ``blockingCallFromThread`` does, with a bare lock in place of a queue.
    """

    __slots__ = ("_args", "_done", "_function", "_result")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._function = function
        self._args = args
        self._result: Any = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """In the reactor's thread: begin."""
        try:
            result = self._function(*self._args)
        except BaseException:
            self._finish(Failure())
        else:
            if isinstance(result, Deferred):
                result.addBoth(self._finish)
            else:
                self._finish(result)

    def wait(self) -> Any:
        """In the caller's thread: wait for the result."""
        self._done.acquire()
        result = self._result
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def _finish(self, result: Any) -> None:
        self._result = result
        self._done.release()


class BackgroundReactor:
    """
    The reactor's thread; started when it is first needed, ended with the program.
    """

    _lock = threading.Lock()
    _current: BackgroundReactor | None = None

    def __init__(self) -> None:
        self._epoll: Any = EPollReactor()
        #: What runs in the thread.
        self.reactor = cast(IReactor, self._epoll)
        self._process = os.getpid()
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="netshare", daemon=True
        )
        self._thread.start()
        started.wait()

    @classmethod
    def shared(cls) -> BackgroundReactor:
        """:returns: the one that all clients of this process share."""
        with cls._lock:
            # Threads do not survive a fork.
            if cls._current is None or cls._current._process != os.getpid():
                cls._current = cls()
            return cls._current

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call a function in the reactor and wait for what becomes of its Deferred.

        :raises RuntimeError: this is the reactor's own thread, which would wait for itself
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a blocking call cannot be made in netshare's own thread")
        call = _Call(function, args)
        self.reactor.callFromThread(call.run)
        return call.wait()

    def _run(self, started: threading.Event) -> None:
        # A reactor that starts declares its thread the one of the whole program's reactor.
        before = threadable.ioThread

        def running() -> None:
            threadable.ioThread = before
            started.set()

        self.reactor.callWhenRunning(running)
        self._epoll.run(installSignalHandlers=False)
