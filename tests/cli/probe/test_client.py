"""A probe carried out: servers in memory that answer as real ones do."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol

from netshare.cli.probe.attempts import Result
from netshare.cli.probe.client import PAUSE, Prober
from netshare.cli.probe.replies import Kind
from netshare.cli.target import Target
from netshare.testing import MemoryNetwork
from tests.helpers.probeservers import Closing, Greeting, Silent, Wcf, Web

TARGET = Target.of("net.tcp://host:9000/app")


class Probing:
    """A probe of a server in memory."""

    def __init__(self, server: type[Protocol] | None, timeout: float = 2.0) -> None:
        self.network = MemoryNetwork()
        self.told: list[Result] = []
        if server is not None:
            self.network.listenTCP(9000, Factory.forProtocol(server))
        self.prober = Prober(self.network, TARGET, timeout)

    def finish(self, coroutine: Any) -> Any:
        """Let time pass until there is a result."""
        waiting: Deferred[Any] = ensureDeferred(coroutine)
        for _ in range(400):
            self.network.settle()
            if waiting.called:
                return self.network.result(waiting)
            self.network.advance(PAUSE / 2)
        raise AssertionError("the probe does not end")

    def run(self) -> list[Result]:
        """Make all attempts."""
        results: list[Result] = self.finish(self.prober.run(self.told.append))
        assert results == self.told
        return results

    def nothing_left(self) -> bool:
        """Whether every connection is over, and nothing waits for its time."""
        return not self.network.getDelayedCalls() and all(
            end.state == "lost" for wire in self.network.wires for end in wire.ends
        )


def test_a_service() -> None:
    """Each attempt has a connection of its own, the End is answered, and nothing is left open."""
    probing = Probing(Wcf)
    results = probing.run()
    assert [result.reply.kind for result in results] == [
        Kind.ACCEPTED,
        *[Kind.FAULT] * 4,
        Kind.ACCEPTED,
        Kind.FAULT,
    ]
    assert results[0].end == "answered"
    assert results[0].peer == "127.0.0.1:9000"
    assert len(probing.network.wires) == 7
    assert probing.nothing_left()


class Deaf(Wcf):
    """Does not answer End records."""

    answers_end = False


def test_an_end_without_an_answer() -> None:
    """A server that leaves End unanswered is noted, and not waited for again."""
    probing = Probing(Deaf)
    assert [result.end for result in probing.run() if result.reply.kind is Kind.ACCEPTED] == [
        "silent",
        "",
    ]
    assert probing.nothing_left()


@pytest.mark.parametrize(
    ("server", "kind", "detail"),
    [
        (Silent, Kind.SILENT, ""),
        (Closing, Kind.CLOSED, ""),
        (Greeting, Kind.FOREIGN, "SSH"),
        (None, Kind.UNCONNECTED, "nothing listens on port 9000 of host"),
    ],
)
def test_strangers(server: type[Protocol] | None, kind: Kind, detail: str) -> None:
    """Silence, closing, other protocols and no listener at all are told apart."""
    probing = Probing(server)
    results = probing.run()
    assert {result.reply.kind for result in results} == {kind}
    assert results[0].reply.detail.startswith(detail)
    assert probing.nothing_left()


class Resetting(Protocol):
    """Resets what it does not understand."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.abortConnection()


def test_a_reset_is_told_from_an_end() -> None:
    """A server that resets the connection is noted as such."""
    assert {result.reply.kind for result in Probing(Resetting).run()} == {Kind.RESET}


def test_knocking() -> None:
    """A server without a word for preambles is asked in other protocols."""
    probing = Probing(Web)
    assert {result.reply.kind for result in probing.run()} == {Kind.SILENT}
    assert probing.finish(probing.prober.identify()) == "HTTP"
    assert probing.nothing_left()


def test_knocking_in_vain() -> None:
    """A server that answers nothing stays unknown."""
    probing = Probing(Silent)
    assert probing.finish(probing.prober.identify()) is None


def test_a_port_that_does_not_answer() -> None:
    """Connecting is given up in time."""
    probing = Probing(Silent)
    (port,) = probing.network.ports.values()
    port.pauseProducing()
    (result,) = probing.run()
    assert result.reply.kind is Kind.UNCONNECTED
    assert "does not answer on port 9000 within 2 s" in result.reply.detail
