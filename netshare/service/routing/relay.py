"""
Servers that know nothing of sharing: the service dials them and splices the connections.

Unlike a hand-over this keeps the service in the path of every byte, so it is for programs that
cannot be changed: a WCF service on Mono or CoreWCF with a private port of its own.

The server is dialled only when the client's preamble is complete or asks for an upgrade, behind
which a client waits: some servers (Mono's) serve nobody else while a preamble is unfinished.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.preamble import NEED_MORE, Malformed, Reading, Stage, read_preamble
from netshare.interfaces import IArrival, IRoute
from netshare.service.front.preamble import judge
from netshare.service.outcomes import Outcome
from netshare.service.quotas import Admission
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import address_from_text

#: Seconds that a relayed server may take to accept.
CONNECT_TIMEOUT = 10.0

_PROXY_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


@implementer(IRoute)
class RelayRoute:
    """
    Connections go on to another server.

    :param endpoint: where it listens
    :param where: the same for people
    :param proxy: begin with a PROXY protocol version 2 header that names the client
    """

    kind = "relay"

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        where: str,
        admission: Admission,
        proxy: bool = False,
        connectTimeout: float = CONNECT_TIMEOUT,
    ) -> None:
        self.where = where
        self.active: set[Splice] = set()
        self._reactor = reactor
        self._endpoint = endpoint
        self._admission = admission
        self._proxy = proxy
        self._connectTimeout = connectTimeout
        self._unfinished: set[_RestOfPreamble] = set()
        self._dialling: set[Deferred[Any]] = set()

    def render(self, arrival: IArrival) -> None:
        reading = read_preamble(arrival.readData, Stage.ANSWER)
        if reading is not NEED_MORE:
            self._complete(arrival, reading)
            return
        timeout = self._admission.quotas.receiveTimeout
        rest = _RestOfPreamble(
            self._reactor, arrival, timeout, self._complete, self._unfinished.discard
        )
        self._unfinished.add(rest)
        try:
            adopt(self._reactor, arrival.held, _One(rest))
        except ClientGone as error:
            rest.cancel()
            arrival.take(Outcome.CLIENT_GONE, str(error))

    def stop(self) -> None:
        """Cut the connections that are still spliced, and those that were to be."""
        for rest in list(self._unfinished):
            rest.stop()
        for connecting in list(self._dialling):
            connecting.cancel()
        for splice in list(self.active):
            splice.abort()

    def _complete(self, arrival: IArrival, reading: Reading) -> None:
        if isinstance(reading, Malformed):
            arrival.refuse(*judge(reading, arrival.readData))
            return
        splice = Splice(self._ended)

        def dialled(result: Any) -> Any:
            self._dialling.discard(connecting)
            return result

        def connected(_: object) -> None:
            header = proxy_header(arrival.peer, arrival.local) if self._proxy else b""
            splice.server.transport.write(header + arrival.readData)
            try:
                adopt(self._reactor, arrival.held, _One(splice.client))
            except ClientGone as error:
                splice.server.transport.abortConnection()
                arrival.take(Outcome.CLIENT_GONE, str(error))
                return
            self.active.add(splice)
            arrival.take(Outcome.RELAYED, self.where, keeps=2)

        def failed(failure: Failure) -> None:
            arrival.refuse(
                Outcome.ENDPOINT_UNAVAILABLE,
                f"{self.where} cannot be reached: {failure.getErrorMessage()}",
            )

        connecting = self._endpoint.connect(_One(splice.server))
        connecting.addTimeout(self._connectTimeout, self._reactor)
        self._dialling.add(connecting)
        connecting.addBoth(dialled)
        connecting.addCallbacks(connected, failed)

    def _ended(self, splice: Splice) -> None:
        if splice in self.active:
            self.active.remove(splice)
            self._admission.release(2)


class Splice:
    """
    Two connections that carry each other's bytes.

    Each side reads only as fast as the other writes, and a half-close travels through.

    :param ended: called once, when both are gone
    """

    def __init__(self, ended: Callable[[Splice], None]) -> None:
        self.client = _Side(self)
        self.server = _Side(self)
        self.client.other = self.server
        self.server.other = self.client
        self._ended = ended
        self._lost = 0

    def abort(self) -> None:
        """Cut both."""
        for side in (self.client, self.server):
            if side.connected:
                side.transport.abortConnection()

    def sideLost(self) -> None:
        """One side is gone."""
        self._lost += 1
        if self._lost == 2:
            self._ended(self)


@implementer(IHalfCloseableProtocol)
class _Side(Protocol):
    transport: Any
    other: _Side

    def __init__(self, splice: Splice) -> None:
        self._splice = splice
        self._waiting = b""
        self._closedHalves = 0

    def connectionMade(self) -> None:
        if not self.other.connected:
            return
        self.transport.registerProducer(self.other.transport, True)
        self.other.transport.registerProducer(self.transport, True)
        if self.other._waiting:
            self.transport.write(self.other._waiting)

    def dataReceived(self, data: bytes) -> None:
        if self.other.connected:
            self.other.transport.write(data)
        else:
            self._waiting += data  # the server speaks before the client is adopted

    def readConnectionLost(self) -> None:
        if self.other.connected:
            # A transport that waits for a paused producer would never get to closing.
            self.other.transport.unregisterProducer()
            self.other.transport.loseWriteConnection()
        self._halfClosed()

    def writeConnectionLost(self) -> None:
        self._halfClosed()

    def _halfClosed(self) -> None:
        # Twisted leaves a connection with two closed halves open until it is told.
        self._closedHalves += 1
        if self._closedHalves == 2:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.other.connected:
            self.other.transport.unregisterProducer()
            if reason.check(ConnectionDone):
                self.other.transport.loseConnection()
            else:
                self.other.transport.abortConnection()
        self._splice.sideLost()


class _RestOfPreamble(Protocol):
    """
    Reads on until the preamble is complete, and gives the socket back to its arrival.
    """

    transport: Any

    def __init__(
        self,
        reactor: IReactorTime,
        arrival: IArrival,
        timeout: float | None,
        done: Callable[[IArrival, Reading], None],
        over: Callable[[_RestOfPreamble], None],
    ) -> None:
        self._arrival = arrival
        self._received = bytearray(arrival.readData)
        self._done = done
        self._tellOver = over
        self._over = False
        self._cutOff = None if timeout is None else reactor.callLater(timeout, self._tooLate)

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        self._received += data
        reading = read_preamble(self._received, Stage.ANSWER)
        if reading is not NEED_MORE:
            self._letGo()
            self._done(self._arrival, reading)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._over:
            self.cancel()
            self._arrival.take(Outcome.INCOMPLETE, "closed behind the via, inside the preamble")

    def stop(self) -> None:
        """The service stops."""
        self._letGo()
        self._arrival.take(Outcome.SHUTDOWN, "the service stopped")

    def cancel(self) -> None:
        self._over = True
        self._tellOver(self)
        if self._cutOff is not None and self._cutOff.active():
            self._cutOff.cancel()

    def _letGo(self) -> None:
        self.cancel()
        self._arrival.held = HeldSocket.from_transport(self.transport)
        self._arrival.readData = bytes(self._received)

    def _tooLate(self) -> None:
        self._letGo()
        self._arrival.take(Outcome.RECEIVE_TIMEOUT, "the preamble was not complete within the time")


class _One(Factory):
    """
    Makes one protocol that exists already.
    """

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol


def proxy_header(peer: str, local: str) -> bytes:
    """
    A PROXY protocol version 2 header for a TCP connection. (HAProxy, proxy-protocol.txt, 2.2)

    :param peer: the client, as ``host:port``; a balancer may have named it in another way
    :param local: where it connected to
    """
    try:
        source, destination = address_from_text(peer), address_from_text(local)
        hosts = [ipaddress.ip_address(source.host), ipaddress.ip_address(destination.host)]
    except ValueError:
        return _PROXY_SIGNATURE + b"\x21\x00\x00\x00"  # the protocol's way of "unknown"
    if hosts[0].version == hosts[1].version == 4:
        family = 0x11
    else:  # one of them is IPv6: the other is written as a mapped address
        family = 0x21
        hosts = [
            host if host.version == 6 else ipaddress.ip_address(f"::ffff:{host}") for host in hosts
        ]
    addresses = hosts[0].packed + hosts[1].packed
    payload = addresses + struct.pack("!HH", source.port, destination.port)
    return _PROXY_SIGNATURE + struct.pack("!BBH", 0x21, family, len(payload)) + payload
