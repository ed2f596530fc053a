"""
Files whose change makes a worker's processes out of date.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from netshare.service.activation.generation import Generation

#: What tells a file from what stood in its place before; None: there is none.
_Stamp = tuple[int, int, int, int] | None


class WatchedFiles:
    """
    The files of one worker, as they were when each of its processes was started, and as they are.

    A change counts when all files are there and no further change has come between two looks: what
    is being written or copied is not started with.

    :param paths: of files, or of directories, where it is names that are looked at
    :param directory: where relative paths begin; None: where the service runs
    """

    def __init__(self, paths: Sequence[str], directory: str | None = None) -> None:
        self._paths = tuple(paths)
        self._directory = os.path.abspath(directory or ".")
        self._now: list[_Stamp] = []
        self._settled = False
        self._at_start: WeakKeyDictionary[Generation, list[_Stamp]] = WeakKeyDictionary()

    def look(self) -> None:
        """See how they are."""
        now = self._stamps()
        self._settled = now == self._now and None not in now
        self._now = now

    def note(self, generation: Generation) -> None:
        """A process is about to be started, with the files as they are."""
        self._at_start[generation] = self._stamps()

    def changed_since(self, generation: Generation) -> str | None:
        """
        :returns: the path of a file that is another one than when this process was started; of one
            that was not started here, than when it was asked for first
        """
        if not self._settled:
            return None
        then = self._at_start.setdefault(generation, self._now)
        return next(
            (
                path
                for path, one, other in zip(self._paths, then, self._now, strict=True)
                if one != other
            ),
            None,
        )

    def _stamps(self) -> list[_Stamp]:
        return [_stamp(os.path.join(self._directory, path)) for path in self._paths]


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
