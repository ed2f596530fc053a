"""Ports of one process, and the services that it meets, in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from netshare.control import commands
from netshare.control.protocol import declared
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports
from netshare.worker.link import Wish
from netshare.worker.port import SharedListeningPort
from netshare.worker.session import WorkerSession
from tests.helpers import worker

CONTROL = Path("/nothing/control")


class Service(worker.Service):
    """The service's end of a link."""

    refused: frozenset[str] = frozenset()

    @declared(commands.Register, commands.ServiceFault)
    def register(self, **arguments: Any) -> dict[str, Any]:
        self.registered.append(arguments)
        if arguments["baseAddress"] in self.refused:
            raise commands.ConflictingRegistration("somebody has it")
        address = arguments["baseAddress"]
        return {"baseAddress": f"{address}/unique" if arguments["unique"] else address}

    @declared(commands.Unregister, commands.ServiceFault)
    def unregister(self, baseAddress: str) -> dict[str, Any]:
        self.unregistered.append(baseAddress)
        return {}

    def __init__(self) -> None:
        super().__init__()
        self.unregistered: list[str] = []

    @property
    def addresses(self) -> list[str]:
        return [one["baseAddress"] for one in self.registered]


#: All that were made.
links: list[UNIXLink] = []


class Setting:
    """Ports of one process, and the services that it meets."""

    def __init__(self, session: Any = None) -> None:
        self.reactor: Any = AdoptingReactor()
        made = WorkerSession if session is None else session
        self.session: Any = made(self.reactor, CONTROL, frozenset({os.geteuid()}))
        self.link: UNIXLink | None = None

    def listen(self, address: str, wait: bool = True, unique: bool = False) -> list[Any]:
        """Have a port, and what becomes of it."""
        wish = Wish(address, unique=unique)
        port = SharedListeningPort(self.reactor, self.session, wish, Factory())
        results: list[Any] = []
        ensureDeferred(port.start(wait)).addBoth(results.append)
        return results

    def answer(self, refused: frozenset[str] = frozenset()) -> Service:
        """Be the service that is tried to be reached."""
        (client,) = self.reactor.unixClients
        self.reactor.unixClients.clear()
        assert client[0] == str(CONTROL)
        service = Service()
        service.refused = refused
        self.link = linkedUNIXTransports(service, client[1].buildProtocol(None))
        links.append(self.link)
        self.link.flush()
        return service

    def be_away(self) -> None:
        """Be no service."""
        (client,) = self.reactor.unixClients
        self.reactor.unixClients.clear()
        client[1].clientConnectionFailed(None, Failure(ConnectError()))

    def lose(self) -> None:
        assert self.link is not None
        self.link.lose()


def end_links() -> None:
    """In the end none is left."""
    for link in links:
        if link.connected:
            link.lose()
    links.clear()
