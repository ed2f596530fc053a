"""
A service's channels: the session of a duplex one, the single call of a streamed one.
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.transport.calls.callbacks import CallbackChannel
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.coroutines import begin
from netshare.transport.calls.invoker import Answer, Refused
from netshare.transport.channels.errors import ChannelClosedError, CommunicationError, ProtocolError
from netshare.transport.channels.interfaces import ISingletonReceiver
from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.streams import Stream, pieces, pump
from netshare.transport.encoders.encoders import MessageEncoder
from netshare.transport.encoders.streamed.streaming import stream_decoder
from netshare.transport.hosting.dispatcher import Dispatcher, Session, address_reply
from netshare.transport.soap.message import Message, MessageInvalid, StreamBody
from netshare.transport.xml import XmlException

__all__ = ["RequestChannel", "SessionChannel"]

_NUMBERS = itertools.count(1)
_PROCESS = f"uuid:{uuid.uuid4()};id="


def new_session_id() -> str:
    """:returns: an identifier as WCF gives its sessions."""
    return f"{_PROCESS}{next(_NUMBERS)}"


class SessionChannel:
    """
    A session with a client, on a duplex channel.

    :param channel: the :class:`~.interfaces.IDuplexChannel`
    :param encoder: of the endpoint's messages
    :param dispatcher: serves the requests
    :param clock: where timeouts are set
    :param send_timeout: seconds for the reply to a callback
    :param close_timeout: seconds that a client has to close after the last call
    """

    log = Logger()

    def __init__(
        self,
        channel: Any,
        encoder: MessageEncoder,
        dispatcher: Dispatcher,
        clock: IReactorTime,
        send_timeout: float | None,
        close_timeout: float | None,
    ) -> None:
        self.channel = channel
        self._dispatcher = dispatcher
        self._clock = clock
        self._closeTimeout = close_timeout
        self.receiver = Conversation(encoder, clock, self._requestReceived)
        self.receiver.channel = channel
        self.receiver.ended = self._ended
        self.receiver.lost = self._lost
        self._closing = False
        self._ending: Any = None
        behavior = dispatcher.behavior
        self.session = Session(
            channel.via, channel.peer, channel.security, channel, new_session_id()
        )
        serial = behavior.concurrency_mode is not ConcurrencyMode.MULTIPLE
        self.session.lock = dispatcher.instances.lock() if serial else None
        self.session.callback = CallbackChannel(
            self.session,
            self.receiver,
            behavior.concurrency_mode,
            send_timeout,
            dispatcher.invoker.caller,
        )
        #: Called when the channel is gone.
        self.gone: Any = lambda: None
        dispatcher.throttles.session_begun()

    def close(self) -> Deferred[None]:
        """
        End the session when the calls that are under way have been answered.
        """
        return ensureDeferred(self._close())

    def abort(self) -> None:
        """End the session, and the connection, at once."""
        self.channel.abort()

    async def _close(self) -> None:
        await self.receiver.idle()
        self._closing = True
        await self.channel.close()

    # ---- the conversation

    def _requestReceived(self, message: Message) -> Deferred[None] | None:
        return begin(self._serve(message))

    async def _serve(self, message: Message) -> None:
        answer = await self._dispatcher.dispatch(self.session, message)
        if self.receiver.closed:
            return
        if answer.message is not None:
            await self._send(answer, message)
        if answer.broken:
            # As WCF: after an exception that nobody expected the session is not trusted.
            self._end()
        elif answer.terminates:
            self._endSoon()

    async def _send(self, answer: Answer, request: Message) -> None:
        assert answer.message is not None
        try:
            sent = self.receiver.send(answer.message)
        except ChannelClosedError:
            return
        except Exception:
            self.log.failure("the reply to {action} cannot be written", action=request.action)
            fault = self._dispatcher.invoker.internal_fault()
            answer.message = fault.to_message(version=request.version)
            answer.broken = True
            address_reply(answer.message, request, self.session)
            sent = self.receiver.send(answer.message)
        if sent is None:
            return
        try:
            await sent
        except CommunicationError:
            pass  # the channel is gone, which its own receiver is told

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self.channel.close().addErrback(lambda failure: None)

    def _endSoon(self) -> None:
        """The session is over; give the client the time to close it."""
        if self._ending is None and self._closeTimeout is not None:
            self._ending = self._clock.callLater(self._closeTimeout, self._waitedEnough)

    def _waitedEnough(self) -> None:
        self._ending = None
        self.channel.abort()

    def _ended(self) -> None:
        # The client sends no more: answer what is under way, then end, too.
        if self.receiver.busy:
            self.receiver.idle().addCallback(lambda _: self._end())
        else:
            self._end()

    def _lost(self, reason: Failure | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if reason is not None:
            self.log.debug("{via}: {reason}", via=self.channel.via, reason=reason.value)
        self._dispatcher.session_over(self.session)
        self._dispatcher.throttles.session_over()
        self.gone()


@implementer(ISingletonReceiver)
class RequestChannel:
    """
    One call, on a singleton channel.

    :param channel: the :class:`~.interfaces.ISingletonChannel`
    :param encoder: of the endpoint's messages
    :param dispatcher: serves the request
    :param max_buffer_size: bytes that headers, and a body that is no stream, may have
    """

    log = Logger()

    def __init__(
        self,
        channel: Any,
        encoder: MessageEncoder,
        dispatcher: Dispatcher,
        max_buffer_size: int,
    ) -> None:
        self.channel = channel
        self._encoder = encoder.session()
        self._decoder = stream_decoder(self._encoder, max_buffer_size)
        self._dispatcher = dispatcher
        self._message: Message | None = None
        self._stream: Stream | None = None
        self._ended = False
        self._serving: Deferred[None] | None = None
        self.session = Session(channel.via, channel.peer, channel.security, channel, None)
        #: Called when the channel is gone.
        self.gone: Any = lambda: None

    def close(self) -> Deferred[None]:
        """:returns: a Deferred that fires when the call is answered and the channel closed."""
        serving = self._serving
        if serving is None:
            closed: Deferred[None] = self.channel.close()
            return closed
        done: Deferred[None] = Deferred()
        serving.addBoth(lambda _: done.callback(None))
        return done

    def abort(self) -> None:
        """End the call, and the connection, at once."""
        self.channel.abort()

    # ---- the channel

    def dataReceived(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            pieces_ = self._decoder.feed(data)
            if self._message is None and self._decoder.message is not None:
                self._message = self._decoder.message
                pieces_ = [*pieces_, *self._begin()]
        except (XmlException, MessageInvalid) as error:
            self._invalid(error)
            return
        self._pass(pieces_)

    def messageEnded(self) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            rest = self._decoder.finish()
            if self._message is None and self._decoder.message is not None:
                self._message = self._decoder.message
                rest = [*rest, *self._begin()]
        except (XmlException, MessageInvalid) as error:
            self._invalid(error)
            return
        self._pass(rest)
        if self._stream is not None:
            self._stream.end()
        elif self._message is not None:
            self._start(self._message, None)

    def endReceived(self) -> None:
        """The client will send nothing more; the channel closes after the reply."""

    def channelClosed(self, reason: Failure | None) -> None:
        if self._stream is not None:
            self._stream.fail(reason or Failure(ChannelClosedError("the channel is closed")))
        if reason is not None:
            self.log.debug("{via}: {reason}", via=self.channel.via, reason=reason.value)
        self.gone()

    # ---- inside

    def _begin(self) -> list[bytes]:
        """The headers are there: choose whether the body is waited for."""
        message = self._message
        assert message is not None
        try:
            operation = self._dispatcher.operation(self.session, message)
        except Refused:
            operation = None  # it will be refused again, when it is dispatched
        if operation is None or operation.request.stream is None:
            self._decoder.expect_body()
            return []
        self._stream = Stream(
            self.channel.pauseReceiving, self.channel.resumeReceiving, self._abandoned
        )
        first = self._decoder.expect_stream()
        self._pass(first)
        self._start(message, self._stream)
        return []

    def _pass(self, data: list[bytes]) -> None:
        if self._stream is not None:
            for piece in data:
                self._stream.feed(piece)

    def _abandoned(self) -> None:
        """The service wants no more of the request: let the rest go by."""
        self.channel.resumeReceiving()

    def _invalid(self, error: Exception) -> None:
        self._ended = True
        # WCF has no fault for what is no message.
        self.channel.fail(ProtocolError(f"{self.channel.via}: the request cannot be read: {error}"))

    def _start(self, message: Message, stream: Stream | None) -> None:
        self._serving = ensureDeferred(self._serve(message, stream))
        self._serving.addErrback(self._failed)

    async def _serve(self, message: Message, stream: Stream | None) -> None:
        answer = await self._dispatcher.dispatch(self.session, message, stream)
        reply = answer.message
        if stream is not None and not stream.ended:
            stream.close()  # what the operation did not read nobody will
        if reply is None:
            self.channel.finish()
            return
        if answer.stream is None and not self._hasStream(reply):
            self.channel.write(self._write(reply, message))
        else:
            encoder = self._encoder.stream_encoder()
            reply.version = self._encoder.version
            self.channel.write(encoder.start(reply))
            source = pieces(answer.stream, self._dispatcher.invoker.caller)
            if not await pump(source, self.channel, encoder.chunk):
                return
            self.channel.write(encoder.finish())
        self.channel.finish()

    def _hasStream(self, reply: Message) -> bool:
        return isinstance(reply.body_content, StreamBody)

    def _write(self, reply: Message, request: Message) -> bytes:
        reply.version = self._encoder.version
        try:
            return self._encoder.encode(reply)
        except Exception:
            self.log.failure("the reply to {action} cannot be written", action=request.action)
            fault = self._dispatcher.invoker.internal_fault()
            instead = fault.to_message(version=request.version)
            address_reply(instead, request, self.session)
            return self._encoder.encode(instead)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("{via}: the reply could not be sent", failure, via=self.channel.via)
        self.channel.abort()
