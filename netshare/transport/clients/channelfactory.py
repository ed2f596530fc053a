"""
Clients in a Twisted program: channels to a service, as objects with its operations.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from zope.interface import implementer

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.interfaces import IChannelKeeper, ICommunicationObject
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.channels.mallochint import expect_messages
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channel import ServiceChannel
from netshare.transport.clients.setup import ChannelSetup
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.checks import check_implementation
from netshare.transport.contracts.derivation import describe
from netshare.transport.contracts.description import ContractDescription
from netshare.transport.contracts.endpoint import check_address, check_endpoint
from netshare.transport.security.credentials import ClientCredentials
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.security.transportsecurity import in_threads_of

__all__ = ["ChannelFactory"]


@implementer(IChannelKeeper)
class ChannelFactory:
    """
    Makes channels to services of a contract::

        factory = ChannelFactory(ICalculator, NetTcpBinding(security=SecurityMode.NONE), reactor)
        channel = factory.create_channel("net.tcp://localhost/calculator")
        assert await channel.operations.Add(1, 2) == 3
        await channel.close()
        await factory.close()

    Connections whose channel is closed are kept for the factory's next one, to whatever path.

    :param contract: a class with ``@service_contract``
    :param binding: as the service's
    :param reactor: where it runs
    :param callback: carries out the callback contract, if there is one
    :param caller: how the callback's methods are called; None: in the reactor's thread
    :param pool: of connections; None: one of its own
    :param message_log: what is logged of messages; None: nothing
    :param tracing: an :class:`.ITracing` that follows each call, such as
        :class:`netshare.transport.opentelemetry.Tracing`; None: nothing does
    :param credentials: the client's, where the binding has security
    :raises ContractError: contract and binding do not go together
    :raises SecurityNotAvailable: a credential is missing
    :raises CertificateError: a certificate cannot be read
    """

    def __init__(
        self,
        contract: type,
        binding: NetTcpBinding,
        reactor: Any,
        *,
        callback: Any = None,
        caller: Caller | None = None,
        pool: ConnectionPool | None = None,
        credentials: ClientCredentials | None = None,
        message_log: MessageLog | None = None,
        tracing: Any = None,
    ) -> None:
        self.contract: ContractDescription = describe(contract)
        check_endpoint(self.contract, binding)
        if self.contract.callback is not None and callback is None:
            raise TypeError(f"{contract.__name__} has a callback contract: give callback=")
        if self.contract.callback is not None:
            check_implementation(self.contract.callback, callback)
        if not binding.streamed:
            expect_messages(binding.max_received_message_size)
        #: Connections are kept here; see :class:`~.pool.ConnectionPool`.
        self.pool = pool or ConnectionPool(
            reactor,
            idle_timeout=binding.idle_timeout,
            lease_timeout=binding.lease_timeout,
            max_outbound_connections_per_endpoint=binding.max_connections or 10,
        )
        self._own_pool = pool is None
        credentials = credentials or ClientCredentials()
        security, messages = binding.transport_security(), binding.message_security()
        self._setup = ChannelSetup(
            contract=self.contract,
            binding=binding,
            reactor=reactor,
            callback=callback,
            caller=caller or Caller(),
            encoder=binding.make_encoder(),
            settings=binding.channel_settings(server=False),
            pool=self.pool,
            message_log=message_log,
            tracing=tracing,
            initiators=None
            if security is None
            else security.initiators(credentials, in_threads_of(reactor)),
            message_security=None if messages is None else messages.client(credentials, reactor),
        )
        self._channels: set[ICommunicationObject] = set()

    def create_channel(
        self, address: str, via: str | None = None, identity: EndpointIdentity | None = None
    ) -> ServiceChannel:
        """
        Make a channel. It opens with its first call.

        :param address: of the endpoint
        :param via: where to connect instead
        :param identity: what the service has to be; None: the host of the address
        :raises AddressError: it is no address of net.tcp
        """
        check_address(address)
        return ServiceChannel(self._setup, self, address, address if via is None else via, identity)

    def close(self) -> Deferred[None]:
        """Close all channels, and the connections that are kept."""
        return ensureDeferred(self._close())

    def abort(self) -> None:
        """Abort all channels."""
        for channel in list(self._channels):
            channel.abort()

    async def _close(self) -> None:
        for channel in list(self._channels):
            try:
                await channel.close()
            except Exception:
                channel.abort()
        if self._own_pool:
            await self.pool.close()

    # ---- the channels

    def channel_opened(self, channel: ICommunicationObject) -> None:
        self._channels.add(channel)

    def channel_over(self, channel: ICommunicationObject) -> None:
        self._channels.discard(channel)
