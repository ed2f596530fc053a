"""
The socket between the old service and the new one.

Both ends wait: while one gives and the other takes, neither does anything else, so that nothing
changes under the records. That is bounded by one deadline for all of it.
"""

from __future__ import annotations

import array
import os
import socket
import time

from netshare.service.records import Handed
from netshare.service.takeover.messages import BadRecord, RecordReader, encode
from netshare.sockets.unixnames import EXHAUSTED

#: Seconds that all of it may take, from the first record until the new service has taken them.
PATIENCE = 5.0

#: What the new service says when it can be given the records, and when it has them; and what the
#: old one says then, or else.
READY, TAKEN, YOURS = b"ready", b"taken", b"yours"

_LONGEST = 256 * 1024
_ANCILLARY = socket.CMSG_SPACE(253 * array.array("i").itemsize)


class ChannelBroken(Exception):
    """
    The far end is gone, says what it should not, or nothing for too long.
    """


class Channel:
    """
    One end.

    :param connection: a socket of sequenced packets, which this object now owns
    :param patience: seconds for everything that is said and heard
    """

    def __init__(self, connection: socket.socket, patience: float = PATIENCE) -> None:
        self._connection = connection
        self._until = time.monotonic() + patience
        self._reader = RecordReader()

    def send(self, handed: Handed) -> None:
        """
        :raises ChannelBroken: the far end does not take it
        """
        for message in encode(handed):
            self._send(message.payload, message.descriptors)

    def say(self, word: bytes) -> None:
        """
        :raises ChannelBroken: as :meth:`send`
        """
        self._send(word, ())

    def hear(self, word: bytes) -> None:
        """
        :raises ChannelBroken: the far end says something else, or nothing
        """
        payload, descriptors = self._receive()
        _close(descriptors)
        if payload != word:
            raise ChannelBroken(f"it said {payload[:60]!r} instead of {word!r}")

    def receive(self) -> Handed:
        """
        The next record; its descriptors belong to the caller.

        :raises ChannelBroken: there is none
        """
        while True:
            payload, descriptors = self._receive()
            try:
                handed = self._reader.feed(payload, descriptors)
            except BadRecord as error:
                raise ChannelBroken(f"it sent no record: {error}") from None
            if handed is not None:
                return handed

    def close(self) -> None:
        """Say no more."""
        self._reader.close()
        self._connection.close()

    def _send(self, payload: bytes, descriptors: tuple[int, ...]) -> None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        while True:
            try:
                self._wait()
                self._connection.sendmsg(
                    [payload], ancillary if descriptors else [], socket.MSG_NOSIGNAL
                )
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise ChannelBroken(str(error)) from None
                time.sleep(0.001)

    def _receive(self) -> tuple[bytes, list[int]]:
        try:
            self._wait()
            payload, ancillary, flags, _ = self._connection.recvmsg(
                _LONGEST, _ANCILLARY, socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise ChannelBroken(str(error)) from None
        descriptors = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            _close(list(descriptors))
            raise ChannelBroken(
                "a message was cut off: too few descriptors may be open (ulimit -n)"
            )
        if not payload:
            raise ChannelBroken("it is gone")
        return payload, list(descriptors)

    def _wait(self) -> None:
        """:raises ChannelBroken: the time is over"""
        left = self._until - time.monotonic()
        if left <= 0:
            raise ChannelBroken("it took too long")
        self._connection.settimeout(left)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
