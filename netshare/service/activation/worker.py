"""
A worker: one process after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred, succeed

from netshare.addresses import BaseAddress
from netshare.printable import CleanLogger
from netshare.service.activation.generation import Generation, Limits
from netshare.service.activation.interfaces import IWorkerProcess
from netshare.service.desk.registry import Registry
from netshare.timing import Timer

#: Seconds before a worker that ended is started again, the first time and at most.
FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0

#: A worker that lived for so many seconds is started again without delay worth mentioning.
PROVEN_AFTER = 10.0


class State(Enum):
    """How a worker is."""

    #: It was not started, or was stopped.
    STOPPED = "stopped"
    #: Its process has not registered yet.
    STARTING = "starting"
    #: Its process serves the address.
    SERVING = "serving"
    #: Its process has ended, and the next one is started in a moment.
    RESTARTING = "restarting"


class Worker:
    """
    Keeps one process up, until it is stopped.

    :param name: what log lines call it
    :param spawn: starts a process
    """

    log = CleanLogger()

    def __init__(
        self,
        clock: Any,
        registry: Registry,
        address: BaseAddress,
        name: str,
        spawn: Callable[[Generation], IWorkerProcess],
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.state = State.STOPPED
        self.current: Generation | None = None
        self._clock = clock
        self._registry = registry
        self._address = address
        self._spawn = spawn
        self._limits = limits or Limits()
        self._count = 0
        self._delay = FIRST_DELAY
        self._again = Timer(clock, self._begin)
        self._stopped: list[Deferred[None]] = []
        self._stopping = False

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [one.pid for one in self._generations() if one.pid is not None]

    def start(self) -> None:
        """Start a process, and keep one up until :meth:`stop`."""
        if self.state is State.STOPPED:
            self._stopping = False
            self._begin()

    def stop(self) -> Deferred[None]:
        """
        End the process.

        :returns: fires when it has ended
        """
        self._again.stop()
        self._stopping = True
        if self.current is None:
            self.state = State.STOPPED
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        for generation in self._generations():
            generation.terminate()
        return done

    def ready(self, generation: Generation) -> None:
        """See :meth:`GenerationOwner.ready`."""
        self.state = State.SERVING

    def gone(self, generation: Generation) -> None:
        """See :meth:`GenerationOwner.gone`."""
        self.current = None
        if self._stopping:
            self.state = State.STOPPED
            stopped, self._stopped = self._stopped, []
            for done in stopped:
                done.callback(None)
            return
        if generation.age >= PROVEN_AFTER:
            self._delay = FIRST_DELAY
        self._restart()

    def _generations(self) -> list[Generation]:
        return [self.current] if self.current is not None else []

    def _begin(self) -> None:
        self.state = State.STARTING
        self._expect(0.0)
        self._count += 1
        self.current = Generation(self._clock, self.name, self._count, self._limits, self)
        self.current.start(self._spawn)

    def _restart(self) -> None:
        self.state = State.RESTARTING
        self._again.start(self._delay)
        self.log.info(
            "{worker} will be started again in {delay} s", worker=self.name, delay=self._delay
        )
        self._expect(self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _expect(self, delay: float) -> None:
        """
        Connections wait for the process that starts after this delay, unless they would have to
        wait for longer than they may.
        """
        patience = self._registry.quotas.dispatchTimeout
        if delay < patience:
            self._registry.expect(self._address, delay + patience)
