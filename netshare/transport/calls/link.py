"""
One framing session as a link: bytes become messages, and messages bytes.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.transport.calls.interfaces import IMessageLink, IMessageReceiver
from netshare.transport.calls.messagelog import LinkLog
from netshare.transport.channels.errors import ChannelClosedError, ProtocolError, TransportError
from netshare.transport.channels.interfaces import IDuplexChannel, IDuplexReceiver
from netshare.transport.encoders import MessageEncoder
from netshare.transport.encoders.streamed import read_headers
from netshare.transport.soap import Message, MessageInvalid
from netshare.transport.xml import XmlException

__all__ = ["MessageLink"]


@implementer(IMessageLink, IDuplexReceiver)
class MessageLink:
    """
    A duplex channel with the string tables of its session.

    :param encoder: of this side, its :meth:`session` not yet begun
    :param channel: the :class:`~.interfaces.IDuplexChannel`; None: it is not open yet
    :param log: of its messages; None: there is none
    """

    def __init__(
        self,
        encoder: MessageEncoder,
        channel: IDuplexChannel | None = None,
        log: LinkLog | None = None,
    ) -> None:
        self._log = log
        self._channel = channel
        self.version = encoder.version
        self._encoder = encoder.session()
        self._receiver: IMessageReceiver | None = None
        self._closed = False

    @property
    def via(self) -> str:
        """The address that the client asked for; empty before the channel is open."""
        via: str = "" if self._channel is None else self._channel.via
        return via

    @property
    def channel(self) -> IDuplexChannel:
        """The channel, once it is open."""
        assert self._channel is not None
        return self._channel

    @channel.setter
    def channel(self, channel: IDuplexChannel) -> None:
        self._channel = channel

    def start(self, receiver: IMessageReceiver) -> None:
        self._receiver = receiver

    def send(self, message: Message) -> Deferred[None] | None:
        if self._closed or self._channel is None:
            raise ChannelClosedError("the channel is not open")
        message.version = self.version
        pieces = self._encoder.pieces(message)
        sent: Deferred[None] | None = self._channel.send(*pieces)
        if self._log is not None:
            self._log.sent(message, sum(map(len, pieces)), self.via)
        return sent

    def keep_alive(self) -> None:
        if not self._closed:
            self.channel.keepAlive()

    def pause(self) -> None:
        if not self._closed:
            self.channel.pauseReceiving()

    def resume(self) -> None:
        if not self._closed:
            self.channel.resumeReceiving()

    def end_output(self) -> None:
        self.channel.endOutput()

    def close(self) -> Deferred[None]:
        if self._channel is None:
            return succeed(None)
        closed: Deferred[None] = self._channel.close()
        return closed

    def abort(self) -> None:
        if self._channel is not None:
            self._channel.abort()

    def fail(self, error: TransportError) -> None:
        self.channel.fail(error)

    # ---- the channel

    def messageReceived(self, payload: bytes) -> None:
        try:
            message = self._encoder.decode(payload)
            if self._log is not None:
                message.load()
        except (XmlException, MessageInvalid) as error:
            self._unreadable(payload, error)
        else:
            if self._log is not None:
                self._log.received(message, len(payload), self.via)
            assert self._receiver is not None
            self._receiver.message_received(message)

    def _unreadable(self, payload: bytes, error: Exception) -> None:
        if self._log is not None:
            self._log.unreadable(len(payload), error, self.via)
        headers = read_headers(self._encoder, payload)
        if headers is None:
            # There is nothing to answer, or the string tables cannot be trusted after this.
            self.fail(ProtocolError(f"{self.via}: a message cannot be read: {error}"))
        else:
            assert self._receiver is not None
            self._receiver.message_unreadable(headers, error)

    def endReceived(self) -> None:
        assert self._receiver is not None
        self._receiver.end_received()

    def channelClosed(self, reason: Failure | None) -> None:
        self._closed = True
        assert self._receiver is not None
        self._receiver.link_closed(reason)
