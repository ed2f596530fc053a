"""
The ``nettcp:`` client endpoint: connect, name the address in a preamble, wait for the ack.

The other half of ``preamble=consume``: with both, any protocol travels over a shared port.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import DEFAULT_PORTS, NET_TCP, parse_via
from netshare.endpoints.preamble import LateWrapper
from netshare.framing.faults import MAX_FAULT_SIZE, Fault
from netshare.framing.records import BINARY_SESSION, Mode, RecordType, preamble
from netshare.framing.sizes import NEED_MORE, decode_size

_MEANING = {
    Fault.ENDPOINT_NOT_FOUND: "nobody serves this address there",
    Fault.ENDPOINT_UNAVAILABLE: "the address is known, but its service is not up",
    Fault.SERVER_TOO_BUSY: "the server takes no more connections now; try again later",
    Fault.CONNECTION_DISPATCH_FAILED: "the service behind the address failed to take it",
    Fault.SERVICE_ACTIVATION_FAILED: "the service behind the address could not be started",
    Fault.UPGRADE_INVALID: "the server does not offer this security",
    Fault.CONTENT_TYPE_INVALID: "the server does not take this encoding",
    Fault.UNSUPPORTED_MODE: "the server does not take this mode",
    Fault.UNSUPPORTED_VERSION: "the server speaks another version of the framing",
    Fault.VIA_TOO_LONG: "the address is too long",
}


class PreambleRefused(Exception):
    """
    The far end answered the preamble with a fault, with something else, or by closing.

    :ivar uri: the fault's text, or None when there was none
    """

    def __init__(self, via: str, uri: str | None, why: str) -> None:
        super().__init__(f"{via}: {why}")
        self.uri = uri


class PreambleClientProtocol(LateWrapper):
    """
    Writes the preamble and waits.
    """

    factory: _PreambleClientFactory

    def connectionMade(self) -> None:
        self._received = b""
        self.transport.write(self.factory.preamble)

    def unsettledDataReceived(self, data: bytes) -> None:
        self._received += data
        first = self._received[0]
        if first == RecordType.PREAMBLE_ACK:
            self.settle(self._received[1:])
            if self.settled:
                self.factory.answered(self.wrappedProtocol)
        elif first == RecordType.FAULT:
            self._fault()
        else:
            self._refused(None, f"it answered {self._received[:16]!r}, which is no net.tcp")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.settled:
            self.factory.answered(
                PreambleRefused(self.factory.via, None, "it closed without an answer")
            )
        super().connectionLost(reason)

    def _fault(self) -> None:
        size, at = decode_size(self._received, 1)
        if size > MAX_FAULT_SIZE or size < NEED_MORE:
            self._refused(None, "its fault is too long to be one")
        elif size != NEED_MORE and len(self._received) >= at + size:
            uri = self._received[at : at + size].decode("utf-8", "replace")
            fault = Fault.from_uri(uri)
            why = _MEANING.get(fault) if fault is not None else None
            name = fault.value if fault is not None else uri
            self._refused(uri, f"{name}: {why}" if why else f"refused with the fault {name}")

    def _refused(self, uri: str | None, why: str) -> None:
        self.factory.answered(PreambleRefused(self.factory.via, uri, why))
        self.transport.loseConnection()


class _PreambleClientFactory(WrappingFactory):
    noisy = False

    def __init__(self, wrapped: IProtocolFactory, via: str, opening: bytes) -> None:
        super().__init__(wrapped)
        self.via = via
        self.preamble = opening
        #: Fires once: with the wrapped protocol, or with why there is none.
        self.done: Deferred[IProtocol] = Deferred(lambda _: self._cancel())
        #: The attempt to connect, which ends when nobody waits for the answer any more.
        self.connecting: Deferred[IProtocol] | None = None
        self._protocol: PreambleClientProtocol | None = None

    def buildProtocol(self, addr: IAddress | None) -> PreambleClientProtocol:
        self._protocol = PreambleClientProtocol(self, addr)
        return self._protocol

    def answered(self, result: Any) -> None:
        if self.done.called:
            return  # the first answer counts: closing follows every refusal
        if isinstance(result, Exception):
            self.done.errback(Failure(result))
        else:
            self.done.callback(result)

    def _cancel(self) -> None:
        if self._protocol is not None and self._protocol.connected:
            self._protocol.transport.abortConnection()
        elif self.connecting is not None:
            # First, since connecting would fail with an error that is no timeout's.
            self.done.errback(Failure(CancelledError()))
            self.connecting.cancel()


@implementer(IStreamClientEndpoint)
class NetTcpClientEndpoint:
    """
    A connection to an address behind a shared port, or to any net.tcp listener.

    :param host: where to connect; None takes it from the via
    :param port: likewise
    :param via: the address to ask for
    :param timeout: seconds for connecting and the answer together
    """

    def __init__(
        self,
        reactor: Any,
        via: str,
        host: str | None = None,
        port: int | None = None,
        mode: Mode = Mode.DUPLEX,
        contentType: str = BINARY_SESSION,
        timeout: float = 30.0,
    ) -> None:
        address = parse_via(via)
        self._reactor = reactor
        self._via = via
        self._preamble = preamble(via, mode, contentType)
        self._timeout = timeout
        self._endpoint = HostnameEndpoint(
            reactor,
            (host or address.host).strip("[]"),
            port or address.port or DEFAULT_PORTS[NET_TCP],
            timeout,
        )

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        :returns: the Factory's protocol, once the preamble is acknowledged; fails with
            :class:`PreambleRefused`, or as connecting does
        """
        factory = _PreambleClientFactory(protocolFactory, self._via, self._preamble)
        answer = factory.done
        connecting = factory.connecting = self._endpoint.connect(factory)
        connecting.addErrback(lambda failure: factory.answered(failure.value))
        answer.addTimeout(self._timeout, self._reactor)
        return answer
