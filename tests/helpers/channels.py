"""
Servers and clients of the framing over connections in memory, whose far end is the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.framing.records import (
    BINARY,
    PREAMBLE_ACK,
    Mode,
    preamble,
)
from netshare.testing.wire import MemoryTransport, connect
from netshare.transport.channels.client import ClientRole, IClientOwner, Opening
from netshare.transport.channels.factory import FramingServerFactory, ServerConnection
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.channels.upgrades import (
    IUpgrade,
    IUpgradeAcceptor,
    IUpgradeHost,
    IUpgradeInitiator,
)

VIA = "net.tcp://localhost:9000/calc"
DUPLEX = preamble(VIA)
SINGLETON = preamble(VIA, Mode.SINGLETON, BINARY)


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.channel: Any = None
        self.onMessage: Callable[[bytes], object] = lambda payload: None
        self.onEnd: Callable[[], object] = lambda: None

    def messageReceived(self, payload: bytes) -> None:
        self.told.append(payload)
        self.onMessage(payload)

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)
        self.onMessage(data)

    def messageEnded(self) -> None:
        self.told.append("message")

    def endReceived(self) -> None:
        self.told.append("end")
        self.onEnd()

    def channelClosed(self, reason: Failure | None) -> None:
        self.told.append("closed" if reason is None else reason.type)
        self.reason = reason


class Acceptor:
    """Accepts everything, or answers as told; keeps the receivers it made."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mode, str]] = []
        self.receivers: list[Receiver] = []
        self.prepare: Callable[[Receiver], object] = lambda receiver: None

    def channelOpening(self, via: str, mode: Mode, contentType: str, peer: Any) -> Any:
        self.asked.append((via, mode, contentType))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def channelOpened(self, channel: Any) -> Receiver:
        receiver = Receiver()
        receiver.channel = channel
        self.receivers.append(receiver)
        self.prepare(receiver)
        return receiver


class Server:
    """A factory, one connection of it, and its clock."""

    def __init__(self, answer: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.acceptor = Acceptor(answer)
        self.factory = FramingServerFactory(
            self.acceptor, self.clock, ChannelSettings(**limits), max_pending_connections=2
        )
        self.connection, self.transport = self.connect()

    def connect(self) -> tuple[ServerConnection, Any]:
        connection = self.factory.buildProtocol(None)
        assert connection is not None
        return connection, connect(connection)

    def open(self, opening: bytes = DUPLEX) -> Receiver:
        """Let a client open a session."""
        self.transport.receive(opening)
        assert self.transport.take() == PREAMBLE_ACK
        return self.acceptor.receivers[-1]

    @property
    def delayed(self) -> int:
        return len(self.clock.getDelayedCalls())


@implementer(IClientOwner)
class Client:
    """A client's connection, a session being opened on it, and its clock."""

    def __init__(self, mode: Mode = Mode.DUPLEX, upgrade: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.receiver = Receiver()
        #: Whose session is over and whose socket can carry another.
        self.free: list[ClientRole] = []
        self.role = ClientRole(self, self.clock)  # type: ignore[arg-type]
        self.transport = connect(self.role.connection)
        self.opened: list[Any] = []
        self.mode, self.upgrade, self.limits = mode, upgrade, limits
        self.again()

    def again(self) -> None:
        """Open another session."""
        opening = Opening(
            VIA, self.receiver, self.mode, None, ChannelSettings(**self.limits), self.upgrade
        )
        self.opening = self.role.open(opening)
        self.opening.addBoth(self.opened.append)

    def released(self, role: ClientRole) -> None:
        self.free.append(role)

    def gone(self, role: ClientRole) -> None:
        """Nothing keeps it."""

    def lost(self, role: ClientRole) -> None:
        """Nothing waits for that."""

    @property
    def channel(self) -> Any:
        return self.opened[-1]

    @property
    def error(self) -> Any:
        """The error that opening ended with."""
        (failure,) = self.opened
        assert isinstance(failure, Failure)
        return failure.value


def results(deferred: Deferred[Any] | None) -> list[Any]:
    """Where the result of a Deferred will be; the type of its error in place of a failure."""
    assert deferred is not None
    got: list[Any] = []
    deferred.addBoth(lambda r: got.append(r.type if isinstance(r, Failure) else r))
    return got


@implementer(IUpgrade)
class Scramble:
    """An upgrade for tests: a greeting both ways, then every byte is inverted."""

    def __init__(self, greets: bool, fails: bool = False) -> None:
        self.greets, self.fails = greets, fails
        self.met = False

    def start(self, host: Any) -> None:
        assert verifyObject(IUpgradeHost, host)
        self.host = host
        if self.greets:
            host.writeRaw(b"hi")

    def rawReceived(self, data: bytes) -> None:
        if not self.met:
            assert data.startswith(b"hi")
            if self.fails:
                self.host.upgradeFailed("bad manners")
                return
            if not self.greets:
                self.host.writeRaw(b"hi")
            self.met = True
            self.host.upgraded("a friend")
            data = data[2:]
        if data:
            self.host.plainReceived(self.turn(data))

    def write(self, data: bytes) -> None:
        self.host.writeRaw(self.turn(data))

    def stop(self) -> bytes:
        return b""

    @staticmethod
    def turn(data: bytes) -> bytes:
        return bytes(byte ^ 0xFF for byte in data)


@implementer(IUpgradeAcceptor, IUpgradeInitiator)
class Scrambling:
    """Offers and asks for :class:`Scramble`."""

    name = "scramble"

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def upgradeFor(self, name: str) -> Scramble | None:
        return Scramble(False, self.fails) if name == self.name else None

    def upgrade(self) -> Scramble:
        return Scramble(True, self.fails)


def exchange(client: MemoryTransport, server: MemoryTransport) -> list[tuple[str, bytes]]:
    """Carry bytes between two transports until nothing moves."""
    trace = []
    while True:
        moved = False
        for name, here, there in (("c", client, server), ("s", server, client)):
            data = here.take()
            if data:
                moved = True
                trace.append((name, data))
                there.receive(data)
        if not moved:
            return trace
