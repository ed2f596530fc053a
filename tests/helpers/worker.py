"""A worker with its link to a service, in memory."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.control import commands
from netshare.control.protocol import ControlProtocol, declared
from netshare.framing.records import preamble
from netshare.interfaces import ISharedConnectionReceiver
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports, tcpPair
from netshare.worker.link import Wish, WorkerLink
from netshare.worker.port import SharedListeningPort
from netshare.worker.session import WorkerSession

VIA = "net.tcp://localhost/a"

ADDRESS = "net.tcp://+/a"

PREAMBLE = preamble(VIA)


@implementer(ISharedConnectionReceiver)
class Receiver(Protocol):
    """A protocol that knows of port sharing."""

    def __init__(self) -> None:
        self.data = b""
        self.shared: Any = None
        self.toldAt: int | None = None
        self.lost = False

    def connectionShared(self, connection: Any) -> None:
        self.shared = connection
        self.toldAt = len(self.data)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if data == b"fail":
            raise RuntimeError("a bug")

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


class Service(ControlProtocol):
    """The service's end of a link."""

    def __init__(self) -> None:
        super().__init__()
        self.registered: list[dict[str, Any]] = []
        self.returned: list[tuple[HeldSocket, bytes, str | None]] = []
        self.error: Exception | None = None

    @declared(commands.Register, commands.ServiceFault)
    def register(self, **arguments: Any) -> dict[str, Any]:
        self.registered.append(arguments)
        if self.error is not None:
            raise self.error
        return {"baseAddress": arguments["baseAddress"]}

    @declared(commands.Return, commands.ServiceFault)
    def takeBack(self, readData: bytes, socket: int, peer: str | None = None) -> dict[str, Any]:
        held = HeldSocket(self.claim(socket))
        if self.error is not None:
            held.close()
            raise self.error
        self.returned.append((held, readData, peer))
        return {}


class Setting:
    """A worker with its link."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.factory: Any = Factory.forProtocol(Receiver)
        self.session = WorkerSession(self.reactor, Path("/control"), None)
        self.port = SharedListeningPort(self.reactor, self.session, Wish(ADDRESS), self.factory)
        self.intake = self.port.intake
        self.session._members[self.port] = None
        self.session._addresses[ADDRESS] = self.port
        self.join()
        self.clients: list[socket.socket] = []

    def join(self) -> None:
        """Have a link to a service."""
        self.service, self.worker = Service(), WorkerLink(self.session)
        self.link: UNIXLink = linkedUNIXTransports(self.service, self.worker)

    def comeBack(self) -> None:
        """Have a link to another service, and everything registered there."""
        self.join()
        self.session.begin(self.worker)
        self.link.flush()

    def connection(self) -> tuple[socket.socket, HeldSocket, str]:
        client, server = tcpPair()
        self.clients.append(client)
        peer = socket_address_text(server.getpeername())
        return client, HeldSocket(server.detach()), peer

    def give(
        self, held: HeldSocket, peer: str, data: bytes = PREAMBLE, via: str = VIA
    ) -> list[Any]:
        answer = self.service.callRemote(
            commands.Duplicate,
            via=via,
            baseAddress=ADDRESS,
            peer=peer,
            local="127.0.0.1:808",
            readData=data,
            socket=held.fileno(),
        )
        results: list[Any] = []
        answer.addBoth(results.append)
        self.link.flush()
        held.close()
        self.reactor.settle()
        return results

    def register(self) -> None:
        """Have the port registered, over this link."""
        self.session.begin(self.worker)
        registering = ensureDeferred(self.port.start(wait=False))
        self.outcome(registering)

    def outcome(self, deferred: Deferred[Any]) -> Any:
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.link.flush()
        assert results
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def protocol(self) -> Receiver:
        found = self.reactor.transports[-1].protocol
        return found if isinstance(found, Receiver) else found.wrappedProtocol
