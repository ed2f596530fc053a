"""
One ``twistd netshare`` after the other: what a take-over needs beside the shared port itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from netshare.service.activation.supervision import Supervisor
from netshare.service.desk.listening import ControlPort
from netshare.service.records import ControlRecord, Handed
from netshare.service.shared import SharedPort
from netshare.service.takeover.giving import Giving, Phase, heard, tell
from netshare.service.takeover.taking import TakeOverFailed, Taking

#: Seconds between two looks at how much there is still to do, and at the predecessor.
LOOK_EVERY = 0.1


class Succession:
    """
    A service's predecessor and its successor.

    :param path: of the control socket
    :param managed: a service manager knows this process as the service
    :ivar control: the port that listens on it
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        shared: SharedPort,
        supervisor: Supervisor,
        path: Path,
        managed: bool = False,
    ) -> None:
        self.control: Any = None
        self.giving = Giving(reactor, shared, self._others, self._refusal, self._left)
        self._reactor = reactor
        self._shared = shared
        self._path = path
        self._supervisor = supervisor
        self._managed = managed
        self._lock = path.with_name(path.name + ".lock")
        self._looking: list[LoopingCall] = []

    @property
    def gone(self) -> bool:
        """Whether another process is the service."""
        return self.giving.phase is Phase.GONE

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

    def _refusal(self, workers: bool) -> str | None:
        if self._managed:
            return (
                "systemd runs it, and would take its end for that of the service: restart it with "
                "systemctl, which refuses no client of a port that systemd holds or keeps"
            )
        if self._supervisor.workers and not workers:
            return (
                "it has started workers, with which a service of the other release cannot go on: "
                "restart it instead"
            )
        return None

    def _left(self, channel: socket.socket) -> None:
        """Finish what only this process can finish, and end."""
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
