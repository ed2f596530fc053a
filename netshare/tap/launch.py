"""
Starting the service that is to take over from this one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol

from netshare.control.commands import TakeOverRefused
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.activation.surroundings import ambient_capabilities
from netshare.tap import orphan
from netshare.timing import Timer

#: Seconds that it has for that.
PATIENCE = 60.0

#: On which it is told the number of the process, and by its end that of the process.
_REPORT = 3

_OPTION = "--take-over"


def own_command_line() -> list[str]:
    """
    What starts a process like this one, which takes over from it.
    """
    rest = [one for one in sys.orig_argv[1:] if one != _OPTION]
    return [sys.executable, *rest, _OPTION]


class Launch(ProcessProtocol):
    """
    One attempt. The process is no child of this one.

    :param command: what starts it
    :param environ: its environment
    :ivar pid: its number, once that is known
    :ivar over: whether it has come to an end, this or that
    """

    log = Logger()

    def __init__(
        self, reactor: IReactor, command: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self.pid: int | None = None
        self.over = False
        self._reactor = reactor
        self._command = list(command)
        self._environ = dict(environ)
        self._said = b""
        self._done: Deferred[int] = Deferred()
        self._tooLate = Timer(reactor, self._cut)

    def start(self) -> Deferred[int]:
        """
        :returns: its number, when it has taken over; fails with
            :class:`~netshare.control.commands.TakeOverRefused` if it ends before
        """
        program = [sys.executable, "-I", str(Path(orphan.__file__)), str(_REPORT), *self._command]
        self._tooLate.start(PATIENCE)
        try:
            with ambient_capabilities():
                self._reactor.spawnProcess(
                    self,
                    program[0],
                    program,
                    env=self._environ,
                    childFDs={0: 0, 1: 1, 2: 2, _REPORT: "r"},
                )
        except OSError as error:
            self._fail(f"no other process can be started: {error}")
        return self._done

    def succeeded(self) -> None:
        """It has taken over."""
        if not self.over:
            self._end()
            self._done.callback(self.pid or 0)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._said += data
        if self._said.endswith(b"\n") and self.pid is None:
            self.pid = int(self._said)
            self.log.info("process {pid} is to take over", pid=self.pid)

    def childConnectionLost(self, childFD: int) -> None:
        who = "no other process could be started" if self.pid is None else f"process {self.pid}"
        has = "" if self.pid is None else " has ended before it had everything"
        self._fail(f"{who}{has}: the log of the service says why")

    def _cut(self) -> None:
        if self.pid is not None:
            try:
                os.kill(self.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        self._fail(f"process {self.pid} has not taken over within {PATIENCE:g} s, and is ended")

    def _fail(self, why: str) -> None:
        if not self.over:
            self._end()
            self._done.errback(TakeOverRefused(f"{why}; this one serves on"))

    def _end(self) -> None:
        self.over = True
        self._tooLate.stop()
