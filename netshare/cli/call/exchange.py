"""
One request, one reply, on a channel of its own.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.records import Mode
from netshare.reactors import IReactor
from netshare.transport.channels.channel import DuplexChannel
from netshare.transport.channels.client import FramingChannel
from netshare.transport.channels.errors import ProtocolError, TimeoutError, TransportError
from netshare.transport.channels.interfaces import IDuplexReceiver, ISingletonReceiver
from netshare.transport.channels.singleton import SingletonChannel
from netshare.transport.encoders import MessageEncoder
from netshare.transport.soap import Message, MessageInvalid
from netshare.transport.xml import XmlException

__all__ = ["Exchange"]


@implementer(IDuplexReceiver, ISingletonReceiver)
class Exchange:
    """
    The receiver of a channel of either kind.

    :param encoder: of the session
    :param request: what to send
    :param one_way: whether no reply is waited for
    """

    def __init__(self, encoder: MessageEncoder, request: Message, one_way: bool) -> None:
        self._encoder = encoder
        self._request = request
        self._one_way = one_way
        self._pieces: list[bytes] = []
        self._replied: Deferred[Message] | None = Deferred()
        #: Messages that answered something else: the service called back.
        self.others = 0

    async def run(
        self, reactor: IReactor, channel: FramingChannel, timeout: float
    ) -> Message | None:
        """
        Send the request, wait for the reply, end the session.

        :param timeout: seconds for the reply
        :returns: the reply; None if there is none to wait for
        :raises TransportError: it did not come about
        :raises XmlException: the request cannot be written
        """
        payload = self._encoder.encode(self._request)
        if channel.mode is Mode.SINGLETON:
            streamed = cast(SingletonChannel, channel)
            streamed.write(payload)
            streamed.finish()
        else:
            cast(DuplexChannel, channel).send(payload)
        reply = None
        if not self._one_way:
            assert self._replied is not None
            waiting = self._replied.addTimeout(timeout, reactor, self._late(timeout))
            try:
                reply = await waiting
            except BaseException:
                channel.abort()
                raise
        try:
            await channel.close()
        except TransportError:
            if self._one_way:  # with a reply in hand it does not matter
                raise
        return reply

    def _late(self, timeout: float) -> Any:
        def late(result: Any, _: object) -> Any:
            if isinstance(result, Failure):
                raise TimeoutError(f"there was no reply within {timeout:g} s")
            return result

        return late

    # ---- what the channel tells

    def messageReceived(self, payload: bytes) -> None:
        try:
            message = self._encoder.decode(payload)
        except (XmlException, MessageInvalid) as error:
            self._end(Failure(ProtocolError(f"the reply cannot be read: {error}")))
            return
        if self._answers(message):
            self._end(message)
        else:
            self.others += 1

    def _answers(self, message: Message) -> bool:
        if message.relates_to is None:  # some services leave it out of faults
            return message.is_fault or bool(self._pieces)
        return message.relates_to == self._request.message_id

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)

    def messageEnded(self) -> None:
        self.messageReceived(b"".join(self._pieces))

    def endReceived(self) -> None:
        self._end(Failure(ProtocolError("the service ended the session without a reply")))

    def channelClosed(self, reason: Failure | None) -> None:
        without = ProtocolError("the connection was closed without a reply")
        self._end(Failure(without) if reason is None else reason)

    def _end(self, result: Message | Failure) -> None:
        replied, self._replied = self._replied, None
        if replied is not None and not self._one_way:
            replied.callback(result)  # a Failure takes the other way
