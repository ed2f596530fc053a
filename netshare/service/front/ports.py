"""
The listening ports: those the administrator named, and those that registered addresses ask for.

A port that an address needs is opened with the first registration on it and closed with the
last, as the original does, within an allowed set of ports and on chosen interfaces.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import (
    IListeningPort,
    IStreamServerEndpoint,
)
from twisted.internet.tcp import Port

from netshare.addresses import DEFAULT_PORTS, NET_TCP
from netshare.logger import Logger
from netshare.reactors import IReactor, PausablePort
from netshare.service.front.accept import BatchingPort
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission
from netshare.service.records import Handed
from netshare.service.store import DescriptorStore
from netshare.sockets.held import NotPassable
from netshare.sockets.listening import listening_socket
from netshare.sockets.names import address_text
from netshare.sockets.privatenames import is_proxy_wrapping


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


#: All interfaces, of both families.
_ALL = ("0.0.0.0", "::")


class _Opened:
    """One port that registrations asked for."""

    def __init__(self, listening: list[IListeningPort]) -> None:
        self.users = 0
        self.listening = listening


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
        reactor: IReactor,
        factory: SharedPortFactory,
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
        self.admission = admission
        #: Keeps the sockets that are opened here for the next process.
        self.store = DescriptorStore()
        self._named: list[IListeningPort] = []
        #: How the administrator wrote them.
        self._names: dict[IListeningPort, str] = {}
        #: Listening sockets of the service before this one, by address and number.
        self._inherited: dict[tuple[str, int], socket.socket] = {}
        self._opened: dict[int, _Opened] = {}
        self._stopping = False

    async def listen(
        self, endpoint: IStreamServerEndpoint, closeReturned: bool = False, name: str = ""
    ) -> IListeningPort:
        """
        Listen on an endpoint, until :meth:`stop`.

        :param name: the endpoint as the administrator wrote it: a successor knows it by that
        :param closeReturned: close what a worker gives back instead of routing it, since the
            clients come through a front that chose this service by their first preamble
        """
        port: IListeningPort = await endpoint.listen(self._factory)
        headed = is_proxy_wrapping(getattr(port, "factory", None), self._factory)
        if isinstance(port, Port) and (port.factory is self._factory or headed):
            # Nothing stands between the port and us but a PROXY header: accept ourselves.
            batching = BatchingPort(
                self._reactor,
                socket.socket(fileno=os.dup(port.fileno())),
                self._factory,
                port,
                headed,
            )
            batching.startListening()
            port = batching
        self._enter(port, closeReturned, name)
        if name and isinstance(port, BatchingPort):
            self.store.keep_listener(name, port.fileno())
        return port

    def adopt(
        self,
        bound: socket.socket,
        headed: bool = False,
        closeReturned: bool = False,
        name: str = "",
        keep: bool = True,
    ) -> IListeningPort:
        """
        Accept on a socket that listens already: one of the service before this one, or one that
        the service manager has made.

        :param headed: every connection begins with a PROXY protocol header
        :param closeReturned: as of :meth:`listen`
        :param name: as of :meth:`listen`
        :param keep: whether the next process is to get it from the store
        """
        port = BatchingPort(self._reactor, bound, self._factory, headed=headed)
        port.startListening()
        self._enter(port, closeReturned, name)
        if keep:
            self.store.keep_listener(name, port.fileno())
        return port

    def _enter(self, port: IListeningPort, closeReturned: bool, name: str) -> None:
        self._named.append(port)
        self._names[port] = name
        self._control(port)
        number = getattr(port.getHost(), "port", None)
        if closeReturned and number is not None:
            self._factory.closing.add(number)

    def would_open(self, bound: socket.socket) -> bool:
        """
        Whether a registration could ask for this listening socket, as the policy is now.
        """
        host, number = bound.getsockname()[:2]
        return self._onDemand and number in self.allowed and host in (self.interfaces or _ALL)

    def inherit(self, bound: socket.socket) -> None:
        """
        Use this listening socket when a registration asks for its port, instead of opening one:
        the service before this one has opened it. :meth:`closeInherited` ends that.
        """
        host, number = bound.getsockname()[:2]
        self._inherited[host, number] = bound

    def closeInherited(self) -> None:
        """
        No registration will ask for what is left of the inherited sockets.
        """
        for (_, number), bound in self._inherited.items():
            bound.close()
            if number not in self._opened:
                self.store.forget_port(number)
        self._inherited.clear()

    def handed_over(self) -> Iterator[Handed]:
        """
        The listening sockets, for another process.

        :raises NotPassable: there is one that cannot be passed
        """
        opened = [port for one in self._opened.values() for port in one.listening]
        for port in (*self._named, *opened):
            if not isinstance(port, BatchingPort):
                raise NotPassable(
                    f"{self._names.get(port, '')} at {address_text(port.getHost())} is no plain "
                    "TCP port"
                )
            yield port.handed_over(self._names.get(port, ""))

    def letGo(self) -> None:
        """
        Another process accepts on these sockets now.
        """
        for port in (*self._named, *(p for one in self._opened.values() for p in one.listening)):
            self.admission.removePort(port)  # type: ignore[arg-type]
            if isinstance(port, BatchingPort):
                port.letGo()
        self._named.clear()
        self._opened.clear()
        self._stopping = True

    async def close(self, port: IListeningPort) -> None:
        """
        Listen no more on what :meth:`listen` gave; what waits in its queue is refused.
        """
        self._named.remove(port)
        self.store.forget_listener(self._names.pop(port, ""))
        await self._close(port)

    def describe(self) -> list[str]:
        """
        What is listened on, for people.
        """
        asked = [port for opened in self._opened.values() for port in opened.listening]
        return [address_text(port.getHost()) for port in (*self._named, *asked)]

    def acquire(self, number: int) -> None:
        """
        A registration needs this port: open it unless it is open.

        :raises PortNotAllowed: policy forbids it
        :raises PortUnavailable: the system does
        """
        if not self._onDemand or number in self.namedNumbers():
            return
        if self._stopping:
            raise PortUnavailable("the service is stopping")
        if number not in self.allowed:
            raise PortNotAllowed(
                f"port {number} is not among those that may be opened ({self.allowed}): "
                "the administrator allows more with --allow-port"
            )
        opened = self._opened.get(number)
        if opened is None:
            opened = self._opened[number] = _Opened(self._open(number))
        opened.users += 1

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
            self.store.forget_port(number)
            for port in opened.listening:
                self._close(port)
            self.log.info("closed port {port}: no worker is registered on it", port=number)

    async def stop(self) -> None:
        """
        Close every port; what waits in the kernel's queues of sockets that another process has,
        too, stays there.
        """
        self._stopping = True
        ports = [port for opened in self._opened.values() for port in opened.listening]
        ports += self._named
        self._opened.clear()
        self._named.clear()
        for port in ports:
            if isinstance(port, BatchingPort):
                port.spare()
        await gatherResults([self._close(port) for port in ports])

    def _open(self, number: int) -> list[IListeningPort]:
        """
        :raises PortUnavailable: one of the interfaces does not have it
        """
        listening: list[IListeningPort] = []
        try:
            for interface in self.interfaces or _ALL:
                bound = self._bind(interface, number)
                if bound is not None:
                    batching = BatchingPort(self._reactor, bound, self._factory)
                    batching.startListening()
                    listening.append(batching)
        except OSError as error:
            for port in listening:
                port.stopListening()
            raise PortUnavailable(
                f"port {number} cannot be opened: {os.strerror(error.errno or 0)}"
            ) from None
        for port in listening:
            self._control(port)
            self.store.keep_port(number, port.fileno())  # type: ignore[attr-defined]
        self.log.info("opened port {port} for registered addresses", port=number)
        return listening

    def _bind(self, interface: str, number: int) -> socket.socket | None:
        """
        A listening socket, or None where the machine has no IPv6.

        The families get a socket each, so that an IPv4 client has an IPv4 address in a worker.
        """
        inherited = self._inherited.pop((interface, number), None)
        if inherited is not None:
            return inherited
        backlog = self.admission.quotas.listenBacklog
        try:
            try:
                return listening_socket(interface, number, backlog)
            except OSError as error:
                # The one that was closed a moment ago may still be in the store.
                if error.errno != errno.EADDRINUSE or not self.store.settle():
                    raise
                return listening_socket(interface, number, backlog)
        except OSError as error:
            # There is no IPv6, or it is compiled in but switched off.
            none = error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
            if none and interface == "::" and not self.interfaces:
                return None
            raise

    def namedNumbers(self) -> set[int]:
        """
        The numbers of the ports that the administrator named.
        """
        return {
            number
            for port in self._named
            if (number := getattr(port.getHost(), "port", None)) is not None
        }

    def _control(self, port: IListeningPort) -> None:
        if isinstance(port, PausablePort):
            self.admission.addPort(port)

    def _close(self, port: IListeningPort) -> Deferred[None]:
        if isinstance(port, PausablePort):
            self.admission.removePort(port)
        return port.stopListening() or succeed(None)
