"""
ServiceHost: a service class, its endpoints, and everything between them and the sockets.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IListeningPort

from netshare.logger import Logger
from netshare.transport.calls.authorization import AccessCheck, Authorization, RolesOf
from netshare.transport.calls.callers import Caller, ThreadCaller
from netshare.transport.calls.instances import Instances, Throttles
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.upgrades import IUpgradeAcceptor
from netshare.transport.contracts.behavior import ServiceBehavior, ServiceThrottle, behavior_of
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.checks import check_implementation
from netshare.transport.contracts.derivation import describe
from netshare.transport.contracts.endpoint import ServiceEndpoint, check_endpoint, check_together
from netshare.transport.hosting.dispatcher import Dispatcher
from netshare.transport.hosting.listeners import (
    ChannelListener,
    address_below,
    listen_behind_shared_port,
)
from netshare.transport.hosting.ownport import OwnPort, OwnPorts
from netshare.transport.security.credentials import ServiceCredentials
from netshare.transport.security.secureconversation import ServiceMessageSecurity
from netshare.transport.security.transportsecurity import in_threads_of

__all__ = ["ServiceHost"]


class ServiceHost:
    """
    Serves contracts::

        host = ServiceHost(Calculator, reactor)
        host.add_endpoint(
            ICalculator,
            NetTcpBinding(security=SecurityMode.NONE, port_sharing_enabled=True),
            "net.tcp://localhost/calculator",
        )
        await host.open()

    :param service: a class, of which instances are made as its behavior says, or the one instance.
        An instance that is not needed any more is told by its method ``dispose``, if it has one.
    :param reactor: where it runs
    :param base_addresses: what relative addresses of endpoints are below; the first is used
    :param behavior: None: what the class says with ``@service_behavior``
    :param throttle: limits; None: WCF's
    :param control: the sharing service's control socket; None: where it usually is
    :param shared_addresses: whether other processes, of the same user and saying the same, may
        serve the same addresses behind the shared port; each session stays with one of them
    :param credentials: the service's, where a binding has security
    :param message_log: what is logged of messages; None: nothing
    :param tracing: an :class:`.ITracing` that follows each request, such as
        :class:`netshare.transport.opentelemetry.Tracing`; None: nothing does
    :param authorization: asked, with its context, whether a call may be
        (``ServiceAuthorizationManager``); may return an awaitable. None: what
        :func:`~.authorization.authorize` says on the service's class and methods
    :param roles_of: tells the roles of an identity, besides its groups
    """

    log = Logger()

    def __init__(
        self,
        service: Any,
        reactor: Any,
        *base_addresses: str,
        behavior: ServiceBehavior | None = None,
        throttle: ServiceThrottle | None = None,
        control: Path | str | None = None,
        shared_addresses: bool = False,
        credentials: ServiceCredentials | None = None,
        message_log: MessageLog | None = None,
        tracing: Any = None,
        authorization: AccessCheck | None = None,
        roles_of: RolesOf | None = None,
    ) -> None:
        self._message_log = message_log
        self._tracing = tracing
        self.service = service
        self.behavior = behavior or behavior_of(service)
        self.base_addresses = base_addresses
        #: Those that were added.
        self.endpoints: list[ServiceEndpoint] = []
        self._reactor = reactor
        self._control = control
        service_class = service if isinstance(service, type) else type(service)
        self._authorization = Authorization(service_class, authorization, roles_of)
        self._credentials = credentials or ServiceCredentials()
        self._shared_addresses = shared_addresses
        self._instances = Instances(service, self.behavior)
        self._throttles = Throttles(throttle or ServiceThrottle())
        self._caller = ThreadCaller(reactor) if self.behavior.threads else Caller()
        self._listeners: list[ChannelListener] = []
        self._own_ports: list[tuple[OwnPort, ChannelListener]] = []
        self._shared_ports: list[tuple[IListeningPort, FramingServerFactory]] = []
        #: By listen URI: the upgrades that clients may, and have to, ask for.
        self._upgrades: dict[str, IUpgradeAcceptor | None] = {}
        #: By listen URI: what verifies messages; None: nothing.
        self._message_securities: dict[str, ServiceMessageSecurity | None] = {}
        self._opened = False

    def add_endpoint(
        self,
        contract: type,
        binding: NetTcpBinding,
        address: str = "",
        *,
        listen_uri: str | None = None,
    ) -> ServiceEndpoint:
        """
        Serve a contract at an address.

        :param contract: a class with ``@service_contract``
        :param address: what clients call; absolute, or below the first base address
        :param listen_uri: where to listen, when that is somewhere else, as behind a relay; absolute
            or below the first base address
        :raises ContractError: contract, service and binding do not go together
        :raises ValueError: there is no such address
        :raises SecurityNotAvailable: a credential is missing
        :raises CertificateError: a certificate cannot be read
        :raises RuntimeError: the host is open
        """
        if self._opened:
            raise RuntimeError("the host is open; endpoints are added before")
        description = describe(contract)
        check_endpoint(description, binding)
        check_implementation(description, self.service)
        absolute = self._absolute(address)
        listen = absolute if listen_uri is None else self._absolute(listen_uri)
        endpoint = ServiceEndpoint(
            absolute, binding, description, listen, self.behavior.address_filter_mode
        )
        for other in self.endpoints:
            if other.listen_uri == listen and other.binding != binding:
                raise ValueError(f"{listen}: the endpoints that listen there have two bindings")
        check_together(self.endpoints, endpoint)
        if listen not in self._upgrades:
            self._secure(listen, binding)
        self.endpoints.append(endpoint)
        return endpoint

    def open(self) -> Deferred[None]:
        """
        Listen.

        :returns: a Deferred that fires when all endpoints do; it fails with
            :class:`~.ownport.AddressInUseError`, or what
            :meth:`netshare.worker.endpoint.SharedPortServerEndpoint.listen` fails with
        """
        return ensureDeferred(self._open())

    def close(self, timeout: float | None = 10.0) -> Deferred[None]:
        """
        Take no new sessions, answer what has been asked, end the sessions.

        :param timeout: seconds, after which what is still there is aborted
        :returns: a Deferred that fires when nothing is left
        """
        closed = ensureDeferred(self._close())
        if timeout is not None:
            late = self._reactor.callLater(timeout, self.abort)

            def in_time(result: Any) -> Any:
                if late.active():
                    late.cancel()
                return result

            closed.addBoth(in_time)
        return closed

    def abort(self) -> None:
        """End everything at once."""
        for listener in self._listeners:
            listener.accepting = False
            for channel in list(listener.channels):
                channel.abort()
        for port, listener in self._own_ports:
            port.leave(listener)
            port.abortConnections()
        for _, factory in self._shared_ports:
            factory.abort()

    async def __aenter__(self) -> ServiceHost:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---- inside

    def _secure(self, listen_uri: str, binding: NetTcpBinding) -> None:
        upgrades, verifying = None, None
        security, messages = binding.transport_security(), binding.message_security()
        if messages is not None:
            verifying = messages.service(self._credentials, self._reactor, self._call)
        if security is not None:
            upgrades = security.acceptor(self._credentials, in_threads_of(self._reactor))
        self._upgrades[listen_uri] = upgrades
        self._message_securities[listen_uri] = verifying

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._caller.call(contextvars.Context(), function, *args)

    def _absolute(self, address: str) -> str:
        if "://" in address:
            return address
        if not self.base_addresses:
            raise ValueError(f"{address!r} is relative, and the host has no base address")
        return address_below(self.base_addresses[0], address)

    async def _open(self) -> None:
        if self._opened:
            raise RuntimeError("the host was opened already")
        if not self.endpoints:
            raise RuntimeError("the host has no endpoint")
        self._opened = True
        try:
            for listen_uri in dict.fromkeys(one.listen_uri for one in self.endpoints):
                await self._listen(listen_uri)
        except BaseException:
            await self._close()
            raise

    async def _listen(self, listen_uri: str) -> None:
        endpoints = [one for one in self.endpoints if one.listen_uri == listen_uri]
        dispatcher = Dispatcher(
            endpoints,
            self._instances,
            self.behavior,
            self._throttles,
            self._caller,
            self._authorization if self._authorization.needed else None,
            self._tracing,
        )
        binding = endpoints[0].binding
        listener = ChannelListener(
            listen_uri,
            binding,
            dispatcher,
            self._reactor,
            self._upgrades[listen_uri],
            self._message_log,
            self._message_securities[listen_uri],
        )
        if binding.port_sharing_enabled:
            self._shared_ports.append(
                await listen_behind_shared_port(
                    self._reactor, listener, self._control, self._shared_addresses
                )
            )
        else:
            self._own_ports.append(
                (OwnPorts.of(self._reactor).listen(self._reactor, listener), listener)
            )
        self._listeners.append(listener)
        for endpoint in endpoints:
            self.log.info(
                "serving {contract} at {address}",
                contract=endpoint.contract.name,
                address=endpoint.address,
            )

    async def _close(self) -> None:
        for listener in self._listeners:
            listener.accepting = False
        for own, listener in self._own_ports:
            await own.leave(listener)
        for shared, _ in self._shared_ports:
            try:
                await maybeDeferred(shared.stopListening)
            except ConnectionClosed:
                pass  # the service is gone, and our registration with it
        channels = [one for listener in self._listeners for one in list(listener.channels)]
        await DeferredList([one.close() for one in channels], consumeErrors=True)
        for own, _ in self._own_ports:
            await own.closeConnections()
        for _, factory in self._shared_ports:
            await factory.close()
