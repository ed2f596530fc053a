"""
Sending at once.

A transport of Twisted's collects what is written to it and sends it in the reactor's next turn: for
a short answer that turn, and asking for it and taking that back, is a good part of all its work.
When nothing waits in the transport nothing has to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from netshare.sockets.privatenames import is_idle, send_now

__all__ = ["LastWrite", "send", "send_byte"]


def send(transport: Any, pieces: Sequence[bytes | memoryview]) -> None:
    """
    Write to a transport, and send it at once if it is a TCP connection to which nothing else is
    being written. The transport writes what cannot be sent at once.
    """
    if is_idle(transport):
        data = b"".join(pieces)
        sent = send_now(transport, data)
        if sent < len(data):
            transport.write(data[sent:])
    else:
        transport.writeSequence(pieces)


def send_byte(transport: Any, byte: bytes) -> bool:
    """
    :returns: whether a byte, and all that was written before it, has left; if not, nothing was done
    """
    return is_idle(transport) and send_now(transport, byte) == 1


@implementer(IPullProducer)
class LastWrite:
    """
    Writes once and tells when it has left: the transport asks a pull producer at once and then
    whenever its buffer is empty.

    :param data: what to write
    :param write: writes it
    :param left: called when it has left
    """

    def __init__(
        self, data: bytes, write: Callable[[bytes], None], left: Callable[[], None]
    ) -> None:
        self._data: bytes | None = data
        self._write = write
        self._left = left

    def resumeProducing(self) -> None:
        data, self._data = self._data, None
        if data is not None:
            self._write(data)
        else:
            self._left()

    def stopProducing(self) -> None:
        """The connection is lost; nobody waits any more."""
