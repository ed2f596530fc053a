"""
Starting workers, starting them again, and ending them.

Each worker process inherits one end of a UNIX socket pair: its link to the registration desk,
which it can use without permission for the one address it was started for. The link is also its
life line: when the service is gone, however it went, the worker reads the end of it and leaves.
"""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import LogLevel, eventFromJSON, formatEvent
from twisted.python.failure import Failure

from netshare.control.paths import CONTROL_VARIABLE, LINK_VARIABLE
from netshare.printable import CleanLogger
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.surroundings import (
    descends_from,
    drop_ambient_capabilities,
    environment_of_worker,
)
from netshare.service.desk.protocol import DeskProtocol, RegistrationDesk
from netshare.sockets.credentials import Peer

#: The descriptor of a worker's link, in the worker.
LINK_DESCRIPTOR = 3

#: Seconds before a worker that ended is started again, the first time and at most.
FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0

#: A worker that lived for so many seconds is started again without delay worth mentioning.
PROVEN_AFTER = 10.0

#: Seconds that a worker has to end after SIGTERM before it is killed.
KILL_AFTER = 5.0

#: A longer line of output is cut.
_LONGEST_LINE = 16 * 1024


class Phase(Enum):
    """Where a supervised worker is in its life."""

    RUNNING = "running"
    BACKING_OFF = "backing-off"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Worker:
    """
    One worker process, again and again.

    :param environ: the service's, of which the process inherits a few names
    """

    log = CleanLogger()

    def __init__(
        self,
        reactor: Any,
        desk: RegistrationDesk,
        spec: WorkerSpec,
        name: str,
        environ: Mapping[str, str],
    ) -> None:
        self.name = name
        self.phase = Phase.STOPPED
        self._reactor = reactor
        self._desk = desk
        self._spec = spec
        self._environ = environ
        self._delay = FIRST_DELAY
        self._startedAt = 0.0
        self._restart: Any = None
        self._kill: Any = None
        self._process: Any = None
        self._stopped: list[Deferred[None]] = []

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, and keep it up until :meth:`stop`."""
        self._restart = None
        self.phase = Phase.RUNNING
        self._startedAt = self._reactor.seconds()
        self._expect(0.0)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs, open(os.devnull, "rb") as nothing:
            ours.setblocking(False)
            link = DeskProtocol(self._desk, [self._spec.address])
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _Links(link))
            arguments = self._spec.arguments()
            uid = gid = entry = None
            if self._spec.user is not None:
                entry = pwd.getpwnam(self._spec.user)
                uid, gid = entry.pw_uid, entry.pw_gid
            try:
                self._process = self._reactor.spawnProcess(
                    _Output(self),
                    arguments[0],
                    arguments,
                    env=self._environment(entry),
                    path=self._spec.directory,
                    uid=uid,
                    gid=gid,
                    childFDs={
                        0: nothing.fileno(),
                        1: "r",
                        2: "r",
                        LINK_DESCRIPTOR: theirs.fileno(),
                    },
                )
            except OSError as error:
                link.transport.loseConnection()
                self.log.error("{worker}: {error}", worker=self.name, error=error)
                self._again()
                return
        # The kernel names the maker of a socket pair, which is this process.
        own = os.geteuid() if uid is None else uid
        link.peer = Peer(self._process.pid, own, frozenset())
        self.log.info("{worker} started as process {pid}", worker=self.name, pid=self.pid)

    def stop(self) -> Deferred[None]:
        """
        End the process: SIGTERM, then SIGKILL.

        :returns: fires when it has ended
        """
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._process is None:
            self.phase = Phase.STOPPED
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        if self.phase is not Phase.STOPPING:
            self.phase = Phase.STOPPING
            self._kill = self._reactor.callLater(KILL_AFTER, self._signal, "KILL")
            self._signal("TERM")
        return done

    def said(self, line: bytes) -> None:
        """A line of the process's output."""
        level, text = LogLevel.info, line.decode("utf-8", "replace")
        if text.startswith("{"):
            try:
                event = eventFromJSON(text)
                level, text = event.get("log_level", level), formatEvent(event) or text
            except (ValueError, KeyError, TypeError):
                pass  # some other program's JSON: shown as it is
        for part in text.splitlines():
            self.log.emit(level, "{worker}: {text}", worker=self.name, text=part.expandtabs())

    def exited(self, reason: Failure) -> None:
        """The process has ended."""
        self._process = None
        if self._kill is not None:
            self._kill.cancel()
            self._kill = None
        if self.phase is Phase.STOPPING:
            self.phase = Phase.STOPPED
            self.log.info("{worker} ended", worker=self.name)
            stopped, self._stopped = self._stopped, []
            for done in stopped:
                done.callback(None)
            return
        self.log.warn("{worker} {how}", worker=self.name, how=_how(reason))
        if self._reactor.seconds() - self._startedAt >= PROVEN_AFTER:
            self._delay = FIRST_DELAY
        self._again()

    def _again(self) -> None:
        self.phase = Phase.BACKING_OFF
        self._restart = self._reactor.callLater(self._delay, self.start)
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
        patience = self._desk.registry.quotas.dispatchTimeout
        if delay < patience:
            self._desk.registry.expect(self._spec.address, delay + patience)

    def _signal(self, name: str) -> None:
        if name == "KILL":
            self._kill = None
            self.log.warn("{worker} did not end; killing it", worker=self.name)
        try:
            self._process.signalProcess(name)
        except ProcessExitedAlready:
            pass  # then processExited is on its way

    def _environment(self, user: pwd.struct_passwd | None) -> dict[str, str]:
        return {
            **environment_of_worker(self._environ, user),
            CONTROL_VARIABLE: self._environ[CONTROL_VARIABLE],
            **self._spec.environment,
            LINK_VARIABLE: str(LINK_DESCRIPTOR),
            "PYTHONUNBUFFERED": "1",
        }


