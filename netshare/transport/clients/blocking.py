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

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred

from netshare.transport.calls.callers import BlockingStream, ThreadCaller
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.face import ClientFace
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream
from netshare.transport.security.credentials import ClientCredentials
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.soap import Message, MessageHeader

__all__ = ["NetTcpClient"]

C = TypeVar("C")


class NetTcpClient(ClientFace, Generic[C]):
    """
    A channel to a service.

    :param contract: a class with ``@service_contract``, such as a ``Protocol``
    :param address: of the endpoint
    :param binding: as the service's
    :param via: where to connect instead
    :param callback: carries out the callback contract, if there is one
    :param credentials: the client's, where the binding has security
    :param message_log: what is logged of messages; None: nothing
    :param tracing: an :class:`.ITracing` that follows each call, such as
        :class:`netshare.transport.opentelemetry.Tracing`; None: nothing does
    :param identity: what the service has to be; None: the host of the address
    :raises ContractError: contract and binding do not go together
    :raises SecurityNotAvailable: a credential is missing
    :raises CertificateError: a certificate cannot be read
    """

    def __init__(
        self,
        contract: Callable[..., C],
        address: str,
        binding: NetTcpBinding,
        *,
        via: str | None = None,
        callback: Any = None,
        credentials: ClientCredentials | None = None,
        identity: EndpointIdentity | None = None,
        message_log: MessageLog | None = None,
        tracing: Any = None,
    ) -> None:
        self._background = BackgroundReactor.shared()
        reactor = self._background.reactor
        super().__init__(
            cast(type, contract),
            address,
            binding,
            reactor,
            ThreadCaller(reactor),
            via,
            callback,
            credentials=credentials,
            identity=identity,
            message_log=message_log,
            tracing=tracing,
        )
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
        self._background.call(self._close_all)

    def abort(self) -> None:
        """Give the channel up."""
        self._background.call(self._abort_all)

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
        return cast(C, self._proxy(headers, timeout, replies, self._call))

    def _call(self, operation: OperationDescription, call: Callable[[], Deferred[Any]]) -> Any:
        return self._readable(operation, self._background.call(call))

    def _stream(self, stream: Stream) -> Any:
        return BlockingStream.reader(self._background.reactor, stream)
