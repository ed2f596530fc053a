"""
The ``nettcp:`` client endpoint: connect, name the address in a preamble, wait for the ack.

The other half of ``preamble=consume``: with both, any protocol travels over a shared port.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
from netshare.framing.events import Acknowledged, Broken
from netshare.framing.faults import Fault, FaultReceived
from netshare.framing.records import BINARY_SESSION, Mode
from netshare.framing.session import ClientSession

_MEANING = {
    Fault.ENDPOINT_NOT_FOUND: "no worker serves this address there",
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
        self._session = self.factory.begin()
        self.transport.write(self._session.opening)

    def unsettledDataReceived(self, data: bytes) -> None:
        self._session.feed(data)
        event = self._session.next_event()
        if isinstance(event, Acknowledged):
            protocol = self.build()
            if protocol is None:
                self.transport.abortConnection()
                return
            self.settle(protocol, self._session.take_rest())
            self.factory.answered(protocol)
        elif isinstance(event, FaultReceived):
            why = _MEANING.get(event.fault) if event.fault is not None else None
            self._refused(event.uri, f"{event.name}: {why}" if why else f"fault {event.name}")
        elif isinstance(event, Broken):
            self._refused(None, f"what it answered is no net.tcp: {event.reason}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.settled:
            self.factory.answered(
                PreambleRefused(self.factory.via, None, "it closed without an answer")
            )
        super().connectionLost(reason)

    def _refused(self, uri: str | None, why: str) -> None:
        self.factory.answered(PreambleRefused(self.factory.via, uri, why))
        self.transport.loseConnection()


class _PreambleClientFactory(WrappingFactory):
    noisy = False

    def __init__(
        self, wrapped: IProtocolFactory, via: str, begin: Callable[[], ClientSession]
    ) -> None:
        super().__init__(wrapped)
        self.via = via
        self.begin = begin
        #: Fires once: with the wrapped protocol, or with why there is none.
        self.done: Deferred[IProtocol] = Deferred(lambda _: self._cancel())
        #: The attempt to connect, which ends when the answer is waited for no more.
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

    :param via: the address to ask for
    :param host: where to connect; None takes it from the via
    :param port: likewise
    :param mode: DUPLEX or SINGLETON
    :param contentType: of the messages, where they are messages of WCF's
    :param timeout: seconds for connecting and the answer together
    :raises AddressError: the via is no address
    :raises ValueError: the via is longer than any service reads, or the mode is not for TCP
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
        self._begin = partial(ClientSession, via, mode, contentType)
        self._begin()  # what cannot be asked for fails here, and not when connecting
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
        factory = _PreambleClientFactory(protocolFactory, self._via, self._begin)
        answer = factory.done
        connecting = factory.connecting = self._endpoint.connect(factory)
        connecting.addErrback(lambda failure: factory.answered(failure.value))
        answer.addTimeout(self._timeout, self._reactor)
        return answer
