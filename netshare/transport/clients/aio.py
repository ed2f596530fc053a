"""
A client for asyncio programs, with whatever event loop.

::

    async with NetTcpClient(ICalculator, "net.tcp://localhost/calculator",
                            NetTcpBinding(security=SecurityMode.NONE)) as calculator:
        print(await calculator.Add(1, 2))

The sockets live in a thread of netshare's; everything that a program sees happens in its own loop,
the methods of a callback object included. Streams that come are iterated over with ``async for``,
or read; those that go out are bytes, open files, or (asynchronous) iterables of bytes.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netshare.reactors import IReactor
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.face import ClientFace
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream
from netshare.transport.security.credentials import ClientCredentials
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.soap import Message, MessageHeader

__all__ = ["AsyncStream", "NetTcpClient"]


class NetTcpClient(ClientFace):
    """
    A channel to a service. Its methods are to be used in one event loop.

    :param contract: a class with ``@service_contract``
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
    :raises RuntimeError: no event loop is running here
    """

    def __init__(
        self,
        contract: type,
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
        reactor = BackgroundReactor.shared().reactor
        self._bridge = _Bridge(reactor, asyncio.get_running_loop())
        caller = _LoopCaller(self._bridge)
        super().__init__(
            contract,
            address,
            binding,
            reactor,
            caller,
            via,
            callback,
            credentials=credentials,
            identity=identity,
            message_log=message_log,
            tracing=tracing,
        )
        #: The operations, as methods to be awaited.
        self.operations: Any = self.using()

    async def __aenter__(self) -> Any:
        try:
            await self.open()
        except BaseException:
            await self._bridge.run(self._factory.close)
            raise
        return self.operations

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()

    async def open(self) -> None:
        """
        Open the channel, which the first call does otherwise.

        :raises TransportError: it cannot be opened
        """
        await self._bridge.run(self._channel.open)

    async def close(self) -> None:
        """
        End the session, when all calls under way have been answered, and the connection.

        :raises TransportError: the service did not end it, too
        """
        await self._bridge.run(self._close_all)

    async def abort(self) -> None:
        """Give the channel up."""
        await self._bridge.run(self._abort_all)

    def using(
        self,
        headers: Iterable[MessageHeader] = (),
        timeout: float | None = None,
        replies: list[Message] | None = None,
    ) -> Any:
        """
        The operations, with something special about their calls.

        :param headers: to send with each request
        :param timeout: seconds for each call, instead of the binding's send_timeout
        :param replies: where each reply is put, for its headers
        """
        return self._proxy(headers, timeout, replies, self._call)

    async def _call(
        self, operation: OperationDescription, call: Callable[[], Deferred[Any]]
    ) -> Any:
        return self._readable(operation, await self._bridge.run(call))

    def _stream(self, stream: Stream) -> Any:
        return AsyncStream(self._bridge, stream)


class AsyncStream:
    """
    A stream that arrives, for asyncio.
    """

    def __init__(self, bridge: _Bridge, stream: Stream) -> None:
        self._bridge = bridge
        self._stream = stream

    async def read(self, size: int = -1) -> bytes:
        """
        :param size: how many bytes at most; -1: all there will be
        :returns: at least one byte, and none at the end
        :raises TransportError: the rest will never come
        """
        data: bytes = await self._bridge.run(lambda: self._stream.read(size))
        return data

    async def aclose(self) -> None:
        """Read no more."""
        await self._bridge.run(self._stream.close)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read(65536):
            yield piece


class _Bridge:
    """Between an event loop and the reactor's thread."""

    def __init__(self, reactor: IReactor, loop: asyncio.AbstractEventLoop) -> None:
        self.reactor = reactor
        self.loop = loop

    async def run(self, function: Callable[[], Any]) -> Any:
        """Call a function in the reactor and wait, in the loop, for what its Deferred becomes."""
        future: asyncio.Future[Any] = self.loop.create_future()
        running: list[Deferred[Any]] = []

        def begin() -> None:
            try:
                result = function()
            except Exception:
                self._finish(future, Failure())
                return
            if not isinstance(result, Deferred):
                self._finish(future, result)
                return
            running.append(result)
            result.addBoth(lambda outcome: self._finish(future, outcome))

        def cancel() -> None:
            for one in running:
                one.cancel()

        self.reactor.callFromThread(begin)
        try:
            return await future
        except asyncio.CancelledError:
            self.reactor.callFromThread(cancel)
            raise

    def _finish(self, future: asyncio.Future[Any], outcome: Any) -> None:
        def finish() -> None:
            if future.done():
                return
            if isinstance(outcome, Failure):
                assert outcome.value is not None
                future.set_exception(outcome.value)
            else:
                future.set_result(outcome)

        try:
            self.loop.call_soon_threadsafe(finish)
        except RuntimeError:
            pass  # the loop is closed, and what waited there with it

    def submit(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """
        Call a function in the loop, for the reactor.

        :param function: plain or ``async def``
        """
        return self.submit_in(contextvars.copy_context(), function, *args)

    def submit_in(
        self, context: contextvars.Context, function: Callable[..., Any], *args: Any
    ) -> Deferred[Any]:
        """:meth:`submit` in a context."""
        result: Deferred[Any] = Deferred()

        async def run() -> Any:
            value = function(*args)
            return await value if inspect.isawaitable(value) else value

        def done(task: asyncio.Task[Any]) -> None:
            if task.cancelled():
                outcome: Any = Failure(asyncio.CancelledError())
            elif (error := task.exception()) is not None:
                outcome = Failure(error)
            else:
                outcome = task.result()
            self.reactor.callFromThread(result.callback, outcome)

        def start() -> None:
            self.loop.create_task(run(), context=context).add_done_callback(done)

        try:
            self.loop.call_soon_threadsafe(start)
        except RuntimeError as error:
            result.errback(error)
        return result


class _LoopCaller(Caller):
    """Calls everything of the user's in the event loop."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge
        self.blocking = bridge.submit

    def call(
        self, context: contextvars.Context, function: Callable[..., Any], *args: Any
    ) -> Deferred[Any]:
        return self._bridge.submit_in(context, function, *args)

    async def iterate(self, source: Any) -> AsyncIterator[Any]:
        iterator = aiter(source)
        while True:
            try:
                piece = await self._bridge.submit(anext, iterator)
            except StopAsyncIteration:
                return
            yield piece

    def stream(self, function: Callable[..., Any], stream: Stream) -> Any:
        return AsyncStream(self._bridge, stream)
