"""netshare.worker.intake: connections that are handed over become a Factory's own."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.control import commands
from netshare.control.commands import Busy, Gone, NotMine, WorkerFault
from netshare.endpoints.preamble import ConsumingFactory
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.sockets.held import HeldSocket
from tests.helpers.worker import PREAMBLE, VIA, Setting


def test_a_connection_is_handed_over(setting: Setting) -> None:
    """The Factory's protocol gets the preamble, then what follows, and the client its answer."""
    client, held, peer = setting.connection()
    assert setting.give(held, peer) == [{}]
    protocol = setting.protocol()
    client.sendall(b"more")
    setting.reactor.settle()
    assert protocol.data == PREAMBLE + b"more"
    assert protocol.transport is not None
    protocol.transport.write(b"\x0b")
    setting.reactor.settle()
    assert client.recv(10) == b"\x0b"


def test_a_receiver_is_told_first(setting: Setting) -> None:
    """A protocol that knows of sharing learns of it before the first byte."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    protocol = setting.protocol()
    verifyObject(ISharedConnection, protocol.shared)
    verifyObject(ISharedConnectionReceiver, protocol)
    assert (protocol.toldAt, protocol.shared.via) == (0, VIA)


def test_behind_a_balancer(setting: Setting) -> None:
    """The protocol sees the real client, and still learns of sharing."""
    _, held, _ = setting.connection()
    setting.give(held, "203.0.113.7:4711")
    protocol = setting.protocol()
    assert protocol.transport is not None
    assert protocol.transport.getPeer().host == "203.0.113.7"  # type: ignore[attr-defined]
    assert protocol.shared is not None
    setting.register()
    answer = protocol.shared.giveBack(b"\0")
    setting.link.flush()
    setting.outcome(answer)
    assert setting.service.returned[0][2] == "203.0.113.7:4711"


@pytest.mark.parametrize("peer", ["None", "garbage", "a:b:c", ""])
def test_an_unreadable_peer(setting: Setting, peer: str) -> None:
    """A client without a proper address is served all the same."""
    _, held, _ = setting.connection()
    assert setting.give(held, peer) == [{}]
    assert setting.protocol().data == PREAMBLE


def failure_of(results: list[Any]) -> type[BaseException]:
    (failure,) = results
    assert isinstance(failure, Failure)
    assert failure.type is not None
    return failure.type


def test_a_client_that_has_left(setting: Setting) -> None:
    """It is Gone, and nothing is left of it."""
    client, held, peer = setting.connection()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert failure_of(setting.give(held, peer)) is Gone


@pytest.mark.parametrize("path", ["/dev/null"])
def test_what_is_no_connection(setting: Setting, path: str) -> None:
    """A descriptor of something else is Gone, too."""
    held = HeldSocket(os.open(path, os.O_RDWR))
    assert failure_of(setting.give(held, "127.0.0.1:1")) is Gone


def test_a_worker_that_has_stopped(setting: Setting) -> None:
    """It takes no more connections; another worker may."""
    setting.intake.accepting = False
    client, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is NotMine
    assert client.recv(1) == b""


def test_a_factory_that_wants_no_more(setting: Setting) -> None:
    """It is Busy; another worker may not be."""
    setting.factory.buildProtocol = lambda addr: None
    client, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is Busy
    assert client.recv(1) == b""


def test_a_consuming_factory_that_wants_no_more(setting: Setting) -> None:
    """It is asked before the socket is touched, so that the worker can say that it is busy."""
    wrapped = Factory()
    wrapped.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    setting.intake.factory = ConsumingFactory(wrapped, setting.reactor)
    client, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is Busy
    assert setting.reactor.transports == []
    assert client.recv(1) == b""  # no ack


def test_a_factory_that_fails(setting: Setting) -> None:
    """It is a WorkerFault; the link goes on."""

    def fail(addr: object) -> None:
        raise RuntimeError("a bug")

    setting.factory.buildProtocol = fail
    _, held, peer = setting.connection()
    assert failure_of(setting.give(held, peer)) is WorkerFault
    assert setting.link.connected


def test_a_protocol_that_fails(setting: Setting) -> None:
    """Its connection is lost, but it was handed over: the service must not answer it."""
    client, held, peer = setting.connection()
    assert setting.give(held, peer, b"fail") == [{}]
    assert setting.protocol().lost
    assert client.recv(1) == b""


MINE = [
    (VIA, True),
    ("NET.TCP://LOCALHOST:808//A/", True),
    ("net.tcp://localhost/a/b", False),
    ("net.tcp://localhost/b", False),
    ("net.tcp://127.0.0.1/a", False),
    ("no address", False),
]


@pytest.mark.parametrize(("via", "mine"), MINE)
def test_what_is_mine(setting: Setting, via: str, mine: bool) -> None:
    """Only the via that the socket came with may be served on it again."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    assert setting.protocol().shared.isMine(via) is mine


def test_nothing_is_mine_after_a_change(setting: Setting) -> None:
    """When routes have changed, or the worker has stopped, every socket goes back."""
    _, held, peer = setting.connection()
    setting.give(held, peer)
    shared = setting.protocol().shared
    setting.service.callRemote(commands.RoutesChanged, baseAddress="net.tcp://+/a")
    setting.link.flush()
    assert not shared.isMine(VIA)
    _, held, peer = setting.connection()
    setting.give(held, peer)
    later = setting.protocol().shared
    assert later.isMine(VIA)
    setting.intake.accepting = False
    assert not later.isMine(VIA)


def test_giving_back_without_a_service(setting: Setting) -> None:
    """While the service is away the connection is kept, and goes to the one that comes."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    setting.link.lose()
    back: list[Any] = []
    setting.protocol().shared.giveBack(b"again").addBoth(back.append)
    assert (back, setting.intake.returning) == ([], 1)
    setting.comeBack()
    setting.link.flush()
    assert (back, setting.intake.returning) == ([None], 0)
    ((returned, data, named),) = setting.service.returned
    assert (data, named) == (b"again", peer)
    os.write(returned.fileno(), b"alive")
    assert client.recv(10) == b"alive"
    returned.close()


def test_a_service_that_does_not_come_back(setting: Setting) -> None:
    """The connection is closed in the end: its client connects anew."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    setting.link.lose()
    failed: list[Failure] = []
    setting.protocol().shared.giveBack(b"").addErrback(failed.append)
    setting.session.returns.close()
    assert failed[0].check(ConnectionClosed)
    setting.reactor.settle()
    assert client.recv(1) == b""
