"""
One process of a worker, from its start to its end.

A worker lives on; its processes come and go. Each of them is a *generation*: it knows how far its
process is and how long each step may take, and tells its owner what happens. What follows from
that, such as starting another one, is the owner's affair (:mod:`.worker`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogLevel, eventFromJSON, formatEvent
from zope.interface import implementer

from netshare.interfaces import ILinkWatcher, IWorkerLink
from netshare.logger import Logger
from netshare.service.activation.interfaces import IProcessWatcher, IWorkerProcess
from netshare.service.activation.limits import Limits
from netshare.service.activation.process import SpawnFailed
from netshare.service.records import ChildRecord, Handed
from netshare.timing import Timer


class Phase(Enum):
    """How far a process is."""

    #: It was started, and has not registered its address yet.
    STARTING = "starting"
    #: It serves its address.
    READY = "ready"
    #: It is to end: what it has may come to its end first.
    DRAINING = "draining"
    #: It has ended, or could not be started.
    GONE = "gone"


class GenerationOwner(Protocol):
    """
    Decides what follows.
    """

    def ready(self, generation: Generation) -> None:
        """It serves its address from now on, and no connection has come to it yet."""

    def gone(self, generation: Generation) -> None:
        """It has ended, or could not be started; it says why."""


@implementer(IProcessWatcher, ILinkWatcher)
class Generation:
    """
    One process.

    :param name: what log lines call the worker
    :param number: the how manieth process of the worker it is, from 1
    :ivar process: while one runs
    :ivar link: once it has registered
    :ivar asked: whether its end was asked for; another end is a failure
    :ivar reason: how it ended, in words that go on with its name
    :ivar since: when it was started, in the reactor's seconds
    :ivar readyAt: when it began to serve, if it has
    """

    log = Logger()

    def __init__(
        self, clock: IReactorTime, name: str, number: int, limits: Limits, owner: GenerationOwner
    ) -> None:
        self.name = name
        self.number = number
        self.phase = Phase.STARTING
        self.process: IWorkerProcess | None = None
        self.link: IWorkerLink | None = None
        self.asked = False
        self.reason = ""
        self.since = clock.seconds()
        self.readyAt: float | None = None
        self._clock = clock
        self._limits = limits
        self._owner = owner
        #: Seconds for its connections.
        self._patience = limits.drain
        #: Seconds within which it has to register.
        self._startWithin = limits.start
        self._terminated = False
        self._startTooLate = Timer(clock, self._neverReady)
        self._drainTooLate = Timer(clock, self._cut)
        self._tooLate = Timer(clock, self._kill)

    @property
    def pid(self) -> int | None:
        """The number of the process that runs, if one does."""
        return None if self.process is None else self.process.pid or None

    @property
    def drains(self) -> bool:
        """Whether the process is known to know how to be drained."""
        return self.link is not None and self.link.drains

    @property
    def age(self) -> float:
        """For how many seconds it has been there."""
        return float(self._clock.seconds() - self.since)

    def start(self, spawn: Callable[[Generation], IWorkerProcess]) -> None:
        """
        Start the process. The owner is told of it if that fails, before this returns.

        :param spawn: does it; fails with :class:`~netshare.service.activation.process.SpawnFailed`
        """
        self._startTooLate.start(self._limits.start)
        try:
            self.process = spawn(self)
        except SpawnFailed as error:
            self.ended(f"cannot be started: {error}")
            return
        self.log.info("{worker} started as {process}", worker=self.name, process=str(self.process))

    def handed_over(self, role: str) -> Handed:
        """
        The process, for another service.

        :param role: what the worker has it for
        :raises NotPassable: the system has no way for that
        """
        assert self.process is not None
        ends = self.process.ends()
        record = ChildRecord(
            role,
            self.process.pid,
            self.number,
            self.phase.value,
            self.age,
            None if self.readyAt is None else self._clock.seconds() - self.readyAt,
            self.asked,
            self._terminated,
            self.reason,
            self._startTooLate.left,
            self._drainTooLate.left,
            self._tooLate.left,
            self._patience,
            tuple(ends.pipes),
            ends.partial.get(1, b""),
            ends.partial.get(2, b""),
        )
        return Handed(record, (ends.pidfd, *ends.pipes.values()))

    def letGo(self) -> None:
        """Another service has the process."""
        self._stopTimers()
        if self.process is not None:
            self.process.letGo()

    def resume(self, record: ChildRecord, adopt: Callable[[Generation], IWorkerProcess]) -> None:
        """
        Be the generation that another service had.

        :param adopt: goes on with the process
        """
        now = self._clock.seconds()
        self.phase = Phase(record.phase)
        self.asked = record.asked
        self._terminated = record.terminated
        self.reason = record.reason
        self.since = now - record.age
        self.readyAt = None if record.served is None else now - record.served
        self._startTooLate.start(record.start)
        self._startWithin = self._limits.start if record.start is None else record.start
        self._patience = self._limits.drain if record.patience is None else record.patience
        self._drainTooLate.start(record.drain)
        self._tooLate.start(record.stop)
        self.process = adopt(self)

    def drain(self, patience: float | None = None) -> None:
        """
        Another process serves in its place: let what it has come to an end, and then end it.

        :param patience: how many seconds that may take; None: as the limits say
        """
        link = self.link
        if self.process is None or self.asked:
            return
        if link is None or not link.drains:
            # One that does not know how has its own way with SIGTERM, and the same time for it.
            if link is not None:
                link.withdraw()
            self._terminate(self._limits.drain)
            return
        if patience is not None:
            self._patience = patience
        self.asked = True
        self.phase = Phase.DRAINING
        self._drainTooLate.start(self._patience)
        link.drain(self._patience)

    def terminate(self) -> None:
        """End the process: SIGTERM, then SIGKILL."""
        self._terminate(self._limits.stop)

    def _terminate(self, patience: float) -> None:
        if self.process is not None and not self._terminated:
            self.asked = self._terminated = True
            self.phase = Phase.DRAINING
            self._startTooLate.stop()
            self._drainTooLate.stop()
            self._tooLate.start(patience)
            self.process.signal("TERM")

    def registered(self, link: IWorkerLink) -> None:
        """See :meth:`ILinkWatcher.registered`."""
        self.link = link
        if self.phase is Phase.STARTING:
            self.phase = Phase.READY
            self.readyAt = self._clock.seconds()
            self._startTooLate.stop()
            self._owner.ready(self)

    def lost(self, link: IWorkerLink) -> None:
        """See :meth:`ILinkWatcher.lost`."""
        if self.link is link:
            self.link = None

    def silent(self, seconds: float) -> None:
        """See :meth:`ILinkWatcher.silent`."""
        limit = self._limits.unresponsive
        if self.phase is not Phase.READY or limit is None or seconds < limit:
            return
        if self.process is not None and not self.reason:
            self.reason = f"has not answered for {limit:g} s, and was killed"
            self.process.signal("KILL")

    def drained(self, connections: int | None) -> None:
        """See :meth:`ILinkWatcher.drained`."""
        self.terminate()

    def said(self, line: bytes) -> None:
        """See :meth:`IProcessWatcher.said`."""
        level, text = LogLevel.info, line.decode("utf-8", "replace")
        if text.startswith("{"):
            try:
                event = eventFromJSON(text)
                level, text = event.get("log_level", level), formatEvent(event) or text
            except (ValueError, KeyError, TypeError):
                pass  # some other program's JSON: shown as it is
        for part in text.splitlines():
            self.log.emit(level, "{worker}: {text}", worker=self.name, text=part.expandtabs())

    def ended(self, how: str) -> None:
        """See :meth:`IProcessWatcher.ended`."""
        self.process = None
        self.phase = Phase.GONE
        self.reason = self.reason or how
        self._stopTimers()
        if self.asked:
            self.log.info("{worker} ended", worker=self.name)
        else:
            self.log.warn("{worker} {how}", worker=self.name, how=self.reason)
        self._owner.gone(self)

    def _stopTimers(self) -> None:
        self._startTooLate.stop()
        self._drainTooLate.stop()
        self._tooLate.stop()

    def _neverReady(self) -> None:
        if self.process is not None:
            self.reason = f"did not register its address within {self._startWithin:g} s"
            self.process.signal("KILL")

    def _cut(self) -> None:
        self.log.warn(
            "{worker}: {process} has had {seconds:g} s for its connections; it ends now",
            worker=self.name,
            process=str(self.process),
            seconds=self._patience,
        )
        self.terminate()

    def _kill(self) -> None:
        if self.process is not None:
            self.log.warn("{worker} did not end; killing it", worker=self.name)
            self.process.signal("KILL")
