"""
A client's calls where messages are streamed: each on a session of its own.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.records import Mode
from netshare.timing import Timer
from netshare.transport.calls.callbacks import read_reply
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.channels.errors import ChannelClosedError, CommunicationError, ProtocolError
from netshare.transport.channels.errors import TimeoutError as TransportTimeout
from netshare.transport.channels.interfaces import ISingletonReceiver
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream, pieces, pump
from netshare.transport.encoders.streamed.streaming import stream_decoder
from netshare.transport.soap.message import Message, MessageInvalid, new_message_id
from netshare.transport.xml import XmlException

__all__ = ["StreamedCall"]


@implementer(ISingletonReceiver)
class StreamedCall:
    """
    One call on a singleton channel.

    :param factory: the :class:`~.channelfactory.ChannelFactory`
    :param operation: what is called
    :param timeout: seconds until the reply has to begin, None for no limit
    """

    log = Logger()

    def __init__(
        self, factory: Any, operation: OperationDescription, timeout: float | None
    ) -> None:
        self._factory = factory
        self._operation = operation
        self._encoder = factory.encoder.session()
        self._decoder = stream_decoder(self._encoder, factory.binding.buffer_size)
        self._timeout = timeout
        self._timer = Timer(factory.reactor, self._late)
        self._channel: Any = None
        self._reply: Deferred[tuple[Message, Stream | None]] = Deferred()
        self._answered = False
        self._message: Message | None = None
        self._stream: Stream | None = None
        self._read = False
        self._closed = False
        self._done: list[Deferred[None]] = []

    async def run(
        self,
        address: str,
        via: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        headers: Any,
        replies: list[Message] | None,
    ) -> Any:
        """
        Carry the call out.

        :returns: its result; a stream in it goes on arriving
        :raises TransportError: it failed
        """
        request, source = self._request(args, kwargs)
        request.version = self._encoder.version
        request.headers.extend(headers)
        request.to = address
        if self._operation.reply is not None:
            request.message_id = new_message_id()
            request.reply_to = request.version.addressing.anonymous or None
        payload = None if source is not None else self._encoder.encode(request)
        self._channel = await self._factory.pool.open_channel(
            via,
            self,
            mode=Mode.SINGLETON,
            content_type=self._encoder.content_type,
            settings=self._factory.settings,
        )
        self._timer.start(self._timeout)
        if payload is not None:
            self._channel.write(payload)
            self._channel.finish()
        else:
            # The reply may come, and be a fault, before all of the request is sent.
            ensureDeferred(self._send(request, source)).addErrback(self._fail)
        reply, stream = await self._reply
        if self._operation.reply is None:
            return None
        if replies is not None:
            replies.append(reply)
        return read_reply(self._operation, reply, stream)

    def abort(self) -> None:
        """Give the call up."""
        if self._channel is not None:
            self._channel.abort()

    def done(self) -> Deferred[None]:
        """:returns: a Deferred that fires when the call's channel is closed."""
        if self._closed:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._done.append(waiting)
        return waiting

    # ---- the request

    def _request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Message, Any]:
        """The request, and what it streams (None: nothing)."""
        operation = self._operation
        formatter = formatter_for(operation)
        if operation.request.untyped:
            (request,) = operation.parameters.bind(*args, **kwargs).args
            if request.action is None:
                request.action = operation.request.action
            return request, None
        values = formatter.arguments(args, kwargs)
        part = operation.request.stream
        if part is None:
            return formatter.request.write(values, False), None
        source = values[part.member]
        return formatter.request.write(values, True), b"" if source is None else source

    async def _send(self, request: Message, source: Any) -> None:
        encoder = self._encoder.stream_encoder()
        self._channel.write(encoder.start(request))
        if await pump(pieces(source, self._factory.caller), self._channel, encoder.chunk):
            self._channel.write(encoder.finish())
            self._channel.finish()

    # ---- the channel

    def dataReceived(self, data: bytes) -> None:
        try:
            content = self._decoder.feed(data)
            self._begin(content)
        except (XmlException, MessageInvalid) as error:
            self._invalid(error)

    def messageEnded(self) -> None:
        try:
            content = self._decoder.finish()
            self._begin(content)
        except (XmlException, MessageInvalid) as error:
            self._invalid(error)
            return
        self._read = True
        if self._stream is not None:
            self._stream.end()
        elif self._message is not None:
            self._answer(self._message, None)

    def endReceived(self) -> None:
        self._read = True
        if self._operation.reply is None:
            self._answer(Message(), None)
        else:
            self._fail(
                Failure(
                    CommunicationError(
                        f"{self._channel.via}: the service ended the session without a reply"
                    )
                )
            )

    def channelClosed(self, reason: Failure | None) -> None:
        self._closed = True
        self._timer.stop()
        error = reason or Failure(ChannelClosedError("the channel is closed"))
        if self._stream is not None:
            self._stream.fail(error)
        if self._operation.reply is None and reason is None:
            self._answer(Message(), None)
        else:
            self._fail(error)
        done, self._done = self._done, []
        for waiting in done:
            waiting.callback(None)

    # ---- inside

    def _begin(self, content: list[bytes]) -> None:
        if self._message is None and self._decoder.message is not None:
            self._message = message = self._decoder.message
            reply = self._operation.reply
            if reply is None or reply.stream is None or not self._streams(message):
                self._decoder.expect_body()
            else:
                self._stream = Stream(
                    self._channel.pauseReceiving, self._channel.resumeReceiving, self._abandoned
                )
                content = [*content, *self._decoder.expect_stream()]
                self._answer(message, self._stream)
        if self._stream is not None:
            for piece in content:
                self._stream.feed(piece)

    def _streams(self, message: Message) -> bool:
        # A fault has an action of its own; its body is not the stream that was expected.
        reply = self._operation.reply
        assert reply is not None
        return reply.action in (message.action, "*")

    def _abandoned(self) -> None:
        """The caller wants no more of the reply: nobody can tell the service but so."""
        if not self._closed:
            self._channel.abort()

    def _invalid(self, error: Exception) -> None:
        self._channel.fail(ProtocolError(f"{self._channel.via}: the reply cannot be read: {error}"))

    def _late(self) -> None:
        self._channel.fail(
            TransportTimeout(
                f"{self._channel.via}: no reply to {self._operation.name} within "
                f"{self._timeout} s; see send_timeout"
            )
        )

    def _answer(self, message: Message, stream: Stream | None) -> None:
        if not self._answered:
            self._answered = True
            self._timer.stop()
            self._reply.callback((message, stream))

    def _fail(self, failure: Failure) -> None:
        if not self._answered:
            self._answered = True
            self._timer.stop()
            self._reply.errback(failure)
        if not self._closed and not failure.check(CommunicationError):
            # What was to be sent could not be had: without its end nobody takes it for the whole.
            self.log.failure("a streamed request failed", failure)
            self._channel.abort()
