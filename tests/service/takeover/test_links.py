"""netshare.service.takeover.links: what workers have, given and taken up."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.protocol import Factory

from netshare.addresses import parse_base_address
from netshare.control.boxes import Box
from netshare.control.lanes import pack_answer, receive
from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.records import ExpectRecord, Handed, LinkRecord, SentRecord, WaitingRecord
from netshare.service.shared import SharedPort
from netshare.service.takeover.links import Links, take_up_link
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair
from tests.helpers.unixservers import UNIXReactor

SUCCESSOR = Peer(4711, os.geteuid(), frozenset())
ADDRESS = "net.tcp://+/one"


class Service:
    """A service in memory."""

    def __init__(self) -> None:
        self.reactor: Any = UNIXReactor()
        self.shared = SharedPort(self.reactor)
        self.links = Links(self.shared.registry)

    def connect(self, link: socket.socket) -> DeskProtocol:
        protocol = DeskProtocol(self.shared.desk)
        factory = Factory.forProtocol(lambda: protocol)  # type: ignore[arg-type]
        self.reactor.adoptStreamConnection(link.fileno(), socket.AF_UNIX, factory)
        return protocol

    def accept(self) -> socket.socket:
        client, server = tcpPair()
        client.sendall(preamble("net.tcp://host/one"))
        self.shared.factory.accepted(HeldSocket(server.detach()), "10.0.0.1:5", "10.0.0.2:808")
        self.reactor.turn()
        return client

    def given(self, format: int = 1) -> list[Handed]:
        """What it gives, with copies of the descriptors."""
        handed = [
            Handed(one.record, tuple(map(os.dup, one.descriptors)))
            for one in self.links.handed_over(format, SUCCESSOR)
        ]
        self.links.letGo()
        return handed


@pytest.fixture
def link() -> Iterator[tuple[Service, socket.socket]]:
    """A service, and a worker's end of a link to it."""
    ours, theirs = socket.socketpair()
    service = Service()
    service.connect(theirs)
    theirs.close()
    ours.setblocking(False)
    yield service, ours
    ours.close()


def register(lane: bytes | None = b"records", tag: bytes = b"1") -> bytes:
    box = Box({b"_command": b"Register", b"_ask": tag, b"version": b"1", b"baseAddress": b""})
    box[b"baseAddress"] = ADDRESS.encode()
    if lane is not None:
        box[b"lane"] = lane
    return box.serialize()


def answers(worker: socket.socket) -> tuple[bytes, list[int]]:
    data, found = b"", []
    while True:
        try:
            piece, descriptors, _, _ = socket.recv_fds(worker, 65536, 8)
        except BlockingIOError:
            return data, found
        if not piece:
            return data, found
        data += piece
        found += descriptors


def close(handed: list[Handed]) -> None:
    for one in handed:
        for descriptor in one.descriptors:
            os.close(descriptor)


def test_in_mid_stream(link: tuple[Service, socket.socket]) -> None:
    """A link with half a question, and a lane with a connection under way, go on elsewhere."""
    old, worker = link
    worker.sendall(register())
    old.reactor.turn()
    data, (descriptor,) = answers(worker)
    assert ADDRESS.encode() in data
    lane = socket.socket(fileno=descriptor)
    client = old.accept()
    question = Box({b"_command": b"ValidateUriRoute", b"_ask": b"2", b"uri": b"net.tcp://h/one"})
    whole = question.serialize()
    worker.sendall(whole[:20])
    old.reactor.turn()
    (links, sent) = old.given()
    assert isinstance(links.record, LinkRecord)
    assert links.record.conversation.unread == whole[:20]
    assert isinstance(sent.record, SentRecord)
    assert (sent.record.address, sent.record.via) == (ADDRESS, "net.tcp://host/one")
    assert not old.reactor.getReaders()

    new = Service()
    take_up_link(new.shared, links, [sent.record])
    worker.sendall(whole[20:])
    for _ in range(3):
        new.reactor.turn()
    assert b"True" in answers(worker)[0]
    message = receive(lane)
    assert message is not None
    os.close(message[1][0])
    lane.send(pack_answer(1, 0))
    new.reactor.turn()
    assert new.shared.counts.outcomes == {Outcome.HANDED_OVER: 1}
    other = new.accept()
    message = receive(lane)
    assert message is not None
    os.close(message[1][0])
    (row,), _ = new.shared.status.registrations(0, 10)
    assert (row["given"], row["outstanding"]) == (1, 1)
    new.links.freeze(False)
    new.shared.registry.stop()
    for _ in range(3):
        new.reactor.turn()
    worker.close()
    new.reactor.turn()
    for one in (lane, client, other):
        one.close()


