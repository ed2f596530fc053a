"""
The fast lane: connections with the bytes read from them, many to a message; and either end of one
in the reactor.

The lane is a ``SOCK_SEQPACKET`` UNIX socket, handed to a worker that asks for it when it
registers (``docs/protocol.rst``). A message with descriptors carries connections. One without
carries an answer when a worker sends it; when the service does, an address: sockets that came
for it before are to be given back at their next preamble. Integers are big-endian.

What a worker sends with a descriptor is a connection that it gives back, to be routed anew. If it
has said :data:`BUSY` just before, the message has those that it was given and takes no more of now:
the service keeps them for a worker that does. They count as not answered for, so what came before
them has to be answered for first.

There are three forms:

- *records*: one descriptor, and the payload is the bytes read. A worker in any language reads
  one with a single ``recvmsg``;
- *batches*: up to 64 descriptors; the payload begins with their number (16 bits), then for each
  the size of its bytes (32 bits) and of the client's address as text (8 bits), then the
  addresses and bytes themselves, in turn. An empty address means: ask the socket.
- *addressed*: what the service sends are batches of which each is for one registered address: its
  size (16 bits) and the address come first. A worker with many addresses needs no more than this
  one lane. What the worker sends are batches.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from twisted.internet.abstract import FileDescriptor
from twisted.python.failure import Failure

from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.held import HeldSocket

#: The kernel's limit is 253 (SCM_MAX_FD); a quarter of it fills a message well.
MAX_BATCH = 64

#: The longest payload of a message, in bytes: fits the default send buffer of a UNIX socket.
MAX_PAYLOAD = 128 * 1024

#: Numbers, once: combining the enum's members takes longer than the call they are for.
_SENDING = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
_RECEIVING = int(socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
_CUT_OFF = int(socket.MSG_TRUNC | socket.MSG_CTRUNC)

#: What a worker says before it gives back what it is too busy for.
BUSY = b"\x01"

_ANSWER = struct.Struct("!II")
_COUNT = struct.Struct("!H")


class LaneForm(Enum):
    """How connections are put into messages."""

    RECORDS = "records"
    BATCHES = "batches"
    ADDRESSED = "addressed"


class BadParcels(Exception):
    """
    A message on the fast lane is not what it should be.
    """


@dataclass(frozen=True, slots=True)
class Parcel:
    """
    One connection, without its descriptor.
    """

    #: Every byte from the first of the preamble on.
    readData: bytes
    #: The client's address as text, where the socket does not know it; else empty.
    peer: str = ""


def pack_batch(contents: Sequence[bytes], peers: Sequence[str]) -> bytes:
    """
    The payload for up to :data:`MAX_BATCH` connections.

    :param contents: what was read from each
    :param peers: each one's :attr:`Parcel.peer`
    """
    count = len(contents)
    sizes: list[int] = []
    parts: list[bytes] = [_COUNT.pack(count), b""]
    for content, peer in zip(contents, peers, strict=True):
        name = peer.encode("utf-8")[:255] if peer else b""
        sizes += (len(content), len(name))
        parts += (name, content)
    parts[1] = _all_sizes(count).pack(*sizes)
    return b"".join(parts)


@lru_cache(maxsize=MAX_BATCH)
def _all_sizes(count: int) -> struct.Struct:
    return struct.Struct("!" + "IB" * count)


def unpack_batch(payload: bytes, descriptors: int) -> list[Parcel]:
    """
    The connections of a message.

    :param descriptors: how many descriptors came with it
    :raises BadParcels: the payload is not a batch of so many
    """
    try:
        (count,) = _COUNT.unpack_from(payload)
        if count != descriptors:
            raise BadParcels(f"{count} connections came with {descriptors} descriptors")
        layout = _all_sizes(count)
        sizes = layout.unpack_from(payload, _COUNT.size)
    except struct.error:
        raise BadParcels(f"{len(payload)} bytes are too few for a batch") from None
    at = _COUNT.size + layout.size
    parcels = []
    for size, peerSize in zip(sizes[::2], sizes[1::2], strict=True):
        try:
            peer = payload[at : at + peerSize].decode("utf-8") if peerSize else ""
        except UnicodeDecodeError:
            raise BadParcels("an address is not UTF-8") from None
        at += peerSize
        parcels.append(Parcel(payload[at : at + size], peer))
        at += size
    if at != len(payload):
        raise BadParcels(f"a batch of {at} bytes came in a message of {len(payload)}")
    return parcels


def address_head(address: str) -> bytes:
    """
    What an addressed batch begins with.

    :param address: the registered address that its connections are for
    """
    text = address.encode("utf-8")
    return _COUNT.pack(len(text)) + text


def split_addressed(payload: bytes) -> tuple[str, bytes]:
    """
    :returns: the address that a batch is for, and the batch
    :raises BadParcels: it is no addressed batch
    """
    try:
        end = _COUNT.size + _COUNT.unpack_from(payload)[0]
        if end > len(payload):
            raise BadParcels(f"an address of {end - _COUNT.size} bytes is cut off")
        return payload[_COUNT.size : end].decode("utf-8"), payload[end:]
    except (struct.error, UnicodeDecodeError):
        raise BadParcels("a batch has no address that could be read") from None


def read_parcels(form: LaneForm, payload: bytes, held: Sequence[HeldSocket]) -> list[Parcel]:
    """
    The connections of a message that a worker has sent.

    :param held: the sockets that came with it; they are closed when it makes no sense
    :raises BadParcels: the payload is none of so many
    """
    try:
        if form is not LaneForm.RECORDS:
            return unpack_batch(payload, len(held))
        if len(held) != 1:
            raise BadParcels(f"a record carries one connection, not {len(held)}")
        return [Parcel(payload)]
    except BadParcels:
        for one in held:
            one.close()
        raise


def pack_answer(adopted: int, gone: int) -> bytes:
    """
    What a worker answers: how many connections it has adopted, and how many it found closed,
    since its last answer.
    """
    return _ANSWER.pack(adopted, gone)


def unpack_answer(payload: bytes) -> tuple[int, int]:
    """
    :raises BadParcels: it is no answer
    """
    if len(payload) != _ANSWER.size:
        raise BadParcels(f"an answer has {_ANSWER.size} bytes, not {len(payload)}")
    adopted, gone = _ANSWER.unpack(payload)
    return adopted, gone


def send(lane: socket.socket, payload: bytes, descriptors: Sequence[int]) -> bool:
    """
    Send one message, if the other end has room for it.

    :returns: whether it was sent; a message is sent whole or not at all
    :raises OSError: the lane is broken
    """
    ancillary = (
        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        if descriptors
        else []
    )
    try:
        lane.sendmsg([payload], ancillary, _SENDING)
    except BlockingIOError:
        return False
    return True


_ANCILLARY = socket.CMSG_SPACE(MAX_BATCH * array.array("i").itemsize)


def receive(lane: socket.socket) -> tuple[bytes, list[int]] | None:
    """
    Receive one message, if one is there. The descriptors are not inheritable.

    :returns: payload and descriptors; an empty payload without descriptors is the end
    :raises OSError: the lane is broken
    :raises BadParcels: the message was longer than any may be, or this process has no room for
        all of its descriptors; those that came are closed
    """
    try:
        payload, ancillary, flags, _ = lane.recvmsg(MAX_PAYLOAD, _ANCILLARY, _RECEIVING)
    except BlockingIOError:
        return None
    if not ancillary and not flags & _CUT_OFF:
        return payload, []
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if flags & _CUT_OFF:
        for descriptor in descriptors:
            os.close(descriptor)
        raise BadParcels(
            f"a message is longer than {MAX_PAYLOAD} bytes, or has more descriptors than there is "
            "room for"
        )
    return payload, list(descriptors)


def is_end(message: tuple[bytes, list[int]]) -> bool:
    """Whether what was received is the end: the far end has closed."""
    return not message[0] and not message[1]


class LaneEnd(FileDescriptor):
    """
    One end of a fast lane.

    :param connection: the socket, which this object now owns
    """

    log = Logger()

    def __init__(self, reactor: IReactor, connection: socket.socket) -> None:
        super().__init__(reactor)
        connection.setblocking(False)
        self.socket = connection
        self.connected = 1

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "netshare lane"

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor has given this descriptor up: something failed, or the reactor stops. An end
        that stayed open then would take messages that are never read.
        """
        self.close()

    def close(self) -> None:
        """
        Close this end, once.
        """
        if self.connected:
            self.connected = 0
            self.disconnecting = True
            self.stopReading()
            self.stopWriting()
            self.socket.close()
