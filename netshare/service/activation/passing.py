"""
A worker that goes from one service process to the next, with its processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.interfaces import IReactorTime

from netshare.addresses import BaseAddress
from netshare.service.activation.failures import Failures
from netshare.service.activation.generation import Generation, GenerationOwner
from netshare.service.activation.interfaces import IWorkerProcess, State
from netshare.service.activation.limits import FIRST_DELAY, Limits
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.timing import Timer

#: Starts a process, or goes on with one.
Spawn = Callable[[Generation], IWorkerProcess]

#: What a worker has a process for, for another service: it serves or is to, is to take the place of
#: the one that does, or lets its connections come to an end.
CURRENT, NEXT, LEAVING = "current", "next", "leaving"


class PassableWorker(GenerationOwner):
    """
    What a worker has for that.
    """

    name: str
    state: State
    trouble: str
    current: Generation | None
    _next: Generation | None
    _leaving: set[Generation]
    _clock: IReactorTime
    _address: BaseAddress
    _limits: Limits
    _failures: Failures
    _restart: Timer
    _count: int
    _delay: float
    _notBefore: float
    _stopping: bool
    _outdated: bool
    #: Called when what :meth:`handed_over` would say has become another.
    _changed: Callable[[], None]

    def watcherOf(self, pid: int) -> Generation | None:
        """The generation of a process that runs now, if it is one of these."""
        return next(
            (one for one in self._generations() if one.process and one.process.owns(pid)), None
        )

    def handed_over(self, number: int, fingerprint: str) -> Iterator[Handed]:
        """
        All of it, for another service.

        :param number: which of its address it is
        :param fingerprint: of what it is started by
        :raises NotPassable: a process cannot go
        """
        if any(one.process and not one.process.passes for one in self._generations()):
            return  # the other service finds it by itself
        yield Handed(
            WorkerRecord(
                str(self._address),
                number,
                self.name,
                fingerprint,
                self.state.value,
                self.trouble,
                self._stopping,
                self._outdated,
                self._count,
                self._restart.left,
                self._delay,
                max(self._notBefore - self._clock.seconds(), 0.0),
                self._failures.ages(),
            )
        )
        for role, generations in self._roles():
            for one in generations:
                if one.process is not None:
                    yield one.handed_over(role)

    def letGo(self) -> None:
        """Another service has it: nothing is done about it here any more."""
        self._restart.stop()
        for generation in self._generations():
            generation.letGo()

    def resume(self, record: WorkerRecord, children: Sequence[tuple[ChildRecord, Spawn]]) -> None:
        """
        Be the worker that another service had.

        :param children: its processes, and for each what goes on with it
        """
        self.state = State(record.state)
        self.trouble = record.trouble
        self._stopping = record.stopping
        self._outdated = record.outdated
        self._count = record.count
        self._delay = max(record.delay, FIRST_DELAY)
        self._notBefore = self._clock.seconds() + record.pause
        self._failures.resume(record.failures)
        self._restart.start(record.restart)
        for child, adopt in children:
            generation = Generation(self._clock, self.name, child.number, self._limits, self)
            generation.resume(child, adopt)
            if child.role == CURRENT:
                self.current = generation
            elif child.role == NEXT:
                self._next = generation
            else:
                self._leaving.add(generation)
        if self.state is State.STARTING:
            self._expect(0.0)

    def _expect(self, delay: float) -> None:
        """Have connections wait for a process that starts after so many seconds."""
        raise NotImplementedError

    def _roles(self) -> list[tuple[str, list[Generation]]]:
        return [
            (CURRENT, [] if self.current is None else [self.current]),
            (NEXT, [] if self._next is None else [self._next]),
            (LEAVING, list(self._leaving)),
        ]

    def _generations(self) -> list[Generation]:
        return [one for _, some in self._roles() for one in some]
