"""
A reactor of its own in a thread of its own, for programs that know nothing of Twisted.

It is not the program's reactor, if that has one: both may run side by side.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread
from twisted.python import threadable

__all__ = ["BackgroundReactor"]


class BackgroundReactor:
    """
    The reactor's thread; started when it is first needed, ended with the program.
    """

    _lock = threading.Lock()
    _current: BackgroundReactor | None = None

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
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
        return blockingCallFromThread(self.reactor, function, *args)

    def _run(self, started: threading.Event) -> None:
        # A reactor that starts declares its thread the one of the whole program's reactor.
        before = threadable.ioThread

        def running() -> None:
            threadable.ioThread = before
            started.set()

        self.reactor.callWhenRunning(running)
        self.reactor.run(installSignalHandlers=False)
