"""
When a process is to be replaced though nothing is wrong with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.interfaces import IReactorTime

from netshare.addresses import AddressKey
from netshare.logger import Logger
from netshare.service.activation.files import WatchedFiles
from netshare.service.activation.generation import Generation, Phase
from netshare.service.activation.interfaces import IWorkerProcess, State
from netshare.service.activation.limits import RecycleAfter
from netshare.service.activation.surroundings import memory_of
from netshare.service.activation.worker import NotServing, Worker
from netshare.timing import Timer

#: Seconds between two looks at whether a process is to be replaced.
LOOK_EVERY = 1.0

#: A limit is lowered by up to this part, differently for each process: those that were started
#: together are not to be replaced together.
JITTER = 0.1


class Recycling:
    """
    The reasons of one worker.

    :param directory: where its processes run; None: where the service does
    """

    def __init__(self, after: RecycleAfter, directory: str | None) -> None:
        self._after = after
        self._files = WatchedFiles(after.files, directory) if after.files else None

    def noting(
        self, spawn: Callable[[Generation], IWorkerProcess]
    ) -> Callable[[Generation], IWorkerProcess]:
        """
        :returns: what starts a process as this does, and notes with which files
        """
        files = self._files
        if files is None:
            return spawn

        def noted(generation: Generation) -> IWorkerProcess:
            files.note(generation)
            return spawn(generation)

        return noted

    def __bool__(self) -> bool:
        """Whether there may ever be a reason."""
        return bool(self._after)

    def look(self) -> None:
        """See whether files have changed; to be called again and again."""
        if self._files is not None:
            self._files.look()

    def reason(self, generation: Generation) -> str | None:
        """
        Why a process is to be replaced, in words, or None: it is not.
        """
        reason = reason_to_recycle(self._after, generation)
        if reason is None and self._files is not None and generation.phase is Phase.READY:
            path = self._files.changed_since(generation)
            reason = None if path is None else f"{path} has changed"
        return reason


class Replacing:
    """
    Has processes replaced that are due.

    :param recycling: the reasons, by address
    :param workers: the workers, by address
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        recycling: Mapping[AddressKey, Recycling],
        workers: Mapping[AddressKey, Sequence[Worker]],
    ) -> None:
        self._recycling = recycling
        self._workers = workers
        self._timer = Timer(reactor, self._look)

    def start(self) -> None:
        """Look from now on, if there may be something to see."""
        if any(self._recycling.values()):
            self._timer.start(LOOK_EVERY)
        else:
            self._timer.stop()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _look(self) -> None:
        """Replace one process that is due, unless one is being replaced: memory is for all."""
        self.start()
        for recycling in self._recycling.values():
            recycling.look()
        workers = [worker for some in self._workers.values() for worker in some]
        if any(worker.state is State.RECYCLING for worker in workers):
            return
        for key, recycling in self._recycling.items():
            for worker in self._workers[key]:
                due = worker.current
                reason = None if due is None else recycling.reason(due)
                if reason is not None and worker.mayRecycle:
                    self.log.info("{worker}: {reason}", worker=worker.name, reason=reason)
                    worker.recycle().addErrback(lambda failure: failure.trap(NotServing))
                    return


def reason_to_recycle(after: RecycleAfter, generation: Generation) -> str | None:
    """
    Why what a process has come to is too much, in words, or None: it is not.
    """
    pid, link = generation.pid, generation.link
    if generation.phase is not Phase.READY or pid is None or link is None:
        return None
    share = 1 - JITTER * random.Random(pid).random()
    if after.age is not None and generation.age >= after.age * share:
        return f"it is {generation.age:.0f} s old"
    if after.connections is not None and link.given >= after.connections * share:
        return f"it was given {link.given} connections"
    if after.memory is not None and (memory := memory_of(pid)) >= after.memory * share:
        return f"it has {memory // 1024**2} MB of memory"
    return None
