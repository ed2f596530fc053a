"""
A process of a worker that another service process has started.

It is no child of this one: how it ended cannot be asked for. Its pidfd says when, and takes
signals.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.process import ProcessReader
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.reactors import IReactor
from netshare.service.activation.interfaces import IProcessWatcher, IWorkerProcess, ProcessEnds
from netshare.service.activation.output import OutputLines

_HOW = "ended; its status is not known, since an earlier process of the service had started it"


@implementer(IWorkerProcess)
class AdoptedProcess:
    """
    The child of another process, by its pidfd and the pipes of its output.

    :param ends: what another process had of it; the descriptors belong to this object now
    """

    passes = True

    def __init__(
        self, reactor: IReactor, watcher: IProcessWatcher, pid: int, ends: ProcessEnds
    ) -> None:
        self.pid = pid
        self._reactor = reactor
        self._watcher = watcher
        self._lines = OutputLines(watcher.said, ends.partial)
        self._end = ProcessEnd(reactor, ends.pidfd, self._ended)
        self._pipes: dict[int, Any] = {
            stream: ProcessReader(reactor, self, stream, descriptor)
            for stream, descriptor in ends.pipes.items()
        }

    def __str__(self) -> str:
        return f"process {self.pid}"

    def owns(self, pid: int) -> bool:
        """See :meth:`IWorkerProcess.owns`."""
        return pid == self.pid

    def signal(self, name: str) -> None:
        """See :meth:`IWorkerProcess.signal`."""
        self._end.signal(signal.Signals[f"SIG{name}"])

    def ends(self) -> ProcessEnds:
        """See :meth:`IWorkerProcess.ends`."""
        pipes = {stream: pipe.fileno() for stream, pipe in self._pipes.items()}
        return ProcessEnds(self._end.fileno(), pipes, dict(self._lines.partial))

    def letGo(self) -> None:
        """See :meth:`IWorkerProcess.letGo`."""
        self._end.close()
        self._closePipes()

    def childDataReceived(self, stream: int, data: bytes) -> None:
        """It has written something."""
        self._lines.received(stream, data)

    def childConnectionLost(self, stream: int, reason: Failure) -> None:
        """It has closed an output, or ended."""
        pipe = self._pipes.pop(stream, None)
        if pipe is not None:
            os.close(pipe.fileno())

    def _ended(self) -> None:
        self._watcher.ended(_HOW)
        # What it has said last may still be in its pipes; a grandchild may keep them for ever.
        self._reactor.callLater(0, self._finish)

    def _finish(self) -> None:
        self._lines.finish()
        self._closePipes()

    def _closePipes(self) -> None:
        for stream, pipe in list(self._pipes.items()):
            pipe.stopReading()
            self.childConnectionLost(stream, Failure(EOFError()))


@implementer(IReadDescriptor)
class ProcessEnd:
    """
    Waits for the end of a process.

    :param pidfd: it belongs to this object
    :param ended: called then, once
    """

    def __init__(self, reactor: IReactor, pidfd: int, ended: Callable[[], None]) -> None:
        self._reactor = reactor
        self._pidfd = pidfd
        self._ended = ended
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "the end of a worker"

    def doRead(self) -> None:
        self.close()
        self._ended()

    def connectionLost(self, reason: Failure) -> None:
        self.close()  # the reactor ends

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._pidfd >= 0:
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass  # the pidfd says so, too

    def close(self) -> None:
        """Wait no longer."""
        if self._pidfd >= 0:
            self._reactor.removeReader(self)
            os.close(self._pidfd)
            self._pidfd = -1