class Supervisor:
    """
    All workers of a service.

    :param control: the control socket, for workers that want more than their own address
    """

    def __init__(
        self,
        reactor: Any,
        desk: RegistrationDesk,
        specs: list[WorkerSpec],
        control: str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._reactor, self._desk = reactor, desk
        self._inherited = {**environ, CONTROL_VARIABLE: control}
        self._inherited.pop(LINK_VARIABLE, None)
        self._bySpec: dict[str, list[Worker]] = {}
        desk.isSpawned = self.started
        for spec in specs:
            self._add(spec)

    @property
    def workers(self) -> list[Worker]:
        """All of them."""
        return [worker for some in self._bySpec.values() for worker in some]

    def _add(self, spec: WorkerSpec) -> list[Worker]:
        self._desk.registry.supervise(spec.address)
        made = [
            Worker(
                self._reactor,
                self._desk,
                spec,
                spec.name if spec.processes == 1 else f"{spec.name}/{number}",
                self._inherited,
            )
            for number in range(1, spec.processes + 1)
        ]
        self._bySpec[str(spec.address)] = made
        return made

    async def change(self, removed: Sequence[WorkerSpec], added: Sequence[WorkerSpec]) -> None:
        """
        End the workers of some specs, start those of others.

        :param removed: of addresses that are supervised
        :param added: of addresses that are not, once the removed ones are gone
        """
        for spec in removed:
            ended = self._bySpec.pop(str(spec.address))
            await gatherResults([worker.stop() for worker in ended])
            self._desk.registry.unsupervise(spec.address)
        for spec in added:
            for worker in self._add(spec):
                worker.start()

    def start(self) -> None:
        """Start them all."""
        drop_ambient_capabilities()
        for worker in self.workers:
            worker.start()

    def started(self, pid: int) -> bool:
        """
        Whether a process is a worker of ours, or was started by one.
        """
        workers = frozenset(worker.pid for worker in self.workers if worker.pid is not None)
        return bool(workers) and descends_from(pid, workers)

    def stop(self) -> Deferred[Any]:
        """
        End them all.

        :returns: fires when the last has ended
        """
        return gatherResults([worker.stop() for worker in self.workers])


class _Links(Factory):
    """Makes the service's end of one worker's link."""

    noisy = False

    def __init__(self, link: DeskProtocol) -> None:
        self._link = link

    def buildProtocol(self, addr: object) -> DeskProtocol:
        return self._link


class _Output(ProcessProtocol):
    """Cuts a worker's output into lines."""

    transport: Any

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._partial = {1: b"", 2: b""}

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        *lines, rest = (self._partial[childFD] + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._partial[childFD] = rest
        for line in lines:
            if line.strip():
                self._worker.said(line[:_LONGEST_LINE])

    def processExited(self, reason: Failure) -> None:
        self._worker.exited(reason)
        # Not processEnded, and not waiting for it: a grandchild may keep the pipes for ever.
        self._reactorTurn()

    def _reactorTurn(self) -> None:
        worker = self._worker
        worker._reactor.callLater(0, self._closePipes)

    def _closePipes(self) -> None:
        for descriptor, rest in self._partial.items():
            self._partial[descriptor] = b""
            if rest.strip():
                self._worker.said(rest)
        self.transport.loseConnection()


def _how(reason: Failure) -> str:
    if reason.check(ProcessDone):
        return "ended by itself, which a worker should not"
    if reason.check(ProcessTerminated):
        error: Any = reason.value
        if error.signal is not None:
            return f"was ended by signal {error.signal}"
        return f"ended with exit status {error.exitCode}"
    return f"ended: {reason.getErrorMessage()}"
