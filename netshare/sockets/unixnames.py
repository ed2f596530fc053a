"""
Descriptors over UNIX connections: what depends on names that Twisted keeps for itself there, see
:mod:`netshare.sockets.privatenames`.

The kernel counts the descriptors that a user's processes have sent and no process has received
yet. Too many of them (ETOOMANYREFS), or no memory, and it carries no more for a while: the error
says nothing about the connection that the next one was to be sent over. Twisted takes it for the
end of that connection. :func:`wait_for_room` makes a transport wait instead, and :func:`send_now`
tells a caller who has something better to do than to wait.
"""

from __future__ import annotations

import array
import errno
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet import unix
from twisted.internet.main import CONNECTION_LOST

#: The classes and what is used of them that is not promised.
RELIED_ON: tuple[tuple[type, str], ...] = (
    (unix.Server, "_sendmsgQueue"),
    (unix.Server, "_writeSomeDataBase"),
    (unix.Client, "_sendmsgQueue"),
    (unix.Client, "_writeSomeDataBase"),
)

#: The system carries no more descriptors now, for no fault of this connection's.
EXHAUSTED = (errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM)

#: Seconds until a transport that waits for room tries again.
ROOM_PAUSE = 0.05

_SENDING = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


def wait_for_room(transport: Any) -> None:
    """
    Let a transport keep what it cannot send while the system carries no descriptors.

    :param transport: a UNIX connection of Twisted's; any other is left as it is
    """
    if isinstance(transport, (unix.Server, unix.Client)):
        made: Any = transport
        made.writeSomeData = partial(_write_some, transport)


def send_now(transport: Any, messages: Sequence[bytes], descriptors: Sequence[int]) -> int | None:
    """
    Send messages, each of which has a descriptor, at once.

    One takes a single call. Of several the descriptors go first, each with a byte as the protocol
    has it, and then all the rest in one piece: so the other side reads, and answers, them together.

    :param messages: not more than the first one has bytes
    :returns: how many have left, or will; None where the transport is none of Twisted's own, and
        nothing was done
    :raises BlockingIOError: the far end does not read; nothing was sent
    :raises OSError: the system does not carry it; nothing was sent
    """
    if not isinstance(transport, (unix.Server, unix.Client)):
        return None
    if not _is_clear(transport):
        if not transport.producerPaused:
            transport.doWrite()  # an error is met by the reactor, which tries again
        if not _is_clear(transport):
            raise BlockingIOError(errno.EAGAIN, "it does not read its link")
    first = messages[0]
    if len(messages) == 1:
        sent = _send(transport.socket, first, descriptors[0])
        if sent < len(first):
            transport.write(first[sent:])
        return 1
    carried = 0
    try:
        for descriptor in descriptors:
            _send(transport.socket, first[carried : carried + 1], descriptor)
            carried += 1
    except OSError:
        if not carried:
            raise
    _send_rest(transport, b"".join(messages[:carried])[carried:])
    return carried


def _send_rest(transport: Any, data: bytes) -> None:
    """Send bytes behind a descriptor that has left: now, as far as there is room."""
    try:
        sent = transport.socket.send(data, _SENDING)
    except OSError:
        sent = 0  # the transport meets it, too, and knows what to do
    if sent < len(data):
        transport.write(data[sent:])


def unsent_bytes(transport: Any) -> bytes | None:
    """
    What was written to a UNIX connection and has not left; None where descriptors wait to leave,
    or the connection is being closed.
    """
    if transport._sendmsgQueue or transport.disconnecting or not transport.connected:
        return None
    return bytes(transport.dataBuffer[transport.offset :]) + b"".join(transport._tempDataBuffer)


def _is_clear(transport: Any) -> bool:
    """Whether nothing that was written has still to leave."""
    waits = transport._sendmsgQueue or transport._tempDataBuffer or transport.disconnecting
    return not waits and transport.connected and len(transport.dataBuffer) == transport.offset


def _send(connection: socket.socket, data: Any, descriptor: int) -> int:
    rights = array.array("i", [descriptor])
    return connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], _SENDING)


def _write_some(transport: Any, data: Any) -> Any:
    """
    As Twisted's: each descriptor that waits goes with one byte, and then the rest of the bytes.
    """
    index = 0
    for descriptor in transport._sendmsgQueue[: len(data)]:
        try:
            _send(transport.socket, data[index : index + 1], descriptor)
        except BlockingIOError:
            return index
        except OSError as error:
            if error.errno not in EXHAUSTED:
                return CONNECTION_LOST
            # The connection is writable all the while: the reactor would try without end.
            transport.stopWriting()
            transport.reactor.callLater(ROOM_PAUSE, _try_again, transport)
            return index
        del transport._sendmsgQueue[0]
        index += 1
    written = transport._writeSomeDataBase.writeSomeData(transport, data[index:])
    return index + written if isinstance(written, int) else written


def _try_again(transport: Any) -> None:
    if transport.connected:
        transport.startWriting()
