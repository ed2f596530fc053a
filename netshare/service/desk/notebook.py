"""
Where a service writes a text for the next process of itself: in a file, or in memory that a
service manager keeps.

Either is replaced as a whole: a process that is killed while it writes leaves the old text.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Protocol

#: How much is read: 250,000 addresses of a usual length.
LONGEST = 32 * 1024 * 1024

# Where the text stands, and its length.
_HEAD = struct.Struct("<QQ")


class Notebook(Protocol):
    """
    A text.
    """

    def read(self) -> str:
        """
        :returns: what was written last, :data:`LONGEST` bytes at most; empty if nothing was
        :raises OSError: it cannot be read
        """

    def write(self, text: str) -> None:
        """
        :raises OSError: it cannot be written, and what was there is there still
        """


class FileNotebook:
    """
    A file.

    :param path: its directory has to exist and be writable
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> str:
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                return file.read(LONGEST)
        except FileNotFoundError:
            return ""

    def write(self, text: str) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(beside, self._path)


class MemoryNotebook:
    """
    A file without a name (memfd_create(2)), of which another process has a descriptor, too.

    The text stands where its head says. A new one is written beside the old one, and the head,
    which is small enough to be written at once, last.

    :param descriptor: the file, which this object now owns
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __str__(self) -> str:
        return "the list in memory"

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)

    def read(self) -> str:
        at, size = self._head()
        return os.pread(self._descriptor, min(size, LONGEST), at).decode("utf-8", "replace")

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        at, size = self._head()
        new = _HEAD.size if _HEAD.size + len(data) <= at else at + size
        written = 0
        while written < len(data):
            written += os.pwrite(self._descriptor, data[written:], new + written)
        os.pwrite(self._descriptor, _HEAD.pack(new, len(data)), 0)
        os.ftruncate(self._descriptor, new + len(data))

    def _head(self) -> tuple[int, int]:
        head = os.pread(self._descriptor, _HEAD.size, 0)
        at, size = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
        whole = os.fstat(self._descriptor).st_size
        return (at, size) if _HEAD.size <= at and at + size <= whole else (_HEAD.size, 0)
