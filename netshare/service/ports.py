"""
The listening ports: those the administrator named, and those that registered addresses ask for.

A port that an address needs is opened with the first registration on it and closed with the
last, as the original does, within an allowed set of ports and on chosen interfaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger

from netshare.addresses import DEFAULT_PORTS, NET_TCP
from netshare.service.quotas import Admission


class PortNotAllowed(Exception):
    """The port is outside the allowed set."""


class PortUnavailable(Exception):
    """The port cannot be opened: another program has it, or the system forbids it."""


@dataclass(frozen=True, slots=True)
class AllowedPorts:
    """
    Ranges of ports, both ends included.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> AllowedPorts:
        """
        :param texts: ``"808"``, ``"9000-9999"``, ``"1024-"``
        :raises ValueError: one of them is none of these
        """
        return cls(tuple(_range(text) for text in texts))

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and any(low <= port <= high for low, high in self.ranges)

    def __str__(self) -> str:
        return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)


def _range(text: str) -> tuple[int, int]:
    low, dash, high = text.strip().partition("-")
    try:
        first = int(low)
        last = int(high) if high else 65535 if dash else first
    except ValueError:
        raise ValueError(f"{text!r} is not a port or a range such as 9000-9999") from None
    if not 0 < first <= last < 65536:
        raise ValueError(f"{text!r} is not a range of ports between 1 and 65535")
    return first, last


#: The port that net.tcp has by default, and all that need no privilege.
DEFAULT_ALLOWED = AllowedPorts(((DEFAULT_PORTS[NET_TCP],) * 2, (1024, 65535)))


class _Opened:
    """One port that registrations asked for."""

    def __init__(self) -> None:
        self.users = 1
        self.listening: list[IListeningPort] = []
        #: Other registrations, until the port is open or known to stay shut.
        self.waiting: list[Deferred[None]] = []


class Ports:
    """
    What the service listens on.

    :param interfaces: addresses to open ports on; none of them means all
    :param onDemand: open the ports of registered addresses; without it only what is named
        listens
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        factory: IProtocolFactory,
        admission: Admission,
        allowed: AllowedPorts = DEFAULT_ALLOWED,
        interfaces: Sequence[str] = (),
        onDemand: bool = True,
    ) -> None:
        self._onDemand = onDemand
        self.allowed = allowed
        self.interfaces = tuple(interfaces)
        self._reactor = reactor
        self._factory = factory
        self._admission = admission
        self._named: list[IListeningPort] = []
        self._opened: dict[int, _Opened] = {}
        self._stopping = False

    async def listen(self, endpoint: IStreamServerEndpoint) -> IListeningPort:
        """
        Listen on an endpoint, until :meth:`stop`.
        """
        port = await endpoint.listen(self._factory)
        self._named.append(port)
        self._control(port)
        return port

    def describe(self) -> list[str]:
        """
        What is listened on, for people.
        """
        asked = [port for opened in self._opened.values() for port in opened.listening]
        return [str(port.getHost()) for port in (*self._named, *asked)]

    def numbers(self) -> set[int]:
        """
        The numbers of all TCP ports that are listened on.
        """
        return self.namedNumbers() | {
            number for number, opened in self._opened.items() if opened.listening
        }

    async def acquire(self, number: int) -> None:
        """
        A registration needs this port: open it unless it is open.

        :raises PortNotAllowed: policy forbids it
        :raises PortUnavailable: the system does
        """
        if not self._onDemand or number in self.namedNumbers():
            return
        if number not in self.allowed:
            raise PortNotAllowed(
                f"port {number} is not among those that may be opened ({self.allowed}): "
                "the administrator allows more with --allow-port"
            )
        opened = self._opened.get(number)
        if opened is None:
            opened = self._opened[number] = _Opened()
            await self._open(number, opened)
            return
        opened.users += 1
        if not opened.listening:
            turn: Deferred[None] = Deferred()
            opened.waiting.append(turn)
            await turn
        if self._opened.get(number) is not opened:
            raise PortUnavailable(f"port {number} could not be opened")

    def release(self, number: int) -> None:
        """
        A registration on this port is gone; close the port with the last one.
        """
        opened = self._opened.get(number)
        if opened is None:
            return
        opened.users -= 1
        if opened.users == 0:
            del self._opened[number]
            for port in opened.listening:
                self._close(port)
            self.log.info("closed port {port}: nobody is registered on it", port=number)

    async def stop(self) -> None:
        """
        Close every port; what waits in the kernel's queues of inherited sockets stays there.
        """
        self._stopping = True
        ports = [port for opened in self._opened.values() for port in opened.listening]
        ports += self._named
        self._opened.clear()
        self._named.clear()
        await gatherResults([self._close(port) for port in ports])

    async def _open(self, number: int, opened: _Opened) -> None:
        listening: list[IListeningPort] = []
        try:
            for endpoint in self._endpoints(number):
                listening.append(await endpoint.listen(self._factory))
        except CannotListenError as error:
            del self._opened[number]
            for port in listening:
                port.stopListening()
            raise PortUnavailable(f"port {number} cannot be opened: {error.socketError}") from None
        else:
            opened.listening = listening
            for port in listening:
                self._control(port)
            self.log.info("opened port {port} for registered addresses", port=number)
        finally:
            waiting, opened.waiting = opened.waiting, []
            for turn in waiting:
                turn.callback(None)

    def _endpoints(self, number: int) -> list[IStreamServerEndpoint]:
        backlog = self._admission.quotas.listenBacklog
        if not self.interfaces:
            # One socket for both families; the kernel shows IPv4 clients as mapped addresses.
            return [TCP6ServerEndpoint(self._reactor, number, backlog, "::")]
        return [
            (TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint)(
                self._reactor, number, backlog, interface
            )
            for interface in self.interfaces
        ]

    def namedNumbers(self) -> set[int]:
        """
        The numbers of the ports that the administrator named.
        """
        return {
            number
            for port in self._named
            if (number := getattr(port.getHost(), "port", None)) is not None
        }

    def _control(self, port: Any) -> None:
        if hasattr(port, "pauseProducing"):
            port.numberAccepts = self._admission.quotas.maxPendingAccepts
            self._admission.addPort(port)

    def _close(self, port: Any) -> Deferred[Any]:
        self._admission.removePort(port)
        return port.stopListening() or succeed(None)
