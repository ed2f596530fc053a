"""
Threads under a reactor that does not run: what they ask of it is done while a test waits.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

#: Seconds that a thread may work before the test goes on without it.
_PATIENCE = 2.0


class MemoryThreads:
    """
    The ``IReactorThreads`` and the thread pool of a reactor in memory.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._working = 0

    def callFromThread(self, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Do something in the test's thread."""
        self._asked.put(lambda: function(*args, **kwargs))

    def callInThreadWithCallback(
        self,
        onResult: Callable[[bool, Any], object],
        function: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """
        Do something in a thread.

        :param onResult: called there with whether it went well, and the result or Failure
        """

        def run() -> None:
            try:
                succeeded, result = True, function(*args, **kwargs)
            except BaseException:
                succeeded, result = False, Failure()
            onResult(succeeded, result)
            self._asked.put(self._ended)

        self._working += 1
        threading.Thread(target=run, daemon=True).start()

    def flow(self) -> bool:
        """
        Do what threads ask for, waiting as long as one works.

        :returns: whether there was anything
        """
        moved = False
        while self._working or not self._asked.empty():
            try:
                asked = self._asked.get(timeout=_PATIENCE if not moved else 0.001)
            except queue.Empty:
                break  # it waits for something that has to happen in this thread
            moved = True
            asked()
        return moved

    def _ended(self) -> None:
        self._working -= 1
