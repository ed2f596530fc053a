"""
Sending at once.

A transport of Twisted's collects what is written to it and sends it in the reactor's next turn: for
a short answer that turn, and asking for it and taking that back, is a good part of all its work.
When nothing waits in the transport nothing has to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from socket import MSG_DONTWAIT
from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

__all__ = ["LastWrite", "send", "send_byte"]


def send(transport: Any, pieces: Sequence[bytes | memoryview]) -> None:
    """
    Write to a transport, and send it at once if it is a TCP connection to which nothing else is
    being written. What cannot be sent at once is written as ever, and so is everything else after
    an error, which the transport then meets itself.
    """
    if isinstance(transport, Connection) and _is_idle(transport):
        data = b"".join(pieces)
        sent = _sent(transport, data)
        if sent < len(data):
            transport.write(data[sent:])
    else:
        transport.writeSequence(pieces)


def send_byte(transport: Any, byte: bytes) -> bool:
    """
    :returns: whether a byte, and all that was written before it, has left; if not, nothing was done
    """
    idle = isinstance(transport, Connection) and _is_idle(transport)
    return idle and _sent(transport, byte) == 1


def _sent(transport: Connection, data: bytes) -> int:
    try:
        # Another process that has the socket, too, may have made it a blocking one.
        return transport.socket.send(data, MSG_DONTWAIT)
    except OSError:
        return 0


def _is_idle(transport: Any) -> bool:
    # Some of this has no public name. Without one of these there is always something.
    return (
        transport.connected
        and not transport.dataBuffer
        and not transport.disconnecting
        and not transport.TLS
        and not getattr(transport, "_tempDataBuffer", True)
        and not getattr(transport, "_writeDisconnecting", True)
        and not getattr(transport, "_aborting", True)
    )


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
