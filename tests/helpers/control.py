"""A control link in memory: one end that asks, and one that answers and notes what it was asked."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netshare.control import commands
from netshare.control.commands import (
    Duplicate,
    Register,
    Return,
    RoutesChanged,
    ServiceFault,
)
from netshare.control.protocol import ControlProtocol, declared
from netshare.testing import UNIXLink


class Answering(ControlProtocol):
    """Takes what a worker and a service are sent, and notes it."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.lostFor: Failure | None = None

    @declared(Duplicate, commands.WorkerFault)
    def duplicate(self, **arguments: Any) -> dict[str, Any]:
        return self._note(arguments)

    @declared(Return, ServiceFault)
    def takeBack(self, **arguments: Any) -> dict[str, Any]:
        return self._note(arguments)

    @declared(Register, ServiceFault)
    def register(self, **arguments: Any) -> dict[str, Any]:
        self._note(arguments)
        return {"baseAddress": str(arguments.get("baseAddress"))}

    @declared(RoutesChanged, commands.WorkerFault)
    def routesChanged(self, **arguments: Any) -> dict[str, Any]:
        return self._note(arguments)

    def _note(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.got.append(arguments)
        if "socket" in arguments:
            descriptor = self.claim(arguments["socket"])
            arguments["inheritable"] = os.get_inheritable(descriptor)
            os.close(descriptor)
        if self.error is not None:
            raise self.error
        return {}

    def connectionLost(self, reason: Failure) -> None:
        self.lostFor = reason
        super().connectionLost(reason)


Pair = tuple[ControlProtocol, Answering, UNIXLink]


def result_of(link: UNIXLink, answer: Deferred[Any]) -> Any:
    results: list[Any] = []
    answer.addBoth(results.append)
    link.flush()
    assert results, "no answer"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]
