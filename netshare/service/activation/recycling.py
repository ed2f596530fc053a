"""
When a process is to be replaced though nothing is wrong with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from netshare.service.activation.files import WatchedFiles
from netshare.service.activation.generation import Generation, Phase
from netshare.service.activation.interfaces import IWorkerProcess
from netshare.service.activation.limits import RecycleAfter
from netshare.service.activation.surroundings import memory_of

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
