"""netshare.sockets.privatenames: a canary for what Twisted and Python keep for themselves."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols import amp
from twisted.python.failure import Failure

import netshare
from netshare.sockets import privatenames, unixnames
from netshare.sockets.privatenames import (
    RELIED_ON,
    AdoptedConnection,
    acceptor,
    declared_errors,
    is_closing,
    is_idle,
    lose_amp_connection,
    make_amp_connection,
    makes_tcp_servers,
    send_now,
)
from netshare.testing import AdoptingReactor, tcpPair

#: The modules that may use private names of Twisted's.
PLACES = (Path(privatenames.__file__), Path(unixnames.__file__))


@pytest.fixture
def connection() -> Iterator[tuple[Any, socket.socket]]:
    """A connection that Twisted could have made, and its far end."""
    client, server = tcpPair()
    protocol = Protocol()
    reactor: Any = MemoryReactorClock()
    made = Server(server, protocol, server.getpeername(), None, 1, reactor)  # type: ignore[arg-type]
    made.repstr = "a connection"
    protocol.makeConnection(made)
    yield made, client
    made.connectionLost(Failure(ConnectionError()))
    client.close()


@pytest.mark.parametrize(("owner", "name"), RELIED_ON, ids=lambda v: getattr(v, "__name__", v))
def test_the_names_are_there(connection: Any, owner: type, name: str) -> None:
    """Every name that is relied on still exists, of the class or of a connection."""
    assert hasattr(connection[0] if owner is Server else owner, name)


def test_no_other_module_uses_them() -> None:
    """A private name of another object is used in these two files only."""
    relied = RELIED_ON + unixnames.RELIED_ON
    private = {name for _, name in relied if name.startswith("_")} | {"BinaryBoxProtocol"}
    for path in sorted(Path(netshare.__file__).parent.rglob("*.py")):
        if path in PLACES or "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in private:
                ours = isinstance(node.value, ast.Name) and node.value.id == "self"
                assert ours, f"{path}:{node.lineno}: {node.attr}"


def test_sending_without_a_turn(connection: Any) -> None:
    """An idle connection sends at once; one that has something to do, or is lost, is not idle."""
    transport, client = connection
    assert is_idle(transport)
    assert send_now(transport, b"now") == 3
    assert client.recv(10) == b"now"
    transport.write(b"later")
    assert not is_idle(transport)
    transport.doWrite()
    assert is_idle(transport)
    transport.loseWriteConnection()
    assert not is_idle(transport)


@pytest.mark.parametrize("how", ["loseConnection", "abortConnection"])
def test_closing(connection: Any, how: str) -> None:
    """A transport that was told to close, or to abort, is neither idle nor for more bytes."""
    transport, _ = connection
    assert not is_closing(transport)
    transport.write(b"more")
    getattr(transport, how)()
    assert is_closing(transport)
    assert not is_idle(transport)


@pytest.mark.parametrize("name", ["_tempDataBuffer", "_writeDisconnecting", "_aborting"])
def test_a_name_that_is_gone(connection: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Then nothing is ever idle, and everything goes the way that Twisted promises."""
    transport, _ = connection

    class Without(Server):
        def __getattribute__(self, asked: str) -> Any:
            if asked == name:
                raise AttributeError(asked)
            return super().__getattribute__(asked)

    transport.__class__ = Without
    assert not is_idle(transport)
    transport.__class__ = Server
    assert not is_idle(object())


def test_before_and_after_joining() -> None:
    """Before it joins its reactor a connection only notes what is asked; then the reactor knows."""
    client, server = tcpPair()
    reactor: Any = MemoryReactorClock()
    protocol = Factory.forProtocol(Protocol).buildProtocol(None)
    assert protocol is not None
    made = AdoptedConnection(server, protocol, server.getpeername(), reactor)
    protocol.makeConnection(made)
    made.write(b"answer")
    assert (reactor.getReaders(), reactor.getWriters()) == ([], [])
    made.join()
    assert client.recv(10) == b"answer"
    assert (reactor.getReaders(), reactor.getWriters()) == ([made], [])
    made.stopReading()
    assert reactor.getReaders() == []
    made.connectionLost(Failure(ConnectionError()))
    client.close()


def test_a_half_closed_connection_is_for_the_reactor() -> None:
    """What was asked for before joining, the end of our half, follows what was written."""
    client, server = tcpPair()
    reactor: Any = MemoryReactorClock()
    protocol = Protocol()
    made = AdoptedConnection(server, protocol, server.getpeername(), reactor)
    protocol.makeConnection(made)
    made.write(b"last")
    made.loseWriteConnection()
    made.join()
    assert made in reactor.getWriters()
    made.doWrite()
    assert client.recv(10) + client.recv(10) == b"last"
    made.connectionLost(Failure(ConnectionError()))
    client.close()


def test_which_reactors() -> None:
    """One that adopts in its own way is asked to."""
    assert not makes_tcp_servers(AdoptingReactor())
    assert not makes_tcp_servers(object())


def test_amp_without_its_log() -> None:
    """A protocol is connected, and what waits for an answer is told when it is lost."""
    protocol = amp.AMP()
    lost: list[Any] = []
    protocol.stopReceivingBoxes = lost.append  # type: ignore[method-assign]
    transport = object()
    make_amp_connection(protocol, transport)
    assert protocol.transport is transport
    reason = Failure(ConnectionError())
    lose_amp_connection(protocol, reason)
    assert lost == [reason]


def test_declared_errors() -> None:
    """The errors of a command, by the name that travels."""

    class Asking(amp.Command):
        errors = {KeyError: b"NO_KEY"}

    assert declared_errors(Asking) == {b"NO_KEY": KeyError}


class Plain:
    """A listening socket that has accept() and nothing beside it."""

    def __init__(self, real: socket.socket) -> None:
        self.accept = real.accept


def test_ways_to_accept() -> None:
    """With Python's short cut and without, the descriptor and the client's address are the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for listening in (server, Plain(server)):
            with socket.create_connection(server.getsockname()) as client:
                descriptor, name = acceptor(listening)()
                with socket.socket(fileno=descriptor) as accepted:
                    assert accepted.getpeername() == name == client.getsockname()
