"""
The seams of a worker's life: between what knows of processes and what decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from zope.interface import Attribute, Interface


class State(Enum):
    """How a worker is."""

    #: It was not started, or was stopped.
    STOPPED = "stopped"
    #: It has no process: the next connection starts one.
    IDLE = "idle"
    #: Its process has not registered yet.
    STARTING = "starting"
    #: Its process serves the address.
    SERVING = "serving"
    #: So it does, and another one is about to take its place.
    RECYCLING = "recycling"
    #: Its process has ended, and the next one is started in a moment.
    RESTARTING = "restarting"
    #: It has failed too often, and is started again only by command.
    OUT_OF_SERVICE = "out-of-service"


#: How the workers of one address are, together: as the first of these is.
TOGETHER = (
    State.RECYCLING,
    State.SERVING,
    State.STARTING,
    State.RESTARTING,
    State.IDLE,
    State.OUT_OF_SERVICE,
    State.STOPPED,
)

#: Those of a worker that serves.
SERVING = (State.SERVING, State.RECYCLING)


@dataclass(frozen=True, slots=True)
class ProcessEnds:
    """
    What a service has of a process, for another service to go on with.
    """

    #: Says when the process ends, and takes signals.
    pidfd: int
    #: The descriptors of its output that are still open, by its number in the process.
    pipes: Mapping[int, int]
    #: What it has written of lines that are not complete.
    partial: Mapping[int, bytes]


class IWorkerProcess(Interface):
    """
    A process that runs, however it came to us: started here, or taken over from another service.
    """

    pid = Attribute("Its number; 0: not known yet.")
    passes = Attribute("Whether another service can go on with it by what :meth:`ends` gives.")

    def owns(pid: int) -> bool:
        """Whether a process that asks to register is this one."""

    def signal(name: str) -> None:
        """
        Send it a signal; nothing happens if it has ended.

        :param name: such as ``TERM``
        """

    def ends() -> ProcessEnds:
        """
        What another service needs to go on with the process; the descriptors stay this object's.

        :raises NotPassable: the system has none for that
        """

    def letGo() -> None:
        """
        Another service goes on with the process: close what is here. The watcher is told nothing
        more.
        """


class IProcessWatcher(Interface):
    """
    Told what becomes of a process.
    """

    def said(line: bytes) -> None:
        """The process has written a line to its output."""

    def ended(how: str) -> None:
        """
        The process has ended; nothing but the rest of its output comes after this.

        :param how: words that go on with its name, such as ``was ended by signal 9``
        """
