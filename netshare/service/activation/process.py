"""
Starting the process of a worker.

Each process inherits one end of a UNIX socket pair: its link to the registration desk, which it
can use without permission for the one address it was started for. The link is also its life line:
when the service is gone, however it went, the worker reads the end of it and leaves.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.process import Process
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.control.paths import CONTROL_VARIABLE, LINK_VARIABLE
from netshare.reactors import IReactor
from netshare.service.activation.interfaces import IProcessWatcher, IWorkerProcess, ProcessEnds
from netshare.service.activation.isolation import (
    Identity,
    environment_file,
    identity_of,
    launch_line,
    launchers_environment,
)
from netshare.service.activation.output import STREAMS, OutputLines
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.surroundings import environment_of_worker
from netshare.service.desk.protocol import DeskProtocol, RegistrationDesk
from netshare.sockets.credentials import Peer
from netshare.sockets.held import NotPassable

#: The descriptor of a worker's link, in the worker.
LINK_DESCRIPTOR = 3

#: Where it says why it could not be started; closed when it was.
REPORT_DESCRIPTOR = 4

#: Where what starts it finds its environment.
ENVIRONMENT_DESCRIPTOR = 5


class SpawnFailed(Exception):
    """
    A process cannot be started; the message says why.
    """


class Spawner:
    """
    Starts processes of one worker.

    :param environ: the service's, of which a process inherits a few names; and the path of the
        control socket
    """

    def __init__(
        self,
        reactor: IReactor,
        desk: RegistrationDesk,
        spec: WorkerSpec,
        environ: Mapping[str, str],
    ) -> None:
        self._reactor = reactor
        self._desk = desk
        self._spec = spec
        self._environ = environ

    def spawn(self, watcher: Any) -> IWorkerProcess:
        """
        Start one.

        :param watcher: an :class:`IProcessWatcher` that is an :class:`ILinkWatcher`, too
        :raises SpawnFailed: there is no such program, directory or user, or no room
        """
        try:
            identity = identity_of(self._spec.isolation)
        except ValueError as error:
            raise SpawnFailed(str(error)) from None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise SpawnFailed(f"there is no room for its link: {error}") from None
        with ours, theirs:
            ours.setblocking(False)
            link = DeskProtocol(self._desk, [self._spec.address], watcher=watcher)
            links: Any = _Links(link)
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, links)
            try:
                process = self._start(watcher, theirs, identity)
            except OSError as error:
                link.close()
                raise SpawnFailed(str(error)) from None
        # The kernel names the maker of a socket pair, which is this process.
        link.peer = Peer(process.pid, identity.uid, identity.all_groups)
        return process

    def _start(
        self, watcher: IProcessWatcher, link: socket.socket, identity: Identity
    ) -> IWorkerProcess:
        """:raises OSError: the system does not"""
        environment = self._environment(identity)
        arguments = launch_line(
            self._spec.isolation,
            identity,
            ENVIRONMENT_DESCRIPTOR,
            self._spec.arguments(),
            REPORT_DESCRIPTOR,
        )
        output = SpawnedProcess(self._reactor, watcher)
        with open(os.devnull, "rb") as nothing, environment_file(environment) as given:
            self._reactor.spawnProcess(
                output,
                arguments[0],
                arguments,
                env=launchers_environment(os.environ),
                childFDs={
                    0: nothing.fileno(),
                    1: "r",
                    2: "r",
                    LINK_DESCRIPTOR: link.fileno(),
                    REPORT_DESCRIPTOR: "r",
                    ENVIRONMENT_DESCRIPTOR: given,
                },
            )
        return output

    def _environment(self, identity: Identity) -> dict[str, str]:
        return {
            CONTROL_VARIABLE: self._environ[CONTROL_VARIABLE],
            **environment_of_worker(self._environ, self._spec.isolation, identity),
            LINK_VARIABLE: str(LINK_DESCRIPTOR),
            "PYTHONUNBUFFERED": "1",
        }


class _Links(Factory):
    """Makes the service's end of one worker's link."""

    noisy = False

    def __init__(self, link: DeskProtocol) -> None:
        self._link = link

    def buildProtocol(self, addr: object) -> DeskProtocol:
        return self._link


@implementer(IWorkerProcess)
class SpawnedProcess(ProcessProtocol):
    """
    A child of this process.
    """

    transport: Process
    pid = 0
    passes = True

    def __init__(self, reactor: IReactor, watcher: IProcessWatcher) -> None:
        self._reactor = reactor
        self._watcher: IProcessWatcher | None = watcher
        self._lines = OutputLines(self._said)
        self._pidfd = -1
        self._report = b""

    def __str__(self) -> str:
        return f"process {self.pid}"

    def connectionMade(self) -> None:
        self.pid = self.transport.pid or 0

    def owns(self, pid: int) -> bool:
        """See :meth:`IWorkerProcess.owns`."""
        return pid == self.pid

    def signal(self, name: str) -> None:
        """See :meth:`IWorkerProcess.signal`."""
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            pass  # then processExited is on its way

    def ends(self) -> ProcessEnds:
        """See :meth:`IWorkerProcess.ends`."""
        if self._pidfd < 0:
            # The number is the process's own until this one, its parent, has asked how it ended.
            try:
                self._pidfd = os.pidfd_open(self.pid)
            except OSError as error:
                raise NotPassable(f"there is no pidfd of process {self.pid}: {error}") from None
        open_pipes = self.transport.pipes
        pipes = {stream: open_pipes[stream].fileno() for stream in STREAMS if stream in open_pipes}
        return ProcessEnds(self._pidfd, pipes, dict(self._lines.partial))

    def letGo(self) -> None:
        """See :meth:`IWorkerProcess.letGo`."""
        self._watcher = None
        self._closePidfd()
        self.transport.loseConnection()  # of its output; it goes on, and is reaped when it ends

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == REPORT_DESCRIPTOR:
            self._report += data
        else:
            self._lines.received(childFD, data)

    def processExited(self, reason: Failure) -> None:
        self._closePidfd()
        if self._watcher is None:
            return
        report = self.transport.pipes.get(REPORT_DESCRIPTOR)
        if report is not None:
            report.doRead()  # the end may be noticed before what was said
        said = self._report.decode("utf-8", "replace")
        self._watcher.ended(f"cannot be started: {said}" if said else _how(reason))
        # Not processEnded, and not waiting for it: a grandchild may keep the pipes for ever. What
        # the process has said last may still be in them.
        self._reactor.callLater(0, self._closePipes)

    def _said(self, line: bytes) -> None:
        if self._watcher is not None:
            self._watcher.said(line)

    def _closePidfd(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def _closePipes(self) -> None:
        self._lines.finish()
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
