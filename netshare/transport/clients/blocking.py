"""
A client for plain programs: calls that wait.

::

    with NetTcpClient(ICalculator, "net.tcp://localhost/calculator",
                      NetTcpBinding(security=SecurityMode.NONE)) as calculator:
        print(calculator.Add(1, 2))

Several may be open at once, and each may be used from several threads at once. Streams that come
are files to read from; streams that go out are bytes, open files, or iterables of bytes. The
methods of a callback object are called in threads of netshare's.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred

from netshare.transport.calls.callers import BlockingStream, ThreadCaller
from netshare.transport.calls.proxy import Proxy
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.channelfactory import (
    ChannelFactory,
    ClientChannel,
    CommunicationState,
)
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap.message import Message, MessageHeader

__all__ = ["NetTcpClient"]

C = TypeVar("C")


class NetTcpClient(Generic[C]):
    """
    A channel to a service.

    :param contract: a class with ``@service_contract``
    :param address: of the endpoint
    :param binding: as the service's
    :param via: where to connect instead
    :param callback: carries out the callback contract, if there is one
    :raises ContractError: contract and binding do not go together
    """

    def __init__(
        self,
        contract: type[C],
        address: str,
        binding: NetTcpBinding,
        *,
        via: str | None = None,
        callback: Any = None,
    ) -> None:
        self._background = BackgroundReactor.shared()
        reactor = self._background.reactor
        self._factory = ChannelFactory(
            contract, binding, reactor, callback=callback, caller=ThreadCaller(reactor)
        )
        self._channel: ClientChannel = self._factory.create_channel(address, via)
        #: The operations, as methods that return results or raise.
        self.operations: C = self.using()

    def __enter__(self) -> C:
        try:
            self.open()
        except BaseException:
            self._background.call(self._factory.close)
            raise
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

    def open(self) -> None:
        """
        Open the channel, which the first call does otherwise.

        :raises TransportError: it cannot be opened
        """
        self._background.call(self._channel.open)

    def close(self) -> None:
        """
        End the session, when all calls under way have been answered, and the connection.

        :raises TransportError: the service did not end it, too
        """
        try:
            self._background.call(self._channel.close)
        finally:
            self._background.call(self._factory.close)

    def abort(self) -> None:
        """Give the channel up."""

        def abort() -> Deferred[None]:
            self._channel.abort()
            return self._factory.close()

        self._background.call(abort)

    @property
    def state(self) -> CommunicationState:
        """What the channel is at the moment."""
        return self._channel.state

    def using(
        self,
        headers: Iterable[MessageHeader] = (),
        timeout: float | None = None,
        replies: list[Message] | None = None,
    ) -> C:
        """
        The operations, with something special about their calls.

        :param headers: to send with each request
        :param timeout: seconds for each call, instead of the binding's send_timeout
        :param replies: where each reply is put, for its headers
        """
        inner = self._channel.using(headers, timeout, replies)

        def invoke(
            operation: OperationDescription, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            method = getattr(inner, operation.method)
            result = self._background.call(lambda: method(*args, **kwargs))
            return self._readable(operation, result)

        return cast(C, Proxy(self._factory.contract, invoke))

    def _readable(self, operation: OperationDescription, result: Any) -> Any:
        reply = operation.reply
        part = None if reply is None else reply.stream
        if part is None:
            return result
        reactor = self._background.reactor
        if isinstance(result, Stream):
            return BlockingStream.reader(reactor, result)
        inside = getattr(result, part.member)
        if isinstance(inside, Stream):
            setattr(result, part.member, BlockingStream.reader(reactor, inside))
        return result
