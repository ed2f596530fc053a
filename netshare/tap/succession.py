"""
One ``twistd netshare`` after the other: what a take-over needs beside the shared port itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import LoopingCall

from netshare.control.commands import TakeOverRefused
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.activation.supervision import Supervisor
from netshare.service.desk.listening import ControlPort
from netshare.service.notify import Notifier
from netshare.service.records import ControlRecord, Handed
from netshare.service.shared import SharedPort
from netshare.service.takeover.giving import Giving, Phase, heard, tell
from netshare.service.takeover.kept import KeptWorkers
from netshare.service.takeover.taking import TakeOverFailed, Taking
from netshare.sockets.credentials import Peer
from netshare.tap.launch import Launch

#: Seconds between two looks at how much there is still to do, and at the predecessor.
LOOK_EVERY = 0.1


class Succession:
    """
    A service's predecessor and its successor.

    :param path: of the control socket
    :param notifier: the service manager, which may know this process as the service
    :param kept: what that one keeps of workers
    :ivar control: the port that listens on it
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        shared: SharedPort,
        supervisor: Supervisor,
        path: Path,
        notifier: Notifier,
        kept: KeptWorkers,
    ) -> None:
        self.control: Any = None
        self.giving = Giving(
            reactor, shared, self._others, self._refusal, self._committing, self._left
        )
        #: What starts a successor; None: nothing does.
        self.command: Sequence[str] | None = None
        self._launch: Launch | None = None
        self._reactor = reactor
        self._shared = shared
        self._path = path
        self._supervisor = supervisor
        self._notifier = notifier
        self._kept = kept
        self._lock = path.with_name(path.name + ".lock")
        self._looking: list[LoopingCall] = []

    @property
    def gone(self) -> bool:
        """Whether another process is the service."""
        return self.giving.phase is Phase.GONE

    def replace(self) -> Deferred[int]:
        """
        Start a service that takes over from this one.

        :returns: its process, when it has; fails with :class:`TakeOverRefused`
        """
        if self.command is None:
            return fail(TakeOverRefused("this service was not started by a command line"))
        if self._launch is not None and not self._launch.over:
            return fail(TakeOverRefused("another process is just taking over"))
        environ = {**os.environ, **self._notifier.environment()}
        self._launch = Launch(self._reactor, self.command, environ)
        return self._launch.start()

    def adopt_control(self, taking: Taking) -> Any:
        """
        Listen on the control socket that was given.

        :raises TakeOverFailed: there was none
        """
        given = taking.control()
        if given is None:
            raise TakeOverFailed("the service that runs has not given its control socket")
        bound, owned = given
        port = ControlPort(
            self._reactor, bound, self._shared.desk, self._shared.quotas.listenBacklog, owned
        )
        port.startListening()
        return port

    def taken(self, channel: socket.socket, predecessor: int) -> None:
        """
        This process is the service now.

        :param channel: on which the predecessor tells how much it still has to do
        """
        beside = self._lock.with_name(self._lock.name + ".new")
        with suppress(OSError):
            beside.unlink(missing_ok=True)
            os.symlink(str(os.getpid()), beside)
            os.replace(beside, self._lock)
        draining = self._shared.status.draining
        draining[predecessor] = 0

        def look() -> None:
            busy = heard(channel)
            if busy is None:
                draining.pop(predecessor, None)
                channel.close()
                looking.stop()
            elif busy >= 0:
                draining[predecessor] = busy

        looking = LoopingCall(look)
        looking.clock = self._reactor
        looking.start(LOOK_EVERY)
        self._looking.append(looking)
        self.log.info("took over from process {pid}", pid=predecessor)

    def stop(self) -> None:
        """The service stops."""
        for looking in self._looking:
            if looking.running:
                looking.stop()
        if not self.gone:
            with suppress(OSError):
                if os.readlink(self._lock) == str(os.getpid()):
                    self._lock.unlink()

    def _others(self) -> Iterator[Handed]:
        owned = getattr(self.control, "owned", True)
        yield Handed(ControlRecord(str(self._path), owned), (self.control.fileno(),))
        yield from self._supervisor.handed_over()

    def _refusal(self, successor: Peer, workers: bool) -> str | None:
        ours = self._launch is not None and self._launch.pid == successor.pid
        if self._notifier and not ours:
            return (
                "systemd runs it, and would not know the new process for the service's: "
                '"systemctl reload" or "netshare take-over" starts one that it does'
            )
        if self._supervisor.workers and not workers:
            return (
                "it has started workers, with which a service of the other release cannot go on: "
                "restart it instead"
            )
        return None

    def _committing(self, pid: int) -> None:
        """The manager has to know the new process before this one ends."""
        if self._notifier.main_process(pid):
            self._notifier.settle()

    def _left(self, channel: socket.socket) -> None:
        """Finish what only this process can finish, and end."""
        if self._launch is not None:
            self._launch.succeeded()
        self._kept.freeze()
        self._supervisor.letGo()
        self.control.stopReading()
        self.control.socket.close()  # stopping it would remove the path
        until = self._reactor.seconds() + self._shared.quotas.drainTimeout
        last = self._reactor.seconds() + LOOK_EVERY

        def look() -> None:
            busy = self._shared.busy
            tell(channel, busy)
            now = self._reactor.seconds()
            if (busy and now < until) or now < last:
                return
            if busy:
                self.log.warn(
                    "{busy} connections are cut, which this process still relayed", busy=busy
                )
            looking.stop()
            self._reactor.stop()

        looking = LoopingCall(look)
        looking.clock = self._reactor
        looking.start(LOOK_EVERY / 2)
        self._looking.append(looking)
