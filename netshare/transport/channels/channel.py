"""
Channels: one framing session each, as its user sees it. Payloads are bytes; what is in them
concerns the layer above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.events import (
    Broken,
    Chunk,
    Closed,
    Ended,
    Envelope,
    Event,
    FaultReceived,
    MessageEnded,
)
from netshare.framing.faults import Fault
from netshare.framing.records import END, Mode
from netshare.framing.sized import envelope_header
from netshare.framing.sizes import encode_size
from netshare.timing import Timer
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationObjectAbortedError,
    ProtocolError,
    TimeoutError,
    TransportError,
    error_for_broken,
    error_for_fault,
)
from netshare.transport.channels.interfaces import IDuplexChannel, ISingletonChannel
from netshare.transport.channels.settings import ChannelSettings

if TYPE_CHECKING:
    from netshare.transport.channels.connection import FramingConnection

#: Why the connection is held while the user of the channel wants nothing.
_RECEIVER = "receiver"


class Channel:
    """
    What both kinds of channel have in common; see :class:`~.interfaces.IChannel`.
    """

    log = Logger()

    def __init__(
        self,
        connection: FramingConnection,
        via: str,
        mode: Mode,
        contentType: str,
        settings: ChannelSettings,
        server: bool,
    ) -> None:
        self.via = via
        self.mode = mode
        self.contentType = contentType
        self.peer = connection.peer
        self.security = connection.security
        self._connection = connection
        self._settings = settings
        self._server = server
        self._receiver: Any = None
        self._peerEnded = False
        self._ended = False
        self._closing = False
        self._closed = False
        self._reason: Failure | None = None
        self._closers: list[Deferred[None]] = []
        self._closeTimer: Timer | None = None

    def start(self, receiver: Any) -> None:
        """Begin to tell the receiver what happens."""
        self._receiver = receiver
        self._connection.outflow.timeout = self._settings.send_timeout
        if not self._closed:
            self._expect()

    def close(self) -> Deferred[None]:
        if self._closed:
            return succeed(None) if self._reason is None else fail(self._reason)
        closed: Deferred[None] = Deferred()
        self._closers.append(closed)
        if not self._closing:
            self._closing = True
            self._finishOutput()
            if not self._closed:
                self._closeTimer = Timer(self._connection.clock, self._closeTimedOut)
                self._closeTimer.start(self._settings.close_timeout)
            self._connection.release(_RECEIVER)
        return closed

    def abort(self) -> None:
        self.fail(CommunicationObjectAbortedError(f"{self.via}: this side aborted the channel"))

    def fault(self, fault: Fault) -> None:
        if not self._server:
            raise RuntimeError("only a server sends faults")
        if not self._closed:
            self._connection.refuse(fault)
            self._done(
                CommunicationObjectAbortedError(
                    f"{self.via}: this side ended the channel with the fault {fault.value}"
                )
            )

    def pauseReceiving(self) -> None:
        if not self._closing and not self._closed:
            self._connection.alarm.stop()
            self._connection.hold(_RECEIVER)

    def resumeReceiving(self) -> None:
        if not self._closed:
            if not self._peerEnded:
                self._expect()
            self._connection.release(_RECEIVER)

    # ---- for the connection

    def happened(self, event: Event) -> None:
        """Something has happened in the session."""
        if isinstance(event, (Ended, Closed)):
            self._peerEnded = True
            self._connection.alarm.stop()
            if not self._closing:
                self._tell("endReceived")
            self._peerHasEnded()
            self._maybeDone()
        elif isinstance(event, FaultReceived):
            if not self._ended and not self._peerEnded:
                self._connection.write(END)  # as .NET's client does
            self._connection.drop()
            self._done(error_for_fault(event.uri, self.via))
        elif isinstance(event, Broken):
            if self._server and event.fault is not None:
                self._connection.refuse(event.fault)
            else:
                self._connection.abort()
            self._done(error_for_broken(event, self.via))

    def fail(self, error: TransportError) -> None:
        """Give the channel up because of an error."""
        if not self._closed:
            self._connection.abort()
            self._done(error)

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._done(reason.value)

    # ---- inside

    def _expect(self) -> None:
        """The time for the other side to send something begins now."""
        self._connection.alarm.start(self._settings.receive_timeout, self._receiveTimedOut)

    def _finishOutput(self) -> None:
        """The user closes the channel: say the last that is to be said."""
        raise NotImplementedError

    def _peerHasEnded(self) -> None:
        """The other side will send nothing more."""

    def _endOutput(self) -> None:
        if not self._ended and not self._closed:
            self._ended = True
            self._connection.sendEnd()
            self._maybeDone()

    def _maybeDone(self) -> None:
        if self._ended and self._peerEnded:
            self._done(None)

    def _done(self, error: BaseException | None) -> None:
        if self._closed:
            return
        self._closed = True
        self._connection.alarm.stop()
        if self._closeTimer is not None:
            self._closeTimer.stop()
        self._reason = None if error is None else Failure(error)
        connection = self._connection
        connection.channel = None
        if error is None:
            connection.sessionOver()
        else:
            connection.outflow.lost()
        if self._receiver is not None:
            try:
                self._receiver.channelClosed(self._reason)
            except Exception:
                self.log.failure("channelClosed of {receiver} failed", receiver=self._receiver)
        closers, self._closers = self._closers, []
        for closer in closers:
            if self._reason is None:
                closer.callback(None)
            else:
                closer.errback(self._reason)
        connection.release(_RECEIVER)
        connection.pump()

    def _tell(self, what: str, *arguments: object) -> None:
        try:
            getattr(self._receiver, what)(*arguments)
        except Exception:
            self.log.failure("{what} of {receiver} failed", what=what, receiver=self._receiver)
            self.fail(
                CommunicationObjectAbortedError(
                    f"{self.via}: the channel's receiver failed in {what}; see the log"
                )
            )

    def _receiveTimedOut(self) -> None:
        seconds = self._settings.receive_timeout
        self.fail(TimeoutError(f"{self.via}: nothing came for {seconds} s; see receive_timeout"))

    def _closeTimedOut(self) -> None:
        seconds = self._settings.close_timeout
        self.fail(
            TimeoutError(
                f"{self.via}: the other side has not ended the session {seconds} s after this "
                "one; see close_timeout"
            )
        )


@implementer(IDuplexChannel)
class DuplexChannel(Channel):
    """
    Whole messages in both directions; see :class:`~.interfaces.IDuplexChannel`.
    """

    def send(self, *payload: bytes | memoryview) -> Deferred[None] | None:
        if self._ended or self._closed:
            why = f": {self._reason.getErrorMessage()}" if self._reason else ""
            raise ChannelClosedError(f"{self.via}: nothing can be sent, the channel is over{why}")
        self._connection.write(envelope_header(sum(map(len, payload))), *payload)
        return self._connection.outflow.waiting()

    def endOutput(self) -> None:
        self._endOutput()

    def happened(self, event: Event) -> None:
        if not isinstance(event, Envelope):
            super().happened(event)
        elif self._closing:
            self.fail(ProtocolError(f"{self.via}: a message came while the channel was closing"))
        else:
            self._expect()
            self._tell("messageReceived", event.payload)

    def _finishOutput(self) -> None:
        self._endOutput()


@implementer(ISingletonChannel)
class SingletonChannel(Channel):
    """
    One streamed message in each direction; see :class:`~.interfaces.ISingletonChannel`.
    """

    _started = False
    _finished = False

    def write(self, data: bytes) -> None:
        if self._finished:
            raise ChannelClosedError(f"{self.via}: the message was finished already")
        if not data or self._closed:
            return
        header = encode_size(len(data))
        self._connection.write(header if self._started else MESSAGE_START + header, data)
        self._started = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._closed or self._finished:
            producer.stopProducing()
        else:
            self._connection.outflow.register(producer, streaming)

    def unregisterProducer(self) -> None:
        self._connection.outflow.unregister()

    def finish(self) -> None:
        if self._finished or self._closed:
            return
        self._finished = True
        self._connection.outflow.unregister()
        if self._started:
            self._connection.write(MESSAGE_STOP)
        elif not self._server:
            self._connection.write(MESSAGE_START, MESSAGE_STOP)
        self._endWhenAllowed()

    def happened(self, event: Event) -> None:
        if isinstance(event, Chunk):
            self._expect()
            if not self._closing:
                self._tell("dataReceived", event.data)
        elif isinstance(event, MessageEnded):
            if not self._closing:
                self._tell("messageEnded")
        else:
            super().happened(event)

    def pauseProducing(self) -> None:
        self.pauseReceiving()

    def resumeProducing(self) -> None:
        self.resumeReceiving()

    def stopProducing(self) -> None:
        self.abort()

    def _finishOutput(self) -> None:
        self.finish()

    def _peerHasEnded(self) -> None:
        if self._finished:
            self._endWhenAllowed()

    def _endWhenAllowed(self) -> None:
        # A server's End says that the socket is free again, so the request must be read first.
        if not self._server or self._peerEnded:
            self._endOutput()


def make_channel(
    connection: FramingConnection,
    via: str,
    mode: Mode,
    contentType: str,
    settings: ChannelSettings,
    server: bool,
) -> DuplexChannel | SingletonChannel:
    """The channel for a mode."""
    kind = DuplexChannel if mode is Mode.DUPLEX else SingletonChannel
    return kind(connection, via, mode, contentType, settings, server)
