"""Processes that are started while connections wait, and let go when none does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK
from tests.integration.restarting import Load, Place, until
from tests.integration.test_recycling import echoed, netshare, pid_of, rows

#: Has room for two connections, and tells which process it is.
SMALL = """
import os
from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    def connectionMade(self):
        self.factory.count += 1
        self.transport.write(b"%d\\n" % os.getpid())

    def dataReceived(self, data):
        self.transport.write(data)

    def connectionLost(self, reason):
        self.factory.count -= 1


class Small(Factory):
    protocol = Echo
    count = 0

    def buildProtocol(self, addr):
        return super().buildProtocol(addr) if self.count < 2 else None


def factory():
    return Small()
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "small.py").write_text(SMALL)
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


def pool(place: Place, most: int, surplus: float) -> None:
    """Serve an address with one process, or as many as are needed."""
    options = f"preamble=consume,processes=1,maxProcesses={most},surplusTimeout={surplus}"
    place.service(f"--worker={place.address('one')}=small:factory,{options}")
    until(lambda: place.served("one"))


def connected(place: Place) -> tuple[socket.socket, int]:
    """A connection that stays, and the process that has it."""
    client = socket.create_connection(("127.0.0.1", place.port), 20)
    client.sendall(place.opening("one"))
    answer = b""
    while not answer.endswith(b"\n"):
        piece = client.recv(1000)
        assert piece, answer
        answer += piece
    return client, int(answer.removeprefix(PREAMBLE_ACK))


def test_growing_and_shrinking(place: Place) -> None:
    """Six clients get three processes; a session of one that is not needed any more lives on."""
    pool(place, 3, 2)
    clients = [connected(place) for _ in range(6)]
    pids = [pid for _, pid in clients]
    assert sorted(map(pids.count, set(pids))) == [2, 2, 2]
    assert len(rows(place)) == 3
    kept, last = clients[-1]  # in the process that was started last, and goes first
    for client, _ in clients[:-1]:
        client.close()
    until(lambda: sorted(row["state"] for row in rows(place)) == ["draining", "ready"])
    assert next(row["pid"] for row in rows(place) if row["state"] == "draining") == last
    assert echoed(kept, b"still here")
    kept.close()
    until(lambda: [row["state"] for row in rows(place)] == ["ready"])


def test_no_more_than_the_most(place: Place) -> None:
    """Who finds no room is told so when it has waited long enough, and a command shows the pool."""
    pool(place, 2, 60)
    clients = [connected(place) for _ in range(4)]
    start = time.monotonic()
    assert b"ServerTooBusy" in place.ask("one")
    assert 5 < time.monotonic() - start < 20
    assert len(rows(place)) == 2
    assert netshare(place, "recycle", place.address("one"), "--wait")[0] == 0
    assert len({pid for _, pid in clients} & {pid_of(place) for _ in range(4)}) == 0
    for client, _ in clients:
        assert echoed(client, b"still here")
        client.close()


def test_under_load(place: Place) -> None:
    """Growing, shrinking and growing again under load loses no client."""
    pool(place, 4, 0.5)
    load = Load(place, ["one"], 50)
    try:
        for _ in range(2):
            clients = [connected(place) for _ in range(5)]
            assert len({pid for _, pid in clients}) >= 2
            for client, _ in clients:
                client.close()
            until(lambda: [row["state"] for row in rows(place)] == ["ready"], 30)
    finally:
        load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