def test_another_format(link: tuple[Service, socket.socket]) -> None:
    """To a successor that knows links in another form their addresses are told, and they end."""
    old, worker = link
    worker.sendall(register())
    old.reactor.turn()
    _, (descriptor,) = answers(worker)
    (expected,) = old.given(2)
    assert isinstance(expected.record, ExpectRecord)
    assert (expected.record.address, expected.record.left) == (ADDRESS, 5.0)
    for _ in range(3):
        old.reactor.turn()
    assert worker.recv(100) == b""
    os.close(descriptor)


def test_a_plain_lane_under_way(link: tuple[Service, socket.socket]) -> None:
    """A worker that has not answered on a plain lane has to come again; what waits goes on."""
    old, worker = link
    worker.sendall(register(None))
    old.reactor.turn()
    client = old.accept()
    old.links.freeze(True)
    assert not old.links.settled()
    other = old.accept()
    handed = old.given()
    expected, waiting = (one.record for one in handed)
    assert isinstance(expected, ExpectRecord)
    assert isinstance(waiting, WaitingRecord)
    close(handed)
    worker.close()
    for _ in range(3):
        old.reactor.turn()
    client.close()
    other.close()


def test_a_link_without_its_descriptors(link: tuple[Service, socket.socket]) -> None:
    """It is left out, and what came with it is closed."""
    old, worker = link
    worker.sendall(register())
    old.reactor.turn()
    _, (descriptor,) = answers(worker)
    os.close(descriptor)
    (handed,) = old.given()
    new = Service()
    os.close(handed.descriptors[2])
    take_up_link(new.shared, Handed(handed.record, handed.descriptors[:2]), [])
    assert worker.recv(100) == b""  # after the answer, which was read above
    assert not new.shared.registry.links


def test_a_worker_that_lets_its_connections_end(link: tuple[Service, socket.socket]) -> None:
    """It is shown with its deadline at the successor, too, and says there that it is drained."""
    old, worker = link
    box = register(None)
    worker.sendall(box[:-2] + b"\0\x06drains\0\x04True\0\0")
    old.reactor.turn()
    answers(worker)
    (one,) = old.shared.registry.links
    assert isinstance(one, DeskProtocol)
    one.drain(60.0)
    old.reactor.advance(20)
    (handed,) = old.given()
    assert isinstance(handed.record, LinkRecord)
    (leaving,) = handed.record.leaving
    assert (leaving.address, leaving.left) == (ADDRESS, 40.0)

    new = Service()
    take_up_link(new.shared, handed, [])
    ((_, left),) = new.shared.desk.departures.of(parse_base_address(ADDRESS))
    assert left == 40
    drained = Box({b"_command": b"Drained", b"_ask": b"2", b"connections": b"0"})
    drained[b"baseAddress"] = ADDRESS.encode()
    worker.sendall(drained.serialize())
    for _ in range(3):
        new.reactor.turn()
    assert b"_answer" in answers(worker)[0]
    assert new.shared.desk.departures.of(parse_base_address(ADDRESS)) == []
    new.shared.registry.stop()
    for _ in range(3):
        new.reactor.turn()


def test_a_worker_that_the_service_has_started(link: tuple[Service, socket.socket]) -> None:
    """What watches it hears of its link at the successor, and then what it says there."""
    old, worker = link
    (one,) = old.shared.registry.links
    assert isinstance(one, DeskProtocol)
    one.granted, one.grantedAs = {parse_base_address(ADDRESS).key}, (ADDRESS,)
    worker.sendall(register(None))
    old.reactor.turn()
    (handed,) = old.given()

    told: list[Any] = []
    new = Service()

    def watcher(pid: int) -> Any:
        return SimpleNamespace(
            registered=lambda link: told.append((pid, link)), lost=lambda link: told.append("lost")
        )

    manager: Any = SimpleNamespace(watcherOf=watcher)
    new.shared.desk.workers = manager
    take_up_link(new.shared, handed, [])
    (taken,) = new.shared.registry.links
    assert told == [(os.getpid(), taken)]
    new.shared.registry.stop()
    for _ in range(3):
        new.reactor.turn()
    assert told[1:] == ["lost"]
