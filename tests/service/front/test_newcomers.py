"""netshare.service.front.newcomers: those that say nothing keep nobody waiting."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from netshare.service.front.newcomers import PART, SOME, Newcomers
from netshare.service.front.undecided import Begun
from netshare.sockets.held import HeldSocket


class Door:
    """Newcomers, and those that were begun with."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.begun: list[str] = []
        self.newcomers = Newcomers(self.clock, self._begin)

    def _begin(self, held: HeldSocket, begun: Begun) -> None:
        if begun.peer == "bad":
            raise ValueError("a bug")
        held.close()
        self.begun.append(begun.peer)

    def come(self, *peers: str) -> list[socket.socket]:
        """Some have come."""
        clients = []
        for peer in peers:
            client, server = socket.socketpair()
            clients.append(client)
            self.newcomers.add(HeldSocket(server.detach()), Begun(b"", peer, "here"))
        return clients


def close(clients: list[socket.socket]) -> None:
    for client in clients:
        client.close()


def test_few() -> None:
    """A few are dealt with at once."""
    door = Door()
    clients = door.come(*"abc")
    assert len(door.newcomers) == 3
    door.newcomers.dealWithSome()
    assert door.begun == ["a", "b", "c"]
    assert door.clock.getDelayedCalls() == []
    close(clients)


def test_many() -> None:
    """Of many some in each turn, in their order; the more there are the more."""
    door = Door()
    names = [str(number) for number in range(1000)]
    clients = door.come(*names)
    door.newcomers.dealWithSome()
    assert len(door.begun) == 1000 // PART
    door.newcomers.dealWithSome()  # another batch was accepted meanwhile
    assert len(door.begun) == 1000 // PART
    turns = 0
    while door.newcomers:
        before = len(door.begun)
        (call,) = door.clock.getDelayedCalls()
        oneTurn = call.func  # a clock would go on to the end
        call.cancel()
        oneTurn()
        turns += 1
        assert len(door.begun) - before >= min(SOME, len(door.newcomers))
    assert door.begun == names
    assert 10 < turns < 100
    assert door.clock.getDelayedCalls() == []
    close(clients)


def test_all() -> None:
    """They can all be dealt with at once, and what was to come comes to nothing."""
    door = Door()
    clients = door.come(*map(str, range(100)))
    door.newcomers.dealWithSome()
    door.newcomers.dealWithAll()
    assert len(door.begun) == 100
    door.clock.advance(0)
    assert door.clock.getDelayedCalls() == []
    close(clients)


def test_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed, and the others are not concerned."""
    door = Door()
    clients: list[Any] = door.come("a", "bad", "b")
    with capturedLogs() as logs:
        door.newcomers.dealWithSome()
    assert door.begun == ["a", "b"]
    assert clients[1].recv(1) == b""
    assert [event["peer"] for event in logs] == ["bad"]
    close(clients)
