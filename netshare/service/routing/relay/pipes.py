"""
Bytes that go from one socket to another without being read: ``splice`` and the pipes it needs.

The kernel moves pages from a socket into a pipe, and from there into the other socket, and copies
nothing. That pays for many bytes at once; a few are read and written faster. There are few pipes,
and whoever has moved what there was gives his back.
"""

from __future__ import annotations

import fcntl
import os

#: How many pipes there may be; who finds none reads and writes. Each is two descriptors.
MOST_PIPES = 32

#: How many bytes a pipe is to hold, and so how many are moved at once.
PIPE_SIZE = 256 * 1024

#: Not worth moving: reading and writing costs as much.
TOO_FEW = 16 * 1024

_FLAGS = getattr(os, "SPLICE_F_MOVE", 1) | getattr(os, "SPLICE_F_NONBLOCK", 2)

#: Python has it since 3.10, and there only where the system has.
AVAILABLE = hasattr(os, "splice")


class Pipe:
    """
    A pipe.

    :ivar held: how many bytes are in it
    :raises OSError: there are no descriptors left
    """

    __slots__ = ("_reading", "_writing", "held")

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # more than this user may have: it stays as it is
        self.held = 0

    def fill(self, source: int, most: int) -> int:
        """
        Take bytes from a socket; only into an empty pipe.

        :returns: how many; 0 at their end
        :raises BlockingIOError: none are there now
        :raises OSError: the connection is gone
        """
        count = os.splice(source, self._writing, min(most, PIPE_SIZE), flags=_FLAGS)
        self.held += count
        return count

    def pour(self, target: int) -> None:
        """
        Bring what is held to a socket.

        :raises BlockingIOError: it takes no more now
        :raises OSError: the connection is gone
        """
        while self.held:
            self.held -= os.splice(self._reading, target, self.held, flags=_FLAGS)

    def close(self) -> None:
        """Close both of its ends."""
        os.close(self._reading)
        os.close(self._writing)


class Pipes:
    """
    The pipes of a process that are not in use.
    """

    def __init__(self, most: int = MOST_PIPES) -> None:
        self._most = most
        self._made = 0
        self._free: list[Pipe] = []

    def take(self) -> Pipe | None:
        """
        An empty pipe; None when there is none.
        """
        if self._free:
            return self._free.pop()
        if self._made >= self._most or not AVAILABLE:
            return None
        try:
            pipe = Pipe()
        except OSError:
            return None
        self._made += 1
        return pipe

    def give(self, pipe: Pipe) -> None:
        """
        Give one back. What is held in it is lost.
        """
        if pipe.held:
            self._made -= 1
            pipe.close()
        else:
            self._free.append(pipe)

    def clear(self) -> None:
        """Close those that are not in use."""
        while self._free:
            self._made -= 1
            self._free.pop().close()
