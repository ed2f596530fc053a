"""
The worked example of docs/protocol.rst, as the real code writes it.

``python -m tests.helpers.protocol_example`` prints the blocks for the page.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IUNIXTransport
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.control import commands
from netshare.control.commands import WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.framing.records import preamble
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.desk.returns import Returns
from netshare.service.shared import SharedPort
from netshare.sockets.held import HeldSocket

ADDRESS = "net.tcp://+:8808/echo"
VIA = "net.tcp://server.example:8808/echo/deeper"
CLIENT, SERVER = "192.0.2.7:50123", "192.0.2.1:8808"


@dataclass(frozen=True)
class Message:
    """One box on the wire."""

    #: ``worker to service: Register``
    title: str
    data: bytes
    #: How many descriptors travel with its first bytes.
    descriptors: int


@implementer(IUNIXTransport)
class Wire:
    """A UNIX transport that delivers nothing by itself."""

    def __init__(self) -> None:
        self.socket, self.other = socket.socketpair()
        self.data = b""
        self.descriptors: list[int] = []

    def write(self, data: bytes) -> None:
        self.data += data

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def sendFileDescriptor(self, descriptor: int) -> None:
        self.descriptors.append(os.dup(descriptor))

    def getHandle(self) -> socket.socket:
        return self.socket

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """There is always room."""

    def loseConnection(self) -> None:
        pass

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.socket.close()
        self.other.close()


class ExampleReturns(Returns):
    """The example's client has the addresses of a documentation."""

    def _check(self, held: HeldSocket, served: Set[int]) -> tuple[str, str]:
        return CLIENT, SERVER


class ExampleWorker(ControlProtocol):
    """The worker's end."""

    busy = False

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[int] = []

    @declared(commands.Duplicate, WorkerFault)
    def duplicate(self, socket: int, **others: Any) -> dict[str, Any]:
        if self.busy:
            os.close(self.claim(socket))
            raise commands.Busy("as many clients as this worker takes")
        self.sockets.append(self.claim(socket))
        return {}

    @declared(commands.RoutesChanged, WorkerFault)
    def routesChanged(self, baseAddress: str) -> dict[str, Any]:
        return {}


class Example:
    """A service and workers, which say what the page shows."""

    def __init__(self) -> None:
        self.shared = SharedPort(MemoryReactorClock())
        self.wires: dict[Any, Wire] = {}
        self.desk, self.worker = self._link()

    def messages(self) -> Iterator[Message]:
        """The whole conversation, in order."""
        ask = self.worker.callRemote
        self._settle(ask(commands.Register, version=1, baseAddress=ADDRESS))
        yield self._sent("worker to service: Register", self.worker, self.desk)
        yield self._sent("service to worker: the answer to Register", self.desk, self.worker)

        self._arrive(preamble(VIA))
        yield self._sent("service to worker: Duplicate", self.desk, self.worker)
        yield self._sent("worker to service: the answer to Duplicate", self.worker, self.desk)

        self.worker.busy = True
        self._arrive(preamble(VIA))
        self._sent("another Duplicate", self.desk, self.worker)
        yield self._sent("worker to service: Busy", self.worker, self.desk)

        other, theirs = self._link()
        self._settle(
            theirs.callRemote(commands.Register, version=1, baseAddress=f"{ADDRESS}/deeper")
        )
        self._sent("", theirs, other)
        self._sent("", other, theirs)
        yield self._sent("service to worker: RoutesChanged", self.desk, self.worker)

        (descriptor,) = self.worker.sockets
        self._settle(ask(commands.Return, peer=CLIENT, readData=preamble(VIA), socket=descriptor))
        os.close(self.worker.sockets.pop())
        yield self._sent("worker to service: Return", self.worker, self.desk)
        yield self._sent("service to worker: the answer to Return", self.desk, self.worker)
        self._sent("", other, theirs)
        self._sent("", theirs, other)

        self._settle(ask(commands.Unregister, baseAddress=ADDRESS.upper()))
        yield self._sent("worker to service: Unregister, misspelt", self.worker, self.desk)
        yield self._sent("service to worker: InvalidArgument", self.desk, self.worker)
        self._settle(ask(commands.Unregister, baseAddress=ADDRESS))
        yield self._sent("worker to service: Unregister", self.worker, self.desk)
        yield self._sent("service to worker: the answer to Unregister", self.desk, self.worker)

    def close(self) -> None:
        """End every link, and close what is still on its way."""
        for protocol, wire in self.wires.items():
            protocol.connectionLost(Failure(ConnectionDone()))
            wire.close()
            for descriptor in getattr(protocol, "sockets", ()):
                os.close(descriptor)

    def _link(self) -> tuple[DeskProtocol, ExampleWorker]:
        self.shared.desk.returns = ExampleReturns(self.shared.factory, self.shared.ports)
        desk, worker = DeskProtocol(self.shared.desk), ExampleWorker()
        for protocol in (desk, worker):
            self.wires[protocol] = Wire()
            protocol.makeConnection(self.wires[protocol])
        return desk, worker

    def _sent(self, title: str, sender: ControlProtocol, receiver: ControlProtocol) -> Message:
        """Take what a side has written, and deliver it to the other."""
        wire = self.wires[sender]
        message = Message(title, wire.data, len(wire.descriptors))
        descriptors, wire.descriptors, wire.data = wire.descriptors, [], b""
        for descriptor in descriptors:
            receiver.fileDescriptorReceived(descriptor)
        receiver.dataReceived(message.data)
        return message

    def _arrive(self, data: bytes) -> None:
        """A client connects and sends its preamble."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
        client.close()
        held = HeldSocket(accepted.detach())
        self.shared.factory.receiveReturned(held, data, CLIENT, SERVER)

    def _settle(self, answer: Deferred[Any]) -> None:
        answer.addErrback(lambda failure: None)  # the page shows it


def dump(data: bytes) -> list[str]:
    """A box, one length with its text a line, and beside it what the text is."""
    lines, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">H", data, at)
        text = data[at + 2 : at + 2 + size]
        lines.append((data[at : at + 2] + text[:14], _readable(text[:14]) or "(end of the box)"))
        for start in range(14, size, 16):
            piece = text[start : start + 16]
            lines.append((piece, _readable(piece)))
        at += 2 + size
    return [f"{piece.hex(' '):<47}  {text}".rstrip() for piece, text in lines]


def _readable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def main() -> None:
    """Print the blocks."""
    example = Example()
    for message in example.messages():
        print(f".. code-block:: none\n   :caption: {message.title}\n")
        print("\n".join(f"   {line}" for line in dump(message.data)), end="\n\n")
    example.close()


if __name__ == "__main__":
    main()
