"""
Streamed channels: one message in each direction, in as many pieces as its sender likes.
"""

from __future__ import annotations

from enum import Enum

from twisted.internet.interfaces import IProducer
from zope.interface import implementer

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.events import Chunk, Event, MessageEnded
from netshare.framing.sizes import encode_size
from netshare.transport.channels.channel import Channel, ChannelState
from netshare.transport.channels.errors import ChannelClosedError
from netshare.transport.channels.interfaces import ICarriedChannel, ISingletonChannel

__all__ = ["SingletonChannel"]


class _Output(Enum):
    """How far our streamed message is."""

    UNSTARTED = "nothing was written"
    STARTED = "some was written"
    FINISHED = "complete"


@implementer(ISingletonChannel, ICarriedChannel)
class SingletonChannel(Channel):
    """
    One streamed message in each direction; see :class:`~.interfaces.ISingletonChannel`.
    """

    _output = _Output.UNSTARTED

    def write(self, data: bytes) -> None:
        if self._output is _Output.FINISHED:
            raise ChannelClosedError(f"{self.via}: the message was finished already")
        if not data or self._state is ChannelState.CLOSED:
            return
        header = encode_size(len(data))
        if self._output is _Output.UNSTARTED:
            self._output = _Output.STARTED
            header = MESSAGE_START + header
        self._carrier.write(header, data)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        if self._state is ChannelState.CLOSED or self._output is _Output.FINISHED:
            producer.stopProducing()
        else:
            self._carrier.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self._carrier.unregisterProducer()

    def finish(self) -> None:
        if self._output is _Output.FINISHED or self._state is ChannelState.CLOSED:
            return
        self._finishMessage()
        self._endWhenAllowed()

    def happened(self, event: Event) -> None:
        told = self._state is ChannelState.OPEN or self._state is ChannelState.OUTPUT_ENDED
        if isinstance(event, Chunk):
            if told:
                self._expectMore()
                try:
                    self._receiver.dataReceived(event.data)
                except Exception:
                    self._receiverFailed("dataReceived")
        elif isinstance(event, MessageEnded):
            if told:
                try:
                    self._receiver.messageEnded()
                except Exception:
                    self._receiverFailed("messageEnded")
        else:
            super().happened(event)

    def pauseProducing(self) -> None:
        self.pauseReceiving()

    def resumeProducing(self) -> None:
        self.resumeReceiving()

    def stopProducing(self) -> None:
        self.abort()

    def _finishMessage(self) -> None:
        if self._output is _Output.FINISHED:
            return
        self._carrier.unregisterProducer()
        if self._output is _Output.STARTED:
            self._carrier.write(MESSAGE_STOP)
        elif not self._server:
            self._carrier.write(MESSAGE_START, MESSAGE_STOP)
        self._output = _Output.FINISHED

    def _endWhenAllowed(self) -> None:
        if not self._server or self._state is ChannelState.INPUT_ENDED:
            self._endOutput()

    def _inputEnded(self) -> None:
        super()._inputEnded()
        if self._output is _Output.FINISHED:
            self._endWhenAllowed()

    def _close(self) -> None:
        self._finishMessage()
        if self._server and self._state is ChannelState.OPEN:
            self._awaitEnd(ChannelState.DRAINING)
        else:
            super()._close()
