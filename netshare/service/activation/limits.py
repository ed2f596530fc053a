"""
How long each step of a process's life may take, and what it may come to.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds that a process has until it serves its address.
START_WITHIN = 30.0

#: Seconds that a process has for its connections, when another one serves in its place.
DRAIN_FOR = 90.0

#: Seconds that the connections of a process have that is only not needed: a week.
NO_HURRY = 7 * 86400.0

#: Seconds that a worker has to end after SIGTERM before it is killed.
KILL_AFTER = 5.0

#: Seconds without an answer after which a process is ended.
UNRESPONSIVE_FOR = 90.0

#: Seconds before a worker that ended is started again, the first time and at most.
FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How many seconds each step may take.
    """

    #: From the start until it serves its address; None: any time.
    start: float | None = START_WITHIN
    #: For letting what it has come to an end, when another one serves in its place.
    drain: float = DRAIN_FOR
    #: From SIGTERM to SIGKILL.
    stop: float = KILL_AFTER
    #: Without an answer, for one that knows ``Ping``; None: any time.
    unresponsive: float | None = UNRESPONSIVE_FOR


@dataclass(frozen=True, slots=True)
class OnDemand:
    """
    That the processes of an address are started by its first connection.
    """

    #: Seconds without a new connection after which they are stopped again; None: any time.
    idle: float | None = None


@dataclass(frozen=True, slots=True)
class RecycleAfter:
    """
    What a process may come to before another one takes its place; None: anything.
    """

    #: Seconds since it was started.
    age: float | None = None
    #: Connections that it was given.
    connections: int | None = None
    #: Bytes of memory that it has resident.
    memory: int | None = None
    #: Files and directories that are not to change, as paths.
    files: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != RecycleAfter()
