"""
One streamed message each way, on a channel of their own: what a service's call and a client's
have in common.

Headers come first. Then the user says whether the body is passed on as it comes, or collected.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.transport.calls.interfaces import IExchangeUser
from netshare.transport.calls.messagelog import LinkLog
from netshare.transport.channels.errors import ChannelClosedError, ProtocolError
from netshare.transport.channels.interfaces import ISingletonChannel, ISingletonReceiver
from netshare.transport.contracts.streams import Reader, Stream, pieces, pump
from netshare.transport.encoders import MessageEncoder
from netshare.transport.encoders.streamed import StreamEncoder, stream_decoder, stream_encoder
from netshare.transport.soap import Message, MessageInvalid, StreamBody
from netshare.transport.xml import XmlException

__all__ = ["Exchange", "StreamUnreadable"]


class StreamUnreadable(ProtocolError):
    """The rest of a stream is not what a stream looks like."""


class _Phase(Enum):
    """How far the other side's message has come."""

    HEADERS = auto()
    #: The body is collected.
    BODY = auto()
    #: The body is passed on.
    STREAM = auto()
    #: It is complete, or cannot be read: what follows is passed over.
    READ = auto()


@implementer(ISingletonReceiver)
class Exchange:
    """
    The receiver of a singleton channel.

    :param encoder: of this side
    :param max_buffer_size: bytes that headers, and a body that is no stream, may have
    :param user: told what comes
    :param channel: the :class:`~.interfaces.ISingletonChannel`; None: it is not open yet
    :param log: of its messages; None: there is none
    """

    def __init__(
        self,
        encoder: MessageEncoder,
        max_buffer_size: int,
        user: IExchangeUser,
        channel: ISingletonChannel | None = None,
        log: LinkLog | None = None,
    ) -> None:
        self._log = log
        #: How many bytes have come.
        self._came = 0
        self._channel = channel
        self.version = encoder.version
        #: The channel is closed.
        self.closed = False
        self._encoder = encoder.session()
        self._decoder = stream_decoder(self._encoder, max_buffer_size)
        self._sending: StreamEncoder | None = None
        self._user = user
        self._phase = _Phase.HEADERS
        self._stream: Stream | None = None

    @property
    def channel(self) -> ISingletonChannel:
        """The channel, once it is open."""
        assert self._channel is not None
        return self._channel

    @channel.setter
    def channel(self, channel: ISingletonChannel) -> None:
        self._channel = channel

    # ---- our message

    def start_of(self, message: Message) -> bytes:
        """
        :returns: the bytes of a message, or of one whose body is a stream those before it
        :raises XmlException: it cannot be written
        """
        message.version = self.version
        self._sending = None
        if isinstance(message.body_content, StreamBody):
            self._sending = stream_encoder(self._encoder)
            start = self._sending.start(message)
        else:
            start = self._encoder.encode(message)
        if self._log is not None:
            via = "" if self._channel is None else self._channel.via
            self._log.sent(message, len(start), via)
        return start

    async def send(self, start: bytes, source: Any, reader: Reader) -> None:
        """
        Send our message, and end our direction.

        :param start: from :meth:`start_of`
        :param source: the stream, if the message has one
        :param reader: reads it
        :raises Exception: the source fails; the message has not been ended then
        """
        self.channel.write(start)
        sending = self._sending
        if sending is not None:
            if not await pump(pieces(source, reader), self.channel, sending.chunk):
                return
            self.channel.write(sending.finish())
        self.channel.finish()

    # ---- their message

    def dataReceived(self, data: bytes) -> None:
        if self._phase is _Phase.READ:
            return
        self._came += len(data)
        try:
            content = self._decoder.feed(data)
            self._advance(content)
        except (XmlException, MessageInvalid) as error:
            self._unreadable(error)

    def messageEnded(self) -> None:
        if self._phase is _Phase.READ:
            return
        try:
            content = self._decoder.finish()
            self._advance(content)
        except (XmlException, MessageInvalid) as error:
            self._unreadable(error)
            return
        self._phase = _Phase.READ
        if self._stream is not None:
            self._stream.end()
        elif self._decoder.message is not None:
            self._arrived(self._decoder.message)

    def endReceived(self) -> None:
        self._user.end_received()

    def channelClosed(self, reason: Failure | None) -> None:
        self.closed = True
        if self._stream is not None:
            self._stream.fail(reason or Failure(ChannelClosedError("the channel is closed")))
        self._user.exchange_over(reason)

    def _advance(self, content: list[bytes]) -> None:
        message = self._decoder.message
        if message is None:
            return
        if self._phase is _Phase.HEADERS:
            if not self._user.is_streamed(message):
                self._phase = _Phase.BODY
                self._decoder.expect_body()
                return
            self._phase = _Phase.STREAM
            self._stream = Stream(
                self.channel.pauseReceiving,
                self.channel.resumeReceiving,
                self._user.stream_abandoned,
            )
            content = self._decoder.expect_stream()
            self._arrived(message)
        if self._stream is not None:
            for piece in content:
                self._stream.feed(piece)

    def _arrived(self, message: Message) -> None:
        if self._log is not None:
            self._log.received(message, self._came, self.channel.via)
        self._user.message_arrived(message, self._stream)

    def _unreadable(self, error: Exception) -> None:
        self._phase = _Phase.READ
        if self._log is not None:
            self._log.unreadable(self._came, error, self.channel.via)
        if self._stream is not None:
            self._stream.fail(Failure(StreamUnreadable(f"{self.channel.via}: {error}")))
        self._user.message_unreadable(self._decoder.message, error)
