"""Endpoints of strings: errors end the programs that a runner started, and no others."""

from __future__ import annotations

import atexit
from typing import Any

import pytest
from twisted.application.internet import StreamServerEndpointService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netshare.worker.link import Wish
from netshare.worker.port import ServiceNotRunning
from netshare.worker.runner import StringEndpoint


class Listening:
    """An endpoint whose service is not there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reactor = MemoryReactorClock()
        self.exits: list[Any] = []
        monkeypatch.setattr(atexit, "register", self.exits.append)
        self.endpoint = StringEndpoint(self.reactor, Wish("net.tcp://+:8808/x"), "/nowhere")

    def refuse(self) -> None:
        """Connecting fails."""
        factory = self.reactor.unixClients[0][1]
        factory.clientConnectionFailed(None, Failure(ConnectError(string="no such socket")))


def test_a_runners_program_ends(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """A service that only logs the error would go on and serve nothing: the process ends with 1."""
    listening = Listening(monkeypatch)
    service = StreamServerEndpointService(listening.endpoint, Factory())
    service._raiseSynchronously = True
    service.startService()
    listening.refuse()
    listening.reactor.run()
    assert listening.reactor.hasStopped
    assert len(listening.exits) == 1
    said = capfd.readouterr().err
    assert "netshare: net.tcp://+:8808/x is not listened on: no netshare service answers" in said
    assert "Traceback" not in said


def test_other_callers_get_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that waits for the Deferred deals with the error itself."""
    listening = Listening(monkeypatch)
    waiting: Deferred[Any] = listening.endpoint.listen(Factory())
    failures: list[Failure] = []
    waiting.addErrback(failures.append)
    listening.refuse()
    assert failures[0].check(ServiceNotRunning)
    assert not failures[0].check(CancelledError)
    assert listening.exits == []
