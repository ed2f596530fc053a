"""
Records a service's replies for :mod:`.floor`, over a plain socket.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.transport import floor
from benchmarks.harness.transport.loads import MEGABYTE, OPERANDS
from netshare.framing.records import BINARY_SESSION, END, PREAMBLE_ACK, Mode, RecordType, preamble
from netshare.framing.sized import envelope_header
from netshare.framing.sizes import decode_size
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.contracts.derivation import describe
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message, new_message_id
from tests.peers.contracts import IBasic
from tests.peers.services import pattern

#: Seconds for one reply.
PATIENCE = 30.0


def record_all(port: int, via: str, path: Path) -> None:
    """
    Record what the benchmark needs.

    :param port: of 127.0.0.1, where IBasic is
    :param path: the file to write
    """
    made = {
        name: record(port, via, [request(name, *arguments) for _ in range(2)])
        for name, arguments in (
            ("Add", OPERANDS),
            ("Bytes", (MEGABYTE,)),
            ("Count", (pattern(MEGABYTE),)),
        )
    }
    floor.save({name: (first, later) for name, (first, later) in made.items()}, path)


def request(name: str, *arguments: Any) -> Message:
    """:returns: the request of an operation of IBasic"""
    (operation,) = (one for one in describe(IBasic).operations if one.name == name)
    made, _ = formatter_for(operation).request_of(arguments, {})
    return made


def record(port: int, via: str, requests: Sequence[Message]) -> list[floor.Reply]:
    """
    Send requests in one session and keep what is answered.

    :param port: of 127.0.0.1
    :param requests: they get an identifier and an address here
    :raises BenchmarkError: the answer is no answer
    """
    encoder = encoder_for("binary-session").session()
    replies = []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        stream = connection.makefile("rb")
        connection.sendall(preamble(via, Mode.DUPLEX, BINARY_SESSION))
        if stream.read(1) != PREAMBLE_ACK:
            raise BenchmarkError(f"{via}: the preamble is not acknowledged")
        for one in requests:
            identifier = new_message_id()
            one.version, one.message_id, one.to = encoder.version, identifier, via
            payload = encoder.encode(one)
            connection.sendall(envelope_header(len(payload)) + payload)
            head = stream.read(1)
            if head != bytes((RecordType.SIZED_ENVELOPE,)):
                raise BenchmarkError(f"{via}: {head!r} came instead of a message")
            while (size := decode_size(head, 1)[0]) < 0:
                head += stream.read(1)
            try:
                replies.append(floor.Reply.cut(head + stream.read(size), identifier.bytes_le))
            except ValueError:
                raise BenchmarkError(f"{via}: the reply relates to something else") from None
        connection.sendall(END)
    return replies
