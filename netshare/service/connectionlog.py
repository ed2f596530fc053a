"""
A log of connections alone, one JSON line each, for services that see thousands a second.

A line through Twisted's logging costs as much as handing the connection over does. This one costs
a twentieth: it is put together by hand and written once a second. The file can be renamed at any
time (logrotate); a new one is begun with the next write.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path
from typing import TextIO

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from netshare.logger import Logger
from netshare.outcomes import Outcome

#: Seconds until a line is in the file, at most.
DELAY = 1.0

#: How many lines are kept until they are written even before that.
MOST_LINES = 4096


#: Characters of a via and a detail that are remembered: clients choose them.
_LONGEST_KNOWN = 512


def _around_peer(outcome: Outcome, via: str, local: str, detail: str) -> tuple[str, str]:
    """What stands between the time and the client's address, and behind it: it repeats."""
    return (
        f', "outcome": {json.dumps(outcome.value)}, "via": {json.dumps(via)}, "peer": ',
        f', "local": {json.dumps(local)}, "detail": {json.dumps(detail)}}}\n',
    )


_around_known_peer = lru_cache(maxsize=4096)(_around_peer)


class ConnectionLog:
    """
    Writes lines such as::

        {"time": 1795415971.087, "outcome": "handed-over", "via": "net.tcp://host/path",
         "peer": "192.0.2.1:40000", "local": "192.0.2.2:808", "detail": "worker 123 of orders"}

    each on one line. The time is in seconds since the epoch, to the millisecond.

    :param path: the file, which is appended to
    :raises OSError: it cannot be opened
    """

    log = Logger()

    def __init__(self, reactor: IReactorTime, path: Path) -> None:
        self._reactor = reactor
        self._path = path
        self._file: TextIO = self._open()
        self._lines: list[str] = []
        self._call: IDelayedCall | None = None
        #: The beginning of a line, and when it was made: many come within a millisecond.
        self._stamp, self._stamped = "", 0.0

    def write(self, outcome: Outcome, via: str, peer: str, local: str, detail: str) -> None:
        """
        One connection has ended.
        """
        now = self._reactor.seconds()
        if not 0 <= now - self._stamped < 0.001:
            self._stamp, self._stamped = f'{{"time": {now:.3f}', now
        around = _around_known_peer if len(via) + len(detail) <= _LONGEST_KNOWN else _around_peer
        before, after = around(outcome, via, local, detail)
        self._lines.append(self._stamp + before + _quoted(peer) + after)
        if len(self._lines) >= MOST_LINES:
            self.flush()
        elif self._call is None:
            self._call = self._reactor.callLater(DELAY, self._flushLater)

    def flush(self) -> None:
        """
        Write what is kept. What cannot be written is lost, and that is logged.
        """
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            if not self._isOurs():
                old, self._file = self._file, self._open()
                old.close()
            self._file.writelines(lines)
            self._file.flush()
        except OSError as error:
            self.log.error(
                "{count} connections are missing in {path}: {error}",
                count=len(lines),
                path=str(self._path),
                error=error,
            )

    def close(self) -> None:
        """Write what is kept, and no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self.flush()
        try:
            self._file.close()
        except OSError:
            pass  # what it could not write is in Twisted's log already

    def _flushLater(self) -> None:
        self._call = None
        self.flush()

    def _open(self) -> TextIO:
        return open(self._path, "a", encoding="utf-8")

    def _isOurs(self) -> bool:
        """Whether the file we write is still the one with that name."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False
