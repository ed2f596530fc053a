"""A registration desk and links to it, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from netshare.control import commands
from netshare.control.protocol import ControlProtocol
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports


class Setting:
    """A shared port, and links to its desk in memory."""

    def __init__(self, **quotas: Any) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(expectAfterLoss=0.0, **quotas))
        self.links: list[UNIXLink] = []

    def link(self) -> tuple[ControlProtocol, DeskProtocol, UNIXLink]:
        worker, desk = ControlProtocol(), DeskProtocol(self.shared.desk)
        link = linkedUNIXTransports(worker, desk)
        self.links.append(link)
        return worker, desk, link

    def settle(self) -> None:
        for _ in range(20):
            for link in self.links:
                link.flush()
            self.reactor.advance(0)

    def ask(self, asking: ControlProtocol, command: Any, **arguments: Any) -> Any:
        """The answer to a question, or the error."""
        results: list[Any] = []
        answer: Deferred[Any] = asking.callRemote(command, **arguments)
        answer.addBoth(results.append)
        self.settle()
        (result,) = results
        return result

    def register(self, asking: ControlProtocol, path: str) -> Any:
        return self.ask(asking, commands.Register, version=1, baseAddress=f"net.tcp://+/{path}")
