"""
A worker: one process after the other, without a gap where that is possible.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from netshare.addresses import BaseAddress
from netshare.logger import Logger
from netshare.service.activation.failures import Failures
from netshare.service.activation.generation import Generation
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import FIRST_DELAY, LONGEST_DELAY, NO_HURRY, Limits
from netshare.service.activation.ondemand import Activation
from netshare.service.activation.passing import PassableWorker, Spawn
from netshare.service.desk.registry import Registry
from netshare.timing import Timer

#: A worker that lived for so many seconds is started again without delay worth mentioning.
PROVEN_AFTER = 10.0

#: Those of a worker that has no process, whatever comes next.
_AT_REST = (State.STOPPED, State.IDLE, State.OUT_OF_SERVICE, State.RESTARTING)


class NotServing(Exception):
    """
    The process that was to serve does not; the message says why.
    """


class Worker(PassableWorker):
    """
    Keeps one process up, until it is stopped.

    :param name: what log lines call it
    :param spawn: starts a process
    :param failures: of the address, which other workers may share
    :param activation: of the address, if processes are started by connections
    :param changed: called when something has become of it, or of one of its processes
    :ivar current: the process that serves, or is to
    :ivar trouble: what went wrong last, in words; empty when all is well
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        registry: Registry,
        address: BaseAddress,
        name: str,
        spawn: Spawn,
        failures: Failures,
        limits: Limits | None = None,
        activation: Activation | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._changed = changed
        self._state = State.STOPPED
        self.trouble = ""
        self.current: Generation | None = None
        self._clock = clock
        self._registry = registry
        self._address = address
        self._spawn = spawn
        self._limits = limits or Limits()
        self._failures = failures
        self._activation = activation
        self._count = 0
        self._delay = FIRST_DELAY
        self._restart = Timer(clock, self._begin)
        #: The process that is about to take the place of the current one.
        self._next: Generation | None = None
        #: Processes whose place another one has taken.
        self._leaving: set[Generation] = set()
        self._waiting: list[Deferred[None]] = []
        #: What is to be started has changed since the next process was.
        self._outdated = False
        self._stopped: list[Deferred[None]] = []
        self._stopping = False
        #: Others serve the address when it has stopped.
        self._others = False
        self._notBefore = 0.0

    @property
    def state(self) -> State:
        """How it is."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        self._changed()

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [one.pid for one in self._generations() if one.pid is not None]

    @property
    def mayRecycle(self) -> bool:
        """
        Whether a process may be replaced that has come to a limit: not soon again after that was
        tried in vain.
        """
        return self.state is State.SERVING and self._clock.seconds() >= self._notBefore

    def begin(self) -> None:
        """
        Start a process, now or when a connection comes.
        """
        if self._activation is None:
            self.start()
        elif self.state is State.STOPPED:
            self._stopping = False
            self.state = State.IDLE

    def arrived(self) -> None:
        """
        A connection has come, and no worker of the address is up: start a process, unless there is
        one, or there is to be none. After one that failed that is not done at once.
        """
        if self.state is not State.IDLE:
            return
        pause = self._notBefore - self._clock.seconds()
        if pause <= 0:
            self._begin()
        elif pause < self._registry.quotas.dispatchTimeout:
            self.state = State.RESTARTING
            self._restart.start(pause)
            self._expect(pause)

    def rest(self) -> None:
        """
        No connection has come for a while: let the process end with its last one. One that does not
        know how to be drained may have some, and is let be.
        """
        process = self.current
        if self.state is State.SERVING and process is not None and process.drains:
            self.log.info("{worker} has no new connections: it is stopped", worker=self.name)
            self.state = State.IDLE
            self.trouble = ""
            self.current = None
            self._leaving.add(process)
            process.drain(NO_HURRY)

    def start(self) -> None:
        """
        Start a process, and keep one up until :meth:`stop`; one that is out of service begins anew.
        """
        if self.state in _AT_REST:
            self._stopping = False
            self._failures.clear()
            self._delay = FIRST_DELAY
            self._restart.stop()
            self._begin()

    def leave(self, patience: float | None = None) -> Deferred[None]:
        """
        End the process when its connections have come to an end: other workers go on with the
        address.

        :param patience: how many seconds the connections have; None: as the limits say
        :returns: fires when it has ended
        """
        self._others = True
        return self.stop(drain=True, patience=patience)

    def stop(self, drain: bool = False, patience: float | None = None) -> Deferred[None]:
        """
        End the process.

        :param drain: let its connections come to an end first
        :param patience: how many seconds they have for that; None: as the limits say
        :returns: fires when it has ended
        """
        self._restart.stop()
        self._stopping = True
        self._changed()
        generations = self._generations()
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        for generation in generations:
            if drain:
                generation.drain(patience)
            else:
                generation.terminate()
        if not generations:
            self._hasStopped()
        return done

    def recycle(self) -> Deferred[None]:
        """
        Have another process take the place of the current one: started beside it, and only when it
        serves the address is the old one drained.

        :returns: fires when the new one serves; fails with :class:`NotServing`
        """
        if self._stopping or self.state is State.STOPPED:
            return _failed(f"{self.name} is stopped: start it")
        if self.state is State.IDLE:
            return succeed(None)  # the next process is a new one anyway
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self.state is State.SERVING:
            self.state = State.RECYCLING
            self.log.info("{worker} is recycled", worker=self.name)
            self._next = self._make()
            self._next.start(self._spawn)
        elif self.state is State.STARTING:
            self._replaceUnready()
        elif self.state is not State.RECYCLING:
            self.start()
        return waiting

    def change(
        self, spawn: Spawn, limits: Limits, activation: Activation | None = None
    ) -> Deferred[None]:
        """
        Recycle, with another way to start processes.

        :param activation: as when this was made

        :returns: as of :meth:`recycle`; one that is stopped stays so
        """
        self._spawn, self._limits, self._activation = spawn, limits, activation
        if self._stopping or self.state is State.STOPPED:
            return succeed(None)
        if self.state is State.IDLE and activation is None:
            self.start()
            return self.whenReady()
        self._outdated = self.state is State.RECYCLING
        return self.recycle()

    def whenReady(self) -> Deferred[None]:
        """
        :returns: fires when a process serves; fails with :class:`NotServing` if it fails before
        """
        if self.state in (State.SERVING, State.RECYCLING):
            return succeed(None)
        if self.state in _AT_REST:
            return _failed(self.trouble or f"{self.name} is {self.state.value}")
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def ready(self, generation: Generation) -> None:
        """See :meth:`GenerationOwner.ready`."""
        if self._stopping:
            return
        if generation is self._next:
            old, self.current, self._next = self.current, generation, None
            if old is not None:
                self._leaving.add(old)
                old.drain()
        elif generation is not self.current:
            return
        self.state = State.SERVING if self._next is None else State.RECYCLING
        self.trouble = ""
        if self._activation is not None:
            self._activation.served()
        if self._outdated:
            self._outdated = False
            again = self.recycle()
            again.addErrback(lambda _: None)  # those that wait are told
        else:
            self._tell(None)

    def gone(self, generation: Generation) -> None:
        """See :meth:`GenerationOwner.gone`."""
        self._changed()
        if generation is self._next:
            self._next = None
            if not self._stopping:
                self._recycledInVain(generation)
        elif generation is self.current:
            self.current = None
            if not self._stopping:
                self._lost(generation)
        else:
            self._leaving.discard(generation)
        if self._stopping and not self._generations():
            self._hasStopped()

    def _lost(self, generation: Generation) -> None:
        """The process that served, or was to, has ended by itself."""
        self.trouble = f"{self.name} {generation.reason}"
        self._failures.add()
        if self._next is not None:  # which was started already
            self.current, self._next = self._next, None
            self.state = State.STARTING
            self._expect(0.0)
            return
        if generation.age >= PROVEN_AFTER:
            self._delay = FIRST_DELAY
        self._outdated = False
        if self._failures.tooMany:
            self._giveUp()
        elif generation.readyAt is None and self._mayWait():
            self._activatedInVain()
        else:
            self._restartLater()
        if generation.readyAt is None:
            self._tell(self.trouble)

    def _mayWait(self) -> bool:
        """Whether the next process may wait for a connection."""
        return self._activation is not None and not self._activation.others(self)

    def _activatedInVain(self) -> None:
        """What waited is told so; the next connection after a pause is another attempt."""
        assert self._activation is not None
        self.state = State.IDLE
        self._notBefore = self._clock.seconds() + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        self.log.error("{trouble}; the next connection starts it again", trouble=self.trouble)
        self._activation.failed()

    def _recycledInVain(self, generation: Generation) -> None:
        self.state = State.SERVING
        self._outdated = False
        self._notBefore = self._clock.seconds() + LONGEST_DELAY
        self.trouble = f"recycling failed, the old process serves on: {generation.reason}"
        self.log.error("{worker}: {trouble}", worker=self.name, trouble=self.trouble)
        self._tell(self.trouble)

    def _giveUp(self) -> None:
        self.state = State.OUT_OF_SERVICE
        self.trouble = f"{self._failures}; the last: {self.trouble}"
        self.log.error(
            "{worker} is out of service until it is started by hand: {trouble}",
            worker=self.name,
            trouble=self.trouble,
        )
        self._registry.unexpect(self._address, "its worker is out of service")

    def _hasStopped(self) -> None:
        self.state = State.STOPPED
        if not self._others:
            self._registry.unexpect(self._address, "its worker was stopped")
        self._tell(f"{self.name} was stopped")
        stopped, self._stopped = self._stopped, []
        for done in stopped:
            done.callback(None)

    def _tell(self, trouble: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if trouble is None:
                one.callback(None)
            else:
                one.errback(NotServing(trouble))

    def _make(self) -> Generation:
        self._count += 1
        return Generation(self._clock, self.name, self._count, self._limits, self)

    def _begin(self) -> None:
        self.state = State.STARTING
        self._expect(0.0)
        self.current = self._make()
        self.current.start(self._spawn)

    def _replaceUnready(self) -> None:
        """The current process has not served yet: it need not be waited for."""
        unready = self.current
        if unready is not None:
            self._leaving.add(unready)
            self._begin()
            unready.terminate()

    def _restartLater(self) -> None:
        self.state = State.RESTARTING
        self._restart.start(self._delay)
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


def _failed(reason: str) -> Deferred[None]:
    failed: Deferred[None] = Deferred()
    failed.errback(NotServing(reason))
    return failed
