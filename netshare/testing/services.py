"""
A service and its clients joined in memory: the whole way of a message, from the client's method
to the service's and back, without sockets, threads of its own, or waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from twisted.internet.endpoints import TCP4ClientEndpoint

from netshare.testing.network import MemoryNetwork
from netshare.transport import (
    ChannelFactory,
    Message,
    MessageHeader,
    NetTcpBinding,
    OperationContext,
    SecurityMode,
    ServiceBehavior,
    ServiceHost,
    ServiceThrottle,
)
from netshare.transport.calls.context import serving
from netshare.transport.channels.pool import ConnectionPool

C = TypeVar("C")

#: Where the service is, unless told otherwise.
ADDRESS = "net.tcp://localhost/service"
_PLAIN = NetTcpBinding(security=SecurityMode.NONE)


class MemoryService(Generic[C]):
    """
    A service to call::

        with MemoryService(Calculator, ICalculator) as service:
            with service.client() as calculator:
                assert calculator.Add(1, 2) == 3

    Leaving the block closes the clients and the host.

    :param service: a class or an instance, as of :class:`~netshare.transport.ServiceHost`
    :param contract: a class with ``@service_contract``, which the clients have as well
    :param binding: of both sides; None: without security. Whether it shares a port makes no
        difference here.
    :param address: of the endpoint
    :param behavior: None: what the class says with ``@service_behavior``
    :param throttle: limits; None: WCF's
    :ivar network: the reactor of both sides; ``network.advance`` lets time pass
    :ivar host: the service's host, to which endpoints can be added until the block begins
    """

    def __init__(
        self,
        service: Any,
        contract: Callable[..., C],
        binding: NetTcpBinding | None = None,
        address: str = ADDRESS,
        *,
        behavior: ServiceBehavior | None = None,
        throttle: ServiceThrottle | None = None,
    ) -> None:
        self.network = MemoryNetwork()
        self.contract = cast(type, contract)
        self.binding = replace(binding or _PLAIN, port_sharing_enabled=False)
        self.address = address
        self.host = ServiceHost(service, self.network, behavior=behavior, throttle=throttle)
        self.host.add_endpoint(self.contract, self.binding, address)
        self._clients: list[MemoryClient[Any]] = []

    def __enter__(self) -> MemoryService[C]:
        self.network.result(self.host.open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self._clients:
            client.abort()
        if kind is not None:
            self.host.abort()
        self.network.result(self.host.close(timeout=None))

    def client(self, callback: Any = None, *, address: str | None = None) -> MemoryClient[C]:
        """
        Make a client.

        :param callback: carries out the contract's callback contract, if it has one
        :param address: to ask for instead of the endpoint's
        """
        network = self.network
        # Of its own, since HostnameEndpoint needs time to pass until it says that all is refused.
        pool = ConnectionPool(
            network, endpoint_for=lambda host, port: TCP4ClientEndpoint(network, host, port)
        )
        factory = ChannelFactory(self.contract, self.binding, network, callback=callback, pool=pool)
        client: MemoryClient[C] = MemoryClient(network, factory, address or self.address)
        self._clients.append(client)
        return client


class MemoryClient(Generic[C]):
    """
    A client whose operations return results, or raise, as those of
    :class:`~netshare.transport.NetTcpClient` do; made by :meth:`MemoryService.client`.

    :ivar channel: the same with Deferreds, for calls that are to overlap
    :ivar operations: the operations
    """

    def __init__(self, network: MemoryNetwork, factory: ChannelFactory, address: str) -> None:
        self._network = network
        self._factory = factory
        self.channel = factory.create_channel(address)
        self.operations: C = self.using()

    def __enter__(self) -> C:
        self._network.result(self.channel.open())
        return self.operations

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def using(
        self,
        headers: Iterable[MessageHeader] = (),
        timeout: float | None = None,
        replies: list[Message] | None = None,
    ) -> C:
        """
        The operations, with something special about their calls; see
        :meth:`netshare.transport.NetTcpClient.using`.
        """
        return cast(C, _Results(self._network, self.channel.using(headers, timeout, replies)))

    def close(self) -> None:
        """
        End the session, and the connection.

        :raises TransportError: the service did not end it, too
        """
        self._network.result(self.channel.close())
        self._close()

    def abort(self) -> None:
        """Give the channel up."""
        self.channel.abort()
        self._close()

    def _close(self) -> None:
        self._network.result(self._factory.close())
        self._network.result(self._factory.pool.close())


class _Results:
    """Operations whose Deferreds are waited for."""

    def __init__(self, network: MemoryNetwork, operations: Any) -> None:
        self._network = network
        self._operations = operations

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._operations, name)
        return lambda *args, **kwargs: self._network.result(operation(*args, **kwargs))


@contextmanager
def operation_context(
    action: str = "",
    headers: Iterable[MessageHeader] = (),
    *,
    via: str = ADDRESS,
    **details: Any,
) -> Iterator[OperationContext]:
    """
    Let a service's method be called without a client: in the block,
    ``OperationContext.current()`` is the context that is returned::

        with operation_context(headers=[MessageHeader("Tenant", "urn:t", "7")]) as context:
            assert Calculator().Add(1, 2) == 3
        assert context.outgoing_headers == []

    :param action: of the request
    :param headers: of the request
    :param via: the address that the client asked for
    :param details: what else the context has, such as ``session_id`` and ``callback``
    """
    request = Message(action, None, headers=[*headers], to=via)
    with serving(OperationContext(request, via, details.pop("peer", None), **details)) as context:
        yield context
