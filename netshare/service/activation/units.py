"""
Workers that are units of systemd: ``systemctl`` starts and ends them.

The process of such a worker is no child of the service. It registers over the control socket, and
is known by its control group, which only the manager of the unit can put a process into.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.reactors import IReactor
from netshare.service.activation.adopted import ProcessEnd
from netshare.service.activation.interfaces import IProcessWatcher, IWorkerProcess, ProcessEnds
from netshare.service.activation.process import SpawnFailed
from netshare.sockets.held import NotPassable

#: What stands in a unit's name for the number of the process.
INSTANCE = "%i"

#: What systemctl needs of the service's environment.
_KEPT = ("PATH", "LANG", "LC_ALL", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")

#: Of what systemctl says, the last bytes are kept.
_MOST_OUTPUT = 2000

_PROC = "/proc"


class SystemManager:
    """
    The manager of this machine's units, or of the user's, where that one runs this service.

    :param environ: the service's environment
    """

    def __init__(self, reactor: IReactor, environ: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._environment = {name: environ[name] for name in _KEPT if name in environ}
        # systemd.exec(5): set for units of user managers only.
        self._user = ["--user"] if "MANAGERPID" in environ else []

    def run(self, protocol: ProcessProtocol, *words: str) -> None:
        """
        Run ``systemctl``.

        :param protocol: gets what it says, and its end
        :raises OSError: there is none
        """
        program = shutil.which("systemctl", path=self._environment.get("PATH"))
        if program is None:
            raise FileNotFoundError("there is no systemctl here")
        arguments = ["systemctl", "--no-ask-password", *self._user, *words]
        with open(os.devnull, "rb") as nothing:
            files: Any = {0: nothing.fileno(), 1: "r", 2: "r"}
            self._reactor.spawnProcess(
                protocol, program, arguments, env=self._environment, childFDs=files
            )


class UnitStarter:
    """
    Starts the units of one worker.

    :param unit: the name of one, with ``%i`` for the number of the process where there may be
        several
    """

    def __init__(self, reactor: IReactor, manager: SystemManager, unit: str) -> None:
        self._reactor = reactor
        self._manager = manager
        self._unit = unit
        self._running: set[int] = set()

    def spawn(self, watcher: IProcessWatcher) -> IWorkerProcess:
        """
        Start one, or find it running, as an earlier process of the service may have left it.

        :raises SpawnFailed: there is no systemctl, or the unit runs already for this worker
        """
        number = next(n for n in range(1, len(self._running) + 2) if n not in self._running)
        if INSTANCE not in self._unit and self._running:
            raise SpawnFailed(
                f"{self._unit} runs, and without {INSTANCE} in its name it cannot run twice"
            )
        name = self._unit.replace(INSTANCE, str(number))
        process = UnitProcess(
            self._reactor, self._manager, name, watcher, lambda: self._running.discard(number)
        )
        try:
            process.start()
        except OSError as error:
            raise SpawnFailed(str(error)) from None
        self._running.add(number)
        return process


@implementer(IWorkerProcess)
class UnitProcess:
    """
    A unit that runs.

    :param gone: called when it does no longer
    """

    #: Of its main process, once that is known.
    pid = 0
    passes = False

    def __init__(
        self,
        reactor: IReactor,
        manager: SystemManager,
        unit: str,
        watcher: IProcessWatcher,
        gone: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._manager = manager
        self._unit = unit
        self._watcher: IProcessWatcher | None = watcher
        self._gone = gone
        self._end: ProcessEnd | None = None

    def __str__(self) -> str:
        return self._unit

    def start(self) -> None:
        """
        Start the unit, and watch its main process.

        :raises OSError: there is no systemctl
        """
        self._manager.run(_Command(self._started), "start", self._unit)

    def owns(self, pid: int) -> bool:
        """See :meth:`IWorkerProcess.owns`."""
        return pid == self.pid or unit_of(pid) == self._unit

    def signal(self, name: str) -> None:
        """See :meth:`IWorkerProcess.signal`."""
        words = ("stop", "--no-block") if name == "TERM" else ("kill", f"--signal={name}")
        try:
            self._manager.run(_Command(self._tell), *words, self._unit)
        except OSError as error:
            self._tell(False, str(error))

    def ends(self) -> ProcessEnds:
        """See :meth:`IWorkerProcess.ends`."""
        raise NotPassable(f"{self._unit} is systemd's")

    def letGo(self) -> None:
        """See :meth:`IWorkerProcess.letGo`."""
        self._watcher = None
        if self._end is not None:
            self._end.close()

    def _started(self, done: bool, output: str) -> None:
        if not done:
            self._ended(f"({self._unit}) cannot be started: {output}")
        elif self._watcher is not None:
            words = ("show", "--property=MainPID", "--value", self._unit)
            self._manager.run(_Command(self._isMain), *words)

    def _isMain(self, done: bool, output: str) -> None:
        if self._watcher is None:
            return
        try:
            self.pid = int(output) if done else 0
            self._end = ProcessEnd(self._reactor, os.pidfd_open(self.pid), self._mainEnded)
        except (ValueError, OSError):
            self._mainEnded()  # there is none any more

    def _mainEnded(self) -> None:
        self._ended(f'({self._unit}) has ended: see "systemctl status {self._unit}"')

    def _ended(self, how: str) -> None:
        self._gone()
        if self._watcher is not None:
            self._watcher.ended(how)

    def _tell(self, done: bool, output: str) -> None:
        if not done and self._watcher is not None:
            self._watcher.said(f"systemctl: {output}".encode())


class _Command(ProcessProtocol):
    """
    A command.

    :param done: called with whether it went well, and what it has said
    """

    def __init__(self, done: Callable[[bool, str], None]) -> None:
        self._done = done
        self._output = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._output = (self._output + data)[-_MOST_OUTPUT:]

    def processEnded(self, reason: Failure) -> None:
        text = " ".join(self._output.decode("utf-8", "replace").split())
        done = reason.check(ProcessDone) is not None
        self._done(done, text if text or done else f"systemctl: {reason.getErrorMessage()}")


def unit_of(pid: int) -> str | None:
    """
    The unit of this service's manager that a process is in; None if that is none.
    """
    ours, theirs = _group_of(os.getpid()), _group_of(pid)
    manager = _slices_off(ours[:-1])
    inside = theirs[len(manager) :]
    if theirs[: len(manager)] != manager or not inside or _slices_off(inside[:-1]):
        return None  # of another manager, such as a user's own, who may call a unit anything
    return inside[-1]


def _group_of(pid: int) -> Sequence[str]:
    """The control group that systemd has put a process into, by its segments."""
    try:
        with open(f"{_PROC}/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                if controllers in ("", "name=systemd"):
                    return [segment for segment in path.split("/") if segment]
    except (OSError, ValueError):
        pass
    return ()


def _slices_off(path: Sequence[str]) -> Sequence[str]:
    """A path without the slices at its end."""
    kept = list(path)
    while kept and kept[-1].endswith(".slice"):
        kept.pop()
    return kept
